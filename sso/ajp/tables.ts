/** The numbers of AJP/1.3: what its packets are called and which words it writes as a number. Source: the Tomcat Connectors' "AJP Protocol Reference", AJPv13. */

/** What the balancer sends. A body packet has no code: it is known by the state of the connection. */
export const incoming = { forwardRequest: 2, shutdown: 7, ping: 8, cping: 10 } as const;

/** What is sent to the balancer. */
export const outgoing = { sendBodyChunk: 3, sendHeaders: 4, endResponse: 5, getBodyChunk: 6, cpong: 9 } as const;

/** A packet is this magic, two bytes of length, and the payload. */
export const magic = { fromBalancer: 0x1234, fromNode: 0x4142 } as const;
export const headerBytes = 4;

/** The method's name is in the attribute `storedMethod`. */
export const storedMethod = 0xff;

/** By code, from 1. */
const methods = [
  ...['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE'],
  ...['LOCK', 'UNLOCK', 'ACL', 'REPORT', 'VERSION-CONTROL', 'CHECKIN', 'CHECKOUT', 'UNCHECKOUT', 'SEARCH'],
  ...['MKWORKSPACE', 'UPDATE', 'LABEL', 'MERGE', 'BASELINE-CONTROL', 'MKACTIVITY'],
] as const;

/** `undefined`: no method has this code. */
export function methodOf(code: number): string | undefined {
  return methods[code - 1];
}

/** A header's name is a string, or this with the name's code in its lower byte. */
export const codedName = 0xa000;

/** By code, from 1. */
const requestHeaders = [
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'authorization', 'connection', 'content-type'],
  ...['content-length', 'cookie', 'cookie2', 'host', 'pragma', 'referer', 'user-agent'],
] as const;

export function requestHeaderOf(code: number): string | undefined {
  return requestHeaders[code - 1];
}

/** By code, from 1. */
const responseHeaders = [
  ...['content-type', 'content-language', 'content-length', 'date', 'last-modified', 'location', 'set-cookie'],
  ...['set-cookie2', 'servlet-engine', 'status', 'www-authenticate'],
] as const;

/** 0: it goes by name. */
export function codeOfResponseHeader(name: string): number {
  return (responseHeaders as readonly string[]).indexOf(name.toLowerCase()) + 1;
}

/** What may follow the headers of a request. */
export const attributes = {
  context: 0x01,
  servletPath: 0x02,
  remoteUser: 0x03,
  authType: 0x04,
  queryString: 0x05,
  jvmRoute: 0x06,
  sslCert: 0x07,
  sslCipher: 0x08,
  sslSession: 0x09,
  /** A name and a value. */
  named: 0x0a,
  /** Two bytes, no string. */
  sslKeySize: 0x0b,
  secret: 0x0c,
  storedMethod: 0x0d,
  done: 0xff,
} as const;
