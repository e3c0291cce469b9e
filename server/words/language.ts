/**
 * Which language a page speaks: the one that was chosen on a page of ours (`?lang=`, kept in a small
 * cookie), else what the browser prefers (Accept-Language, RFC 9110 12.5.4), else the operator's first.
 */

import type { IncomingMessage } from 'node:http';
import type { Language } from '../../config/site.ts';
import { english, type Words } from './english.ts';
import { german } from './german.ts';

export const dictionaries: Readonly<Record<Language, Words>> = { en: english, de: german };

/** What is read of Accept-Language at most: whoever sends more gets the operator's first language. */
const headerCharactersAtMost = 500;

/** The language to speak. `chosen`: by the address; `kept`: by the cookie. What is spoken nowhere counts as nothing. */
export function languageOf(
  spoken: readonly [Language, ...Language[]],
  asked: { readonly chosen?: unknown; readonly kept?: string | undefined; readonly accepted?: string | undefined },
): Language {
  const known = (value: unknown) => spoken.find((language) => language === value);
  return known(asked.chosen) ?? known(asked.kept) ?? preferred(spoken, asked.accepted) ?? spoken[0];
}

/** By quality, then in the order of the header; `de-AT` is German. `*` is whatever the operator puts first. */
function preferred(spoken: readonly [Language, ...Language[]], header: string | undefined): Language | undefined {
  if (header === undefined || header.length > headerCharactersAtMost) return undefined;
  const ranges = header.split(',').flatMap((part) => {
    const [, range, weight = '1'] =
      /^\s*([a-z*]{1,8})(?:-[a-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$/i.exec(part) ?? [];
    return range === undefined ? [] : [{ range: range.toLowerCase(), quality: Number(weight) }];
  });
  const refused = new Set(ranges.filter(({ quality }) => quality === 0).map(({ range }) => range));
  for (const { range, quality } of ranges.toSorted((a, b) => b.quality - a.quality)) {
    if (quality === 0) break;
    const found = spoken.find((language) => (range === '*' ? !refused.has(language) : language === range));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value of a cookie of ours if the request has it exactly once; names of siblings' making count no more than any. */
export function cookieOf(req: IncomingMessage, name: string): string | undefined {
  const found = (req.headers.cookie ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at !== -1 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}
