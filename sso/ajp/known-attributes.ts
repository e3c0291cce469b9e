/**
 * The request attributes that balancers send by themselves. Any other comes from a line of the balancer's
 * configuration, or from somebody who wants to tell the application what it would otherwise know by itself
 * (CVE-2020-1938 began so): it is refused unless the options name it, as Tomcat's
 * `allowedRequestAttributesPattern` has it.
 */

/** Attributes that become something of the connection. */
export const remotePort = 'AJP_REMOTE_PORT';
export const localAddress = 'AJP_LOCAL_ADDR';
export const sslProtocol = 'AJP_SSL_PROTOCOL';

const known: ReadonlySet<string> = new Set([
  ...[remotePort, localAddress, sslProtocol, 'JK_LB_ACTIVATION'],
  ...['javax.servlet.request.cipher_suite', 'javax.servlet.request.key_size'],
  ...['javax.servlet.request.ssl_session', 'javax.servlet.request.X509Certificate'],
  ...['CERT_ISSUER', 'CERT_SUBJECT', 'CERT_COOKIE', 'CERT_FLAGS', 'CERT_SERIALNUMBER'],
  ...['HTTPS_SERVER_SUBJECT', 'HTTPS_SERVER_ISSUER', 'HTTPS_SECRETKEYSIZE', 'HTTPS_KEYSIZE'],
]);

/** The first that is neither known nor allowed. */
export function strangeAttribute(
  attributes: ReadonlyMap<string, string>,
  allowed: ReadonlySet<string>,
): string | undefined {
  for (const name of attributes.keys()) if (!known.has(name) && !allowed.has(name)) return name;
  return undefined;
}
