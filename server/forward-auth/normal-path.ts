/**
 * The path that a request asks for, in the one form in which every server behind the proxy reads it
 * (T11, check 52). Servers disagree about much: whether `//` is `/`, whether `;x` belongs to a segment,
 * whether `%2f` separates, whether to decode twice, or at all: to Express `/%70ublic` is not `/public`. A path
 * that they could read differently is `ambiguous`, and no rule about paths is judged by it; what no browser sends and no server should get
 * (dot segments, control characters, broken UTF-8, `#`, a whole address: check 55) is `malformed`, and
 * refused whatever the rules say. Case is kept.
 */

export type NormalPath =
  /** Decoded: `/straße` for `/stra%C3%9Fe`. */
  { readonly kind: 'plain'; readonly path: string } | { readonly kind: 'ambiguous' } | { readonly kind: 'malformed' };

const malformed: NormalPath = { kind: 'malformed' };
const ambiguous: NormalPath = { kind: 'ambiguous' };

export const maxTargetLength = 8_192;
/** Most paths: nothing to decode, nothing to doubt. */
const simple = /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@-]+(?:\.[A-Za-z0-9_~!$&'()*+,=:@-]+)*)*\/?$/;
/** RFC 3986 3.3, and what browsers leave as it is besides. No backslash, no fragment, nothing beyond ASCII. */
const visible = /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/;
const escaped = /%(?:[0-9A-Fa-f]{2})?/g;
/** Escaped for no reason (RFC 3986 2.3; `~` alone was not always free of it), or for a good one. */
const readDifferently = /[A-Za-z0-9._/\\%?#;-]/;
/** Of what was decoded: segments that servers resolve, also once their parameters are cut off (`/..;x/`). */
const dotSegment = /(?:^|\/)\.{1,2}(?:;[^/]*)?(?=\/|$)/;

/** @param target the request's own, as in `/reports?year=2026`; the query is not judged, but has to be one */
export function normalPath(target: string): NormalPath {
  if (target.length > maxTargetLength || target.charCodeAt(0) !== 47) return malformed;
  const at = target.indexOf('?');
  const raw = at === -1 ? target : target.slice(0, at);
  if (at !== -1 && !/^[\x21\x22\x24-\x7e]*$/.test(target.slice(at))) return malformed;
  if (simple.test(raw)) return { kind: 'plain', path: raw };
  if (!visible.test(raw)) return malformed;
  let isAmbiguous = raw.includes('//') || raw.includes(';');
  for (const [octet] of raw.matchAll(escaped)) {
    if (octet.length === 1) return malformed; // RFC 3986 2.1: a percent sign begins two digits
    const code = Number.parseInt(octet.slice(1), 16);
    if (code < 0x20 || code === 0x7f) return malformed;
    if (readDifferently.test(String.fromCharCode(code))) isAmbiguous = true;
  }
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return malformed; // not UTF-8
  }
  if (/[\p{Cc}\p{Cs}]/u.test(path)) return malformed;
  // Also as a server reads it that decodes twice, or takes a backslash for a slash.
  if (dotSegment.test(path.replaceAll('\\', '/')) || dotSegment.test(decodedAgain(path))) return malformed;
  return isAmbiguous ? ambiguous : { kind: 'plain', path };
}

function decodedAgain(path: string): string {
  return path.replace(/%(?:25)*2e/gi, '.').replace(/%(?:25)*(?:2f|5c)/gi, '/');
}
