/**
 * Where a browser may be sent after signing on or off. An address is taken only if the parser that
 * browsers use (WHATWG URL) says it stays on this host, or on an origin that is configured exactly;
 * what parsers disagree about is refused before it is parsed (T10, checks 41, 42, 45). What stays on
 * this host is answered as a path, so a forged Host header cannot lead anywhere (check 47).
 */

import type { Request } from 'express';
import { parseUrl } from './url.ts';

const maxAddressLength = 2_048;
/** White space, control characters, backslashes, and whatever is not ASCII: browsers strip, fold or reinterpret them. */
const suspicious = /[^\x21-\x7e]|\\/;
/** In a path: encoded control characters, dots, slashes and backslashes, also when encoded twice. */
const encodedInPath = /%(25)*(0[0-9a-f]|1[0-9a-f]|7f|2e|2f|5c)/i;
/** Stands for this host while parsing; reserved for such use by RFC 6761. */
const here = 'https://here.invalid';

/**
 * The address in a form that is safe in a Location header, or `undefined`. `origins` as `URL.origin` spells them; `host` is
 * the request's own, which an absolute address may name too: it is answered as a path.
 */
export function safeReturnAddress(address: unknown, origins: readonly string[], host?: string): string | undefined {
  if (typeof address !== 'string' || address === '' || address.length > maxAddressLength || suspicious.test(address))
    return undefined;
  const isPath = address.startsWith('/');
  if (isPath ? address.startsWith('//') : !/^https?:\/\/[^/]/i.test(address)) return undefined;
  const url = parseUrl(address, here);
  if (url === undefined) return undefined;
  // `/.//evil` and `/a/..//evil` become `//evil` once the dots are resolved.
  if (url.pathname.startsWith('//') || encodedInPath.test(rawPath(address))) return undefined;
  if (isPath) return url.origin === here ? pathOf(url) : undefined;
  if (rawAuthority(address).includes('@')) return undefined; // also the empty user of `https://@host`, which URL hides
  if (origins.includes(url.origin)) return url.href;
  return url.host === host ? pathOf(url) : undefined;
}

/** The one `return_to` of the request's query; of several none counts. */
export function returnAddressInQuery(req: Request): string | undefined {
  const at = req.originalUrl.indexOf('?');
  if (at === -1) return undefined;
  const values = new URLSearchParams(req.originalUrl.slice(at)).getAll('return_to');
  return values.length === 1 ? values[0] : undefined;
}

/** `page` with these parameters added, those that are undefined left out. `page` is a path or an absolute address of ours. */
export function withQuery(page: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(page, here);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return url.origin === here ? pathOf(url) : url.href;
}

function pathOf(url: URL): string {
  return url.pathname + url.search + url.hash;
}

function rawPath(address: string): string {
  const end = address.search(/[?#]/);
  return end === -1 ? address : address.slice(0, end);
}

function rawAuthority(address: string): string {
  return address.split(/[/?#]/, 3)[2] ?? '';
}

/** Whether an operator's own page or default is usable: a path, or an http(s) address (check 42). */
export function isSafePage(page: string): boolean {
  const url = suspicious.test(page) ? undefined : parseUrl(page, here);
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  return page.startsWith('/') ? url.origin === here && !url.pathname.startsWith('//') : /^https?:\/\//i.test(page);
}
