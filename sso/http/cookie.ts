/**
 * The SSO cookie, read and written by hand, because it may come twice: a sibling host can set another
 * one of the same name, and whoever takes "the first" takes the attacker's (T3). Reading shows every
 * value of exactly our name; writing has one specification, so a deletion always hits what was set
 * (V21), and knows every other place where an earlier configuration may have left one.
 */

import { stringifySetCookie } from 'cookie';

/** The longest that a browser keeps a deleted cookie: not at all, in both of the attributes' languages. */
const deleted = { maxAge: 0, expires: new Date(0) };
const none: readonly string[] = Object.freeze([]);

export interface SsoCookie {
  readonly name: string;
  /** The names that an earlier configuration used for it. */
  readonly formerNames: readonly string[];
  /** The Set-Cookie line that issues it: for `keepMs` milliseconds, or as long as the browser runs. */
  issue(token: string, keepMs?: number): string;
  /** The lines that delete it wherever we could have set it. */
  readonly deletions: readonly string[];
  /** Those that delete it everywhere but at today's name, domain and path. */
  readonly otherDeletions: readonly string[];
}

/** What decides how the cookie is set: options of `startNode`, checked. */
interface CookieSettings {
  readonly cookieName: string;
  readonly cookieDomain: string | undefined;
  readonly previousCookieDomains: readonly (string | undefined)[];
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly partitioned: boolean;
  readonly allowInsecureCookie: boolean;
}

interface Place {
  readonly name: string;
  readonly domain: string | undefined;
}

export function ssoCookie(settings: CookieSettings): SsoCookie {
  const today: Place = { name: settings.cookieName, domain: settings.cookieDomain };
  const others = otherPlaces(settings);
  const line = ({ name, domain }: Place, value: string, keepMs?: number) =>
    stringifySetCookie(
      {
        name,
        value,
        path: '/',
        httpOnly: true,
        secure: !settings.allowInsecureCookie,
        sameSite: settings.sameSite,
        partitioned: settings.partitioned,
        ...(domain === undefined ? {} : { domain }),
        ...(value === '' ? deleted : keepMs === undefined ? {} : { maxAge: Math.max(1, Math.floor(keepMs / 1000)) }),
      },
      { encode: String },
    );
  const otherDeletions = others.map((place) => line(place, ''));
  return {
    name: today.name,
    formerNames: [...new Set(others.map(({ name }) => name))].filter((name) => name !== today.name),
    issue: (token, keepMs) => line(today, token, keepMs),
    deletions: [line(today, ''), ...otherDeletions],
    otherDeletions,
  };
}

/**
 * Every different value that cookies of exactly this name have in a Cookie header, in its order. The name is
 * case-sensitive and stands where RFC 6265 4.2.1 puts it: at the beginning or after `;` and at most one space, before
 * `=`. Any other white space, and the empty name of `=name=x`, make it another cookie (check 8). The value is what stands
 * there: quotes and spaces are part of it, so no quoted value is ever a token.
 * A header in RFC 2965's grammar (`$Version` first) is not read: where its quoted strings end is a matter of opinion.
 */
export function readCookie(header: string | undefined, name: string): readonly string[] {
  if (header === undefined) return none;
  let at = header.indexOf(name);
  if (at === -1 || isLegacy(header)) return none;
  let values: string[] | undefined;
  for (; at !== -1; at = header.indexOf(name, at + name.length)) {
    if (header.charCodeAt(at + name.length) !== equals || !beginsPair(header, at)) continue;
    const end = header.indexOf(';', at);
    const value = header.slice(at + name.length + 1, end === -1 ? header.length : end);
    if (values === undefined) values = [value];
    else if (!values.includes(value)) values.push(value);
  }
  return values ?? none;
}

const equals = 0x3d;
const semicolon = 0x3b;
const space = 0x20;
const dollar = 0x24;

function beginsPair(header: string, at: number): boolean {
  if (at === 0) return true;
  const before = header.charCodeAt(at - 1);
  return before === semicolon || (before === space && header.charCodeAt(at - 2) === semicolon);
}

function isLegacy(header: string): boolean {
  return header.charCodeAt(0) === dollar && /^\$version\s*=/i.test(header);
}

/** Where else it may lie: host-only beside today's domain, and under every previous domain. */
function otherPlaces(settings: CookieSettings): readonly Place[] {
  const { cookieName, cookieDomain, previousCookieDomains } = settings;
  const places: Place[] = [];
  const add = (place: Place) => {
    if (place.name === cookieName && place.domain === cookieDomain) return;
    if (place.name.startsWith('__Host-') && place.domain !== undefined) return; // RFC 6265bis 4.1.3.2: cannot exist
    if (!places.some(({ name, domain }) => name === place.name && domain === place.domain)) places.push(place);
  };
  add({ name: cookieName, domain: undefined });
  for (const domain of previousCookieDomains) {
    add({ name: cookieName, domain });
    add({ name: nameFor(cookieName, domain), domain });
  }
  return places;
}

/** The default names follow the domain (SECURITY.md, Secure is fixed at start); one that the operator set does not. */
function nameFor(cookieName: string, domain: string | undefined): string {
  const isDefault = cookieName === '__Host-latchkey' || cookieName === '__Secure-latchkey';
  if (!isDefault) return cookieName;
  return domain === undefined ? '__Host-latchkey' : '__Secure-latchkey';
}
