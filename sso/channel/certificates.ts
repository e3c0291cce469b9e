/**
 * The operator's own certificates in place of keys from the secret: mutual TLS 1.3 with a pinned
 * authority, the subject alternative name is the node's name. What could not work is refused at start,
 * never met by a peer first (check 75).
 */

import { X509Certificate } from 'node:crypto';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { configError } from '../errors.ts';
import { type Credentials, protocolOf, tls13 } from './credentials.ts';

/** PEM texts. */
export interface Certificates {
  /** This node's certificate and those between it and the authority; its subject alternative name is the node's name, its use both server and client. */
  readonly cert: string;
  readonly key: string;
  /** Who signs the nodes of this cluster; nobody else is believed. */
  readonly ca: string;
}

/** @throws SsoError ERR_CONFIG_INVALID they are malformed, do not belong together, name another node, or are over */
export function certificateCredentials(
  cluster: string,
  node: string,
  certificates: Certificates,
  now: number,
): Credentials {
  check(node, certificates, now);
  const { cert, key, ca } = certificates;
  const shared = { ...tls13, cert, key, ca, ALPNProtocols: [protocolOf(cluster)] };
  return {
    server: { ...shared, requestCert: true, rejectUnauthorized: true },
    choices: () => 1,
    // The authority is checked in the handshake; the name is known with the hello.
    client: () => ({ ...shared, rejectUnauthorized: true, checkServerIdentity: () => undefined }),
    vouches(socket: TLSSocket, _dialled, claimed) {
      const theirs = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      return theirs !== undefined && names(theirs, claimed);
    },
    claimOf: () => undefined,
  };
}

function check(node: string, { cert, key, ca }: Certificates, now: number): void {
  const [own] = parsePem('cluster.tls.cert', cert);
  parsePem('cluster.tls.ca', ca);
  try {
    createSecureContext({ ...tls13, cert, key, ca });
  } catch (cause) {
    throw configError(
      'cluster.tls.key',
      `does not fit the certificate, or is no PEM key (${(cause as Error).message})`,
    );
  }
  if (!names(own!, node))
    throw configError(
      'cluster.tls.cert',
      `its subject alternative name must be the node's name, "${node}", but is "${own!.subjectAltName ?? ''}"`,
    );
  if (now > Date.parse(own!.validTo)) throw configError('cluster.tls.cert', `was valid to ${own!.validTo}`);
  if (now < Date.parse(own!.validFrom)) throw configError('cluster.tls.cert', `is valid from ${own!.validFrom}`);
}

/** The whole name, as a subject alternative name: no wildcard, no common name (RFC 9525 section 6). */
function names(certificate: X509Certificate, node: string): boolean {
  return certificate.checkHost(node, { subject: 'never', wildcards: false, partialWildcards: false }) !== undefined;
}

const pemShape = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parsePem(path: string, text: string): readonly X509Certificate[] {
  try {
    const found = text.match(pemShape)?.map((pem) => new X509Certificate(pem)) ?? [];
    if (found.length > 0) return found;
  } catch {}
  throw configError(path, 'holds no certificate in PEM form');
}
