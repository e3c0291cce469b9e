/**
 * The corpus of return addresses and its judge. The judge is what browsers do: the Location is resolved against the
 * address of the page, and what comes out must lie on an allowed origin. Nothing here knows how the guard works.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The page that the addresses are given to, and where its answers may lead. */
export const page = 'https://sso.xyz.test/login';
export const origins = ['https://app1.xyz.test', 'https://app2.xyz.test:8443'];
export const allowed: ReadonlySet<string> = new Set(['https://sso.xyz.test', ...origins]);

export interface Address {
  readonly family: string;
  readonly text: string;
}

/** All of `redirects.txt`, and those that are too large to be stored. */
export function corpus(): readonly Address[] {
  let family = '';
  const addresses: Address[] = [];
  for (const line of readFileSync(join(import.meta.dirname, 'redirects.txt'), 'utf8').split('\n')) {
    if (line.startsWith('# family: ')) family = line.slice('# family: '.length);
    else if (line !== '' && !line.startsWith('#')) addresses.push({ family, text: JSON.parse(line) as string });
  }
  return addresses;
}

/** Must be followed as they are; a guard that refuses everything leads nobody astray either. */
export const isHarmless = ({ family }: Address): boolean => family.startsWith('harmless');

/** What 64 kB are made of; by rule, not stored. */
export function huge(characters = 65_536): readonly string[] {
  const filled = (lead: string, fill: string, tail = '') =>
    lead + fill.repeat(Math.ceil((characters - lead.length - tail.length) / fill.length)) + tail;
  return [
    filled('/', 'a'),
    filled('/', '/', 'evil.test'),
    filled('', '\\', 'evil.test'),
    filled('', '\t', '//evil.test'),
    filled('/', '\t', '/evil.test'),
    filled('/', '../', '/evil.test'),
    filled('/', '%2e%2e/', '/evil.test'),
    filled('/', '%25', '2f/evil.test'),
    filled('//evil.test/', 'a'),
    filled('//', 'a', '@evil.test'),
    filled('https://', 'app1.xyz.test@', 'evil.test'),
    filled('https://', 'app1.xyz.test.', 'evil.test'),
    filled('https://app1.xyz.test/', 'a', '//evil.test'),
    filled('https://app1.xyz.test', ':', 'evil.test'),
    filled('/login?', 'return_to=/login?', 'return_to=//evil.test'),
    filled('', 'https:', '//evil.test'),
    filled('javascript:', ' ', 'alert(1)'),
    filled('/', '\u3002', '/evil.test'),
  ];
}

/** Where a browser on `from` goes with this Location: its origin, or `null` where it goes nowhere. */
export function leadsTo(location: string, from = page): string | null {
  try {
    return new URL(location, from).origin; // Node's canParse() is no judge: it accepts some that this refuses
  } catch {
    return null;
  }
}

/**
 * What is wrong with a Location that was answered, or `undefined`. It must be text that a header can hold, and wherever
 * the page may lie the browser must end on an allowed origin: a guard may not count on the depth of its own path.
 */
export function wrongIn(location: string, from = page): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(location)) return 'has more than printable ASCII';
  for (const base of [from, new URL('/', from).href, new URL('/a/b/c/?x=y#z', from).href]) {
    const origin = leadsTo(location, base);
    if (origin === null) return 'is no address';
    if (!allowed.has(origin)) return `leads to ${origin}`;
  }
  return undefined;
}

/** The return address that a Location hands on to a form (`/login?error=…&return_to=…`), if it does. */
export function handedOn(location: string, from = page): string | undefined {
  return new URL(location, from).searchParams.get('return_to') ?? undefined;
}
