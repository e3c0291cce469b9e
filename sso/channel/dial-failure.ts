/** Why a connection that we dialled never came about, in words that an operator can act on. */

export interface DialFailure {
  /**
   * `absent`: nobody is there. `unknown`: it may be the network. `credentials`: what we presented was refused, another
   * key of ours may do. `foreign`: what is there is no node of this cluster.
   */
  readonly kind: 'absent' | 'unknown' | 'credentials' | 'foreign';
  readonly why: string;
}

/** By OpenSSL's reason or the operating system's code; the first that matches. Releases of Node spell some differently. */
const reasons: readonly (readonly [RegExp, DialFailure['kind'], string])[] = [
  [/HANDSHAKE_FAILURE/, 'credentials', 'it has another secret, or another cluster name'],
  [/ILLEGAL_PARAMETER|DECRYPT_ERROR/, 'credentials', "this node's key is not the one it expects"],
  [/NO_APPLICATION_PROTOCOL/, 'credentials', 'it belongs to another cluster'],
  [/WRONG_VERSION|PROTOCOL_VERSION|PACKET_LENGTH/, 'foreign', 'what listens there does not speak TLS 1.3'],
  [/ECONNREFUSED/, 'absent', 'nothing listens there'],
  [/ENOTFOUND/, 'absent', 'there is no such host'],
  [/SSL|TLS|CERT|ISSUER|CHAIN|VERIFY|SIGNATURE/, 'foreign', ''],
];

export function dialFailure({ code = '', message }: NodeJS.ErrnoException): DialFailure {
  const [, kind = 'unknown', why = ''] = reasons.find(([pattern]) => pattern.test(code)) ?? [];
  return {
    kind,
    why: why || (code === '' || code === 'ERR_TLS_FOREIGN' || message.includes(code) ? message : `${code}: ${message}`),
  };
}

/** What listens there speaks TLS, but is no node of this cluster. */
export function foreignListener(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_TLS_FOREIGN' });
}
