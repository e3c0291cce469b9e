/**
 * The header fields of a request that came by AJP, as they go on to the application. What could make one
 * request of two, or leave in doubt where its body ends, is refused (check 49); what was meant for the
 * connection between browser and balancer ends there (RFC 9110, 7.6.1).
 */

export type Body =
  | { readonly kind: 'none' }
  /** The balancer sends the first packet by itself, the others when they are asked for. */
  | { readonly kind: 'sized'; readonly bytes: number }
  /** Every packet is asked for, until an empty one comes. */
  | { readonly kind: 'unsized' };

export type Fields =
  | { readonly kind: 'fields'; readonly headers: readonly string[]; readonly body: Body }
  | { readonly kind: 'refused'; readonly status: number; readonly why: string };

export interface FieldRules {
  readonly headersAtMost: number;
  readonly keepsForwarded: boolean;
}

interface Request {
  readonly method: string;
  readonly headers: readonly string[];
  /** What the browser asked, where it said no Host (HTTP/1.0). */
  readonly host: string;
}

/** RFC 9110, 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110, 5.5: no CR, LF or NUL, and no other control character than a tab. */
const value = /^[\t\x20-\x7e\x80-\xff]*$/;
const digits = /^\d{1,15}$/;
const hostShape = /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/;

/** Of this hop alone, or told anew on the next. */
const ofTheHop: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'content-length'],
  ...['upgrade', 'http2-settings', 'expect'],
]);
/** Anybody can write them, and AJP itself says what they would. */
const forwarded = /^(?:forwarded|x-forwarded-.*)$/;
/** Whose body may be of unknown length without a word about it, as of a request that reached the balancer by HTTP/2. */
const mayHaveBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

export function admitFields({ method, headers, host }: Request, rules: FieldRules): Fields {
  const told = new Map<string, string>();
  const kept: string[] = [];
  if (headers.length / 2 > rules.headersAtMost) return refused(431, 'too many headers');
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const text = headers[i + 1]!;
    if (!token.test(name)) return refused(400, 'a header name that is none');
    if (!value.test(text)) return refused(400, 'a header value with control characters');
    const lower = name.toLowerCase();
    if (lower === 'host' || ofTheHop.has(lower)) {
      if (told.has(lower) && mustBeOne.has(lower)) return refused(400, `${lower} comes twice`);
      told.set(lower, told.has(lower) ? `${told.get(lower)}, ${text}` : text);
    }
    if (ofTheHop.has(lower) || (!rules.keepsForwarded && forwarded.test(lower))) continue;
    kept.push(name, text);
  }
  if (!told.has('host') && !hostShape.test(host)) return refused(400, 'no host');
  // No balancer passes a WebSocket over AJP, whose packets end with the answer; another offer to upgrade may be ignored (RFC 9110, 7.8).
  if (/\bwebsocket\b/i.test(told.get('upgrade') ?? '')) return refused(501, 'upgrade');
  if (!/^(?:100-continue)?$/i.test(told.get('expect') ?? '')) return refused(417, 'an expectation that nobody knows');
  const body = bodyOf(method, told);
  if (body.kind === 'refused') return body;
  const framing = framingOf(method, body);
  return {
    kind: 'fields',
    headers: [...(told.has('host') ? [] : ['host', host]), ...kept, ...framing, 'connection', 'close'],
    body,
  };
}

const mustBeOne: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);

function bodyOf(method: string, told: ReadonlyMap<string, string>): Body | ReturnType<typeof refused> {
  const length = told.get('content-length');
  const coding = told.get('transfer-encoding');
  if (coding !== undefined) {
    if (length !== undefined) return refused(400, 'Content-Length and Transfer-Encoding'); // RFC 9112, 6.1
    if (coding.toLowerCase() !== 'chunked') return refused(501, 'a Transfer-Encoding other than chunked');
    return { kind: 'unsized' };
  }
  if (length === undefined) return { kind: mayHaveBody.has(method) ? 'unsized' : 'none' };
  if (!digits.test(length)) return refused(400, 'a Content-Length that is no number');
  return Number(length) === 0 ? { kind: 'none' } : { kind: 'sized', bytes: Number(length) };
}

/**
 * What the application reads of the body's length. mod_jk says Content-Length 0 of every request without a
 * body; it is kept where a browser says it too.
 */
function framingOf(method: string, body: Body): readonly string[] {
  if (body.kind === 'sized') return ['content-length', String(body.bytes)];
  if (body.kind === 'unsized') return ['transfer-encoding', 'chunked'];
  return bodyless.has(method) ? [] : ['content-length', '0'];
}

const bodyless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

const refused = (status: number, why: string) => ({ kind: 'refused', status, why }) as const;
