/** AJP/1.3 as a balancer writes it, from the protocol's description and not from ours: numbers are written out again. */

export interface Forwarded {
  /** A name, or a code of no method. */
  readonly method?: string | number;
  readonly protocol?: string;
  readonly uri?: string;
  readonly remoteAddress?: string;
  readonly remoteHost?: string | null;
  readonly serverName?: string;
  readonly serverPort?: number;
  readonly isSsl?: boolean;
  readonly headers?: readonly (readonly [string | number, string | null])[];
  readonly secret?: string | null;
  readonly query?: string;
  readonly user?: string;
  readonly authType?: string;
  readonly route?: string;
  readonly cert?: string;
  readonly cipher?: string;
  readonly session?: string;
  readonly keySize?: number;
  readonly named?: readonly (readonly [string, string | null])[];
  /** More attributes, as bytes. */
  readonly more?: Buffer;
  /** After the end. */
  readonly trailing?: Buffer;
}

const methods = (
  'OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL REPORT VERSION-CONTROL ' +
  'CHECKIN CHECKOUT UNCHECKOUT SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY'
).split(' ');
const requestNames = (
  'accept accept-charset accept-encoding accept-language authorization connection content-type content-length cookie ' +
  'cookie2 host pragma referer user-agent'
).split(' ');
export const answerNames = (
  'Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie Set-Cookie2 Servlet-Engine ' +
  'Status WWW-Authenticate'
).split(' ');

export const integer = (value: number): Buffer => Buffer.of((value >> 8) & 0xff, value & 0xff);

export function text(value: string | null): Buffer {
  if (value === null) return integer(0xffff);
  return Buffer.concat([integer(value.length), Buffer.from(value, 'latin1'), Buffer.of(0)]);
}

export const packet = (payload: Buffer, magic = 0x1234): Buffer =>
  Buffer.concat([integer(magic), integer(payload.length), payload]);

export const cping: Buffer = packet(Buffer.of(10));

/** A piece of a request's body; empty: there is no more. */
export const bodyPacket = (data: Buffer): Buffer =>
  packet(data.length === 0 ? data : Buffer.concat([integer(data.length), data]));

function name(header: string | number): Buffer {
  if (typeof header === 'number') return integer(header);
  const code = requestNames.indexOf(header.toLowerCase()) + 1;
  return code === 0 ? text(header) : Buffer.of(0xa0, code);
}

export function forwardPayload(given: Forwarded): Buffer {
  const { method = 'GET', headers = [['host', 'app1.xyz.test']], query, secret, named = [] } = given;
  const code = typeof method === 'number' ? method : methods.indexOf(method) + 1;
  const coded = (attribute: number, value: string | null | undefined) =>
    value === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.of(attribute), text(value)]);
  return Buffer.concat([
    Buffer.of(2, code === 0 ? 0xff : code),
    text(given.protocol ?? 'HTTP/1.1'),
    text(given.uri ?? '/'),
    text(given.remoteAddress ?? '203.0.113.9'),
    text(given.remoteHost ?? null),
    text(given.serverName ?? 'app1.xyz.test'),
    integer(given.serverPort ?? 443),
    Buffer.of((given.isSsl ?? true) ? 1 : 0),
    integer(headers.length),
    ...headers.flatMap(([header, value]) => [name(header), text(value)]),
    coded(0x0c, secret),
    coded(0x03, given.user),
    coded(0x04, given.authType),
    coded(0x05, query),
    coded(0x06, given.route),
    coded(0x07, given.cert),
    coded(0x08, given.cipher),
    coded(0x09, given.session),
    given.keySize === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0b), integer(given.keySize)]),
    code === 0 && typeof method === 'string' ? coded(0x0d, method) : Buffer.alloc(0),
    ...named.map(([attribute, value]) => Buffer.concat([Buffer.of(0x0a), text(attribute), text(value)])),
    given.more ?? Buffer.alloc(0),
    Buffer.of(0xff),
    given.trailing ?? Buffer.alloc(0),
  ]);
}

export const forward = (given: Forwarded): Buffer => packet(forwardPayload(given));

/** What a node sends. */
export type Sent =
  | {
      readonly kind: 'headers';
      readonly status: number;
      readonly message: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'chunk'; readonly data: Buffer }
  | { readonly kind: 'end'; readonly reuse: boolean }
  | { readonly kind: 'get-body'; readonly bytes: number }
  | { readonly kind: 'cpong' };

/** @throws Error whatever is not as the protocol has it */
export function readSent(payload: Buffer): Sent {
  const [code] = payload;
  let at = 1;
  const int = () => {
    const value = payload.readUInt16BE(at);
    at += 2;
    return value;
  };
  const string = () => {
    const length = int();
    const value = payload.toString('latin1', at, at + length);
    if (payload[at + length] !== 0) throw new Error('a string without its end');
    at += length + 1;
    return value;
  };
  const whole = <T extends Sent>(sent: T): T => {
    if (at !== payload.length) throw new Error(`${payload.length - at} bytes too many in ${sent.kind}`);
    return sent;
  };
  if (code === 9) return whole({ kind: 'cpong' });
  if (code === 6) return whole({ kind: 'get-body', bytes: int() });
  if (code === 5) return whole({ kind: 'end', reuse: payload[at++] === 1 });
  if (code === 3) {
    const length = int();
    const data = payload.subarray(at, at + length);
    at += length + 1;
    return whole({ kind: 'chunk', data });
  }
  if (code !== 4) throw new Error(`a packet of code ${code}`);
  const status = int();
  const message = string();
  const headers = Array.from({ length: int() }, () => {
    const coded = payload.readUInt16BE(at);
    const header = coded >> 8 === 0xa0 ? answerNames[(int() & 0xff) - 1]! : string();
    return [header, string()] as const;
  });
  return whole({ kind: 'headers', status, message, headers });
}
