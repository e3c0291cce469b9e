/**
 * `site` and `rememberMe` of a configuration file: how the pages of `latchkey serve` look and speak. What
 * people could not read (an accent without contrast), what browsers would not show (a logo that is none) and
 * what a page must not link to is refused at start, in a line that says what would be right.
 */

import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { accentContrast, leastContrast, lightened, type Scheme } from './contrast.ts';
import { ConfigError, choose, fields, must, reasonOf } from './document.ts';
import { parseUrl } from './url.ts';

/** Languages that the pages speak; the dictionaries are the server's. */
export const languages = ['en', 'de'] as const;
export type Language = (typeof languages)[number];

/** What a page needs to look like the operator's. */
export interface SiteConfig {
  /** The login host, as browsers reach it. */
  readonly origin: string | undefined;
  readonly name: string;
  readonly logo: Logo | undefined;
  /** Accents by colour scheme, `#rrggbb`. */
  readonly colours: Readonly<Record<Scheme, string>> | undefined;
  /** The first is spoken to whoever prefers none of them. */
  readonly languages: readonly [Language, ...Language[]];
  readonly help: Help | undefined;
}

export interface Logo {
  readonly type: 'image/svg+xml' | 'image/png';
  readonly bytes: Buffer;
}

/** Either may be there alone. */
export interface Help {
  readonly text: string | undefined;
  readonly href: string | undefined;
}

export const logoBytesAtMost = 128 * 1024;
const daysAtMost = 400;

const line = (be: string, most: number) =>
  z
    .string(must(be))
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, `must be ${be}`)
    .max(most, `must be ${be}, at most ${most} characters`);

const originShape = 'the origin of the login host, as in https://sso.xyz.com';
const origin = z
  .string(must(originShape))
  .transform((value) => value.replace(/\/$/, ''))
  .refine((value) => parseUrl(value)?.origin === value && /^https?:/.test(value), {
    error: `must be ${originShape}`,
  });

const colourShape = 'a colour as in "#0f6b63" (in quotes: # begins a comment)';
const colour = z
  .string(must(colourShape))
  .regex(/^#([0-9a-f]{3}|[0-9a-f]{6})$/i, `must be ${colourShape}`)
  .transform((value) => (value.length === 4 ? value.replace(/[0-9a-f]/gi, '$&$&') : value).toLowerCase());

const colours = fields({ accent: colour, accentDark: colour.exactOptional() }).superRefine((given, context) => {
  for (const [field, scheme] of [
    ['accent', 'light'],
    ['accentDark', 'dark'],
  ] as const) {
    const value = given[field];
    const ratio = value === undefined ? leastContrast : accentContrast(value, scheme);
    if (ratio < leastContrast)
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `${value} cannot be read on the ${scheme} pages: its contrast is ${shown(ratio)}:1, at least ${leastContrast}:1 is needed (${scheme === 'light' ? 'make it darker' : 'make it lighter, or leave it out'})`,
      });
  }
});

const href = z
  .string(must('an address'))
  .refine(isHelpAddress, 'must be an address that begins with https:, http:, mailto: or tel:');
const helpText = line('a sentence', 300);

const helpFields = fields({ text: helpText.exactOptional(), href: href.exactOptional() });

export const siteSchema = fields({
  origin: origin.exactOptional(),
  name: line('the name of who runs this, as in Example Ltd', 80).default('Single sign-on'),
  logo: z.string(must('the path of an .svg or .png file')).min(1).exactOptional(),
  colours: colours.exactOptional(),
  languages: z
    .array(z.enum(languages, must(`one of ${languages.join(', ')}`)), must(`a list of ${languages.join(', ')}`))
    .min(1, 'must name at least one language')
    .refine((list) => new Set(list).size === list.length, 'names a language twice')
    .default([...languages]),
  /** A sentence, an address, or both. */
  help: choose((value) => (typeof value === 'string' ? helpText : helpFields)).exactOptional(),
});

export const rememberMeSchema = fields({
  days: z
    .number(must(`a number of days, 1 to ${daysAtMost}`))
    .int(`must be a whole number of days, 1 to ${daysAtMost}`)
    .min(1, `must be a number of days, 1 to ${daysAtMost}`)
    .max(daysAtMost, `must be a number of days, 1 to ${daysAtMost}`),
});

/** Reads what the fields point to. `locate` makes a path absolute. @throws ConfigError */
export function readSite(given: z.output<typeof siteSchema>, locate: (path: string) => string): SiteConfig {
  const [first, ...others] = given.languages;
  return {
    origin: given.origin,
    name: given.name,
    logo: given.logo === undefined ? undefined : readLogo(locate(given.logo)),
    colours: given.colours && {
      light: given.colours.accent,
      dark: given.colours.accentDark ?? lightened(given.colours.accent),
    },
    languages: [first!, ...others],
    help: helpOf(given.help),
  };
}

function helpOf(given: z.output<typeof siteSchema>['help']): Help | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string') return { text: given.text, href: given.href };
  return isHelpAddress(given) ? { text: undefined, href: given } : { text: given, href: undefined };
}

function isHelpAddress(text: string): boolean {
  return /^(https?:\/\/|mailto:|tel:)[^\s]+$/i.test(text) && parseUrl(text) !== undefined;
}

/** By the file's own bytes: a browser is told the type strictly, and guesses none. */
function readLogo(file: string): Logo {
  let bytes: Buffer;
  try {
    if (statSync(file).size > logoBytesAtMost)
      throw new ConfigError([`${file}: the logo is larger than ${logoBytesAtMost} bytes`]);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`${file}: the logo cannot be read (${reasonOf(error)})`]);
  }
  if (bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return { type: 'image/png', bytes };
  if (
    /^\uFEFF?\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s>]/i.test(
      bytes.toString('utf8'),
    )
  )
    return { type: 'image/svg+xml', bytes };
  throw new ConfigError([`${file}: the logo is neither an SVG nor a PNG image`]);
}

/** Rounded down: 4.4996 is not 4.5. */
function shown(ratio: number): string {
  return (Math.floor(ratio * 100) / 100).toFixed(2);
}
