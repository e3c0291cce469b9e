/**
 * What lets a node into the cluster, by TLS 1.3 in both ways: keys derived from the secret (external
 * pre-shared keys, RFC 8446 section 2.2, with an X25519 exchange, so recorded traffic stays closed to
 * whoever learns the secret later), or the operator's own certificates. There is no third, plain way.
 *
 * The identity on the wire names cluster, node and key; the listener derives the dialler's key by that
 * name, so that nobody speaks for another node. Resumption is off: a ticket would outlive a retired
 * secret. The cluster's name is the TLS application protocol (ALPN, RFC 7301) as well, so certificates
 * of one authority do not join two clusters.
 */

import { constants } from 'node:crypto';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { configError } from '../errors.ts';
import type { MeshKey } from '../keys.ts';
import { foreignListener } from './dial-failure.ts';
import { namePattern } from './hello.ts';

export interface Credentials {
  readonly server: TlsOptions;
  /** What the dialler presents; with several keys, `attempt` counts through them. */
  client(attempt: number): ConnectionOptions;
  /** How many different credentials the dialler can try. */
  choices(): number;
  /** Whether the other end of a secured connection, which `dialled` we or it, may call itself `node`. */
  vouches(socket: TLSSocket, dialled: 'by-us' | 'by-them', node: string): boolean;
  /** What the other end claimed before its handshake failed with this code, for the log; never trusted. */
  claimOf(socket: TLSSocket, code: string): string | undefined;
}

/** OpenSSL takes identities of 256 bytes; the fixed parts need 21. */
export const clusterNameAtMost = 64;

export function protocolOf(cluster: string): string {
  return `latchkey/1/${cluster}`;
}

export function identityOf(cluster: string, node: string, keyId: string): string {
  return `${protocolOf(cluster)}/${node}/${keyId}`;
}

/** What OpenSSL says where the key is not the one that the identity names (RFC 8446 section 4.2.11.2). */
const wrongKey = /BINDER|DECRYPT|BAD_RECORD_MAC/;

const identityShape = /^latchkey\/1\/([^/]+)\/([^/]+)\/([0-9a-f]{8})$/;

/** What both kinds have in common: nothing to negotiate, nothing to resume. */
export const tls13 = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  ecdhCurve: 'X25519',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** @throws SsoError ERR_CONFIG_INVALID there is no usable key */
export function keyCredentials(cluster: string, node: string, keys: (node: string) => readonly MeshKey[]): Credentials {
  const own = keys(node);
  if (own.length === 0 || own.some(({ key }) => key.length !== 32))
    throw configError('secret', 'gives no key for the cluster');
  const named = new WeakMap<TLSSocket, { readonly node: string; readonly why: string | undefined }>();
  return {
    server: {
      ...tls13,
      ALPNProtocols: [protocolOf(cluster)],
      pskCallback(socket, identity) {
        const [, theirCluster = '', theirNode = '', keyId = ''] = identityShape.exec(identity) ?? [];
        if (!namePattern.test(theirNode) || !namePattern.test(theirCluster)) return null;
        const found = theirCluster === cluster ? keys(theirNode).find((one) => one.keyId === keyId) : undefined;
        const why =
          theirCluster !== cluster
            ? ` with another cluster, "${theirCluster}"`
            : found === undefined
              ? ' with a secret unknown here'
              : undefined;
        named.set(socket, { node: theirNode, why });
        return found?.key ?? null;
      },
    },
    choices: () => keys(node).length,
    client(attempt) {
      const mine = keys(node);
      const { keyId, key } = mine[attempt % mine.length]!;
      return {
        ...tls13,
        ca: [],
        ALPNProtocols: [protocolOf(cluster)],
        pskCallback: () => ({ psk: key, identity: identityOf(cluster, node, keyId) }),
        // Called only if the listener shows a certificate, whoever signed it: then it did not prove that it knows the key.
        checkServerIdentity: () => foreignListener('the listener shows a certificate where a key was expected'),
      };
    },
    // A listener has proven that it knows our key: it is a full node, which could derive any, or this node itself.
    vouches: (socket, dialled, claimed) => dialled === 'by-us' || named.get(socket)?.node === claimed,
    claimOf(socket, code) {
      const claimed = named.get(socket);
      if (claimed === undefined) return undefined;
      // A connection that ended early proves nothing about its key.
      return `node "${claimed.node}"${claimed.why ?? (wrongKey.test(code) ? ' with a wrong key' : '')}`;
    },
  };
}
