/**
 * Mutates the corpus without end, from a seed, and asks the guard of all doors about each string; the judge is the corpus's own.
 * A run by hand: `node --import tsx test/corpus/fuzz.ts --cases 10000000 --seed 1`; with `--http` the strings go through the
 * doors of an application instead, some thousand times slower. A string that escapes is printed as JSON, with the seed.
 */

import { parseArgs } from 'node:util';
import { safeReturnAddress } from '../../sso/http/return-address.ts';
import { escapes, libraryDoors } from './doors.ts';
import { allowed, corpus, leadsTo, origins, page, wrongIn } from './redirects.ts';

export interface Judged {
  /** Strings that the guard let pass: without any the run would say nothing. */
  readonly followed: number;
  /** Strings that would have led elsewhere if they were believed as they are. */
  readonly hostile: number;
  readonly escaped: readonly { readonly address: string; readonly leads: string; readonly wrong: string }[];
}

/** Mulberry32: small, and the same everywhere. Integers from 0 to `below - 1`. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const tokens = [
  '/', '//', '\\', '\\\\', '.', '..', './', '../', ':', '@', '?', '#', '%', '%2f', '%5c', '%2e', '%09', '%0a', '%00', '%25', '%252f', '\t', '\n', '\r', '\0', ' ', '\u00a0', '\u3002', '\uff0f', '\uff3c', '\uff20', '\uff1a', '\u2028', '\ufeff', '\u00ad',
  'https:', 'http:', 'https://', 'HTTPS:', 'javascript:', 'data:', 'file:', 'blob:', 'evil.test', 'sso.xyz.test', 'app1.xyz.test', 'app2.xyz.test', ':8443', ':443', '[::1]', '127.1', ';', '&', '=', ',', '|', '*', '~', 'return_to=', 'xn--', '\u017f', '\ud83d\ude00',
]; // biome-ignore format: a list of spellings

type Mutate = (text: string, below: (below: number) => number, pool: readonly string[]) => string;

/** Each takes a string that is not empty, and may give any. */
const mutations: readonly Mutate[] = [
  (text, below) => insert(text, below(text.length + 1), tokens[below(tokens.length)]!),
  (text, below) => insert(text, below(4), tokens[below(tokens.length)]!),
  (text, below) => insert(text, below(text.length + 1), String.fromCharCode(below(256))),
  (text, below) => insert(text, below(text.length + 1), String.fromCharCode(below(0xd800))),
  (text, below) => cut(text, below(text.length), 1 + below(3)),
  (text, below) => replace(text, below(text.length), tokens[below(tokens.length)]!),
  (text, below) => replace(text, below(text.length), String.fromCharCode(below(128))),
  (text, below) => insert(text, below(text.length + 1), text.slice(below(text.length), below(text.length + 1))),
  (text, below, pool) => text.slice(0, below(text.length + 1)) + other(below, pool),
  (text, below, pool) => {
    const with_ = other(below, pool);
    return text.slice(0, below(text.length + 1)) + with_.slice(below(with_.length + 1));
  },
  (text, below) => {
    const at = below(text.length);
    const code = text.charCodeAt(at);
    return replace(
      text,
      at,
      code < 256 ? `%${code.toString(16).padStart(2, '0')}` : encodeURIComponent(wellFormed(text[at]!)),
    );
  },
  (text) => text.replaceAll('%', '%25'),
  (text) =>
    URL.canParse(`http://x/${text}`)
      ? text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      : text,
  (text) => text.normalize('NFKC'),
  (text) => text.normalize('NFD'),
  (text, below) => (below(2) === 0 ? text.toUpperCase() : text.toLowerCase()),
  (text, below) => {
    const at = below(text.length);
    const code = text.charCodeAt(at);
    return code > 0x20 && code < 0x7f ? replace(text, at, String.fromCharCode(code + 0xfee0)) : text;
  },
  (text) => text.replaceAll('/', '\\'),
  (text) => [...text].reverse().join(''),
];

/** Without halves of surrogate pairs, which no request can carry. */
const wellFormed = (text: string) => Buffer.from(text).toString();
const insert = (text: string, at: number, what: string) => text.slice(0, at) + what + text.slice(at);
const cut = (text: string, at: number, count: number) => text.slice(0, at) + text.slice(at + count);
const replace = (text: string, at: number, what: string) => text.slice(0, at) + what + text.slice(at + 1);
const other = (below: (below: number) => number, pool: readonly string[]) => pool[below(pool.length)]!;

/** Mutated strings of the corpus, without end; the same for the same seed. */
export function* mutated(seed: number): Generator<string, never> {
  const below = seeded(seed);
  const pool = corpus().map(({ text }) => text);
  for (;;) {
    let text = pool[below(pool.length)]!;
    for (let left = 1 + below(4); left > 0; left--)
      text = mutations[below(mutations.length)]!(text || '/', below, pool).slice(0, 400);
    yield wellFormed(text);
  }
}

/** As many mutated strings as that, asked of the guard. */
export function fuzz(cases: number, seed: number): Judged {
  const strings = mutated(seed);
  return judged(
    (function* () {
      for (let i = 0; i < cases; i++) yield strings.next().value;
    })(),
  );
}

/** These strings, asked of the guard that all doors of the library share. */
export function judged(strings: Iterable<string>): Judged {
  const escaped: { address: string; leads: string; wrong: string }[] = [];
  let followed = 0;
  let hostile = 0;
  for (const address of strings) {
    const origin = leadsTo(address);
    if (origin !== null && !allowed.has(origin)) hostile++;
    const leads = safeReturnAddress(address, origins, new URL(page).host);
    if (leads === undefined) continue;
    followed++;
    const wrong = wrongIn(leads);
    if (wrong !== undefined) escaped.push({ address, leads, wrong });
  }
  return { followed, hostile, escaped };
}

/** The same through every door of an application. */
async function fuzzDoors(cases: number, seed: number): Promise<number> {
  const { doors, stop } = await libraryDoors();
  const strings = mutated(seed);
  let found = 0;
  for (let left = cases; left > 0; left -= 400) {
    const portion = Array.from({ length: Math.min(400, left) }, () => strings.next().value);
    for (const door of doors) {
      for (const one of await escapes(door, portion)) {
        found++;
        console.log(JSON.stringify({ seed, ...one }));
      }
    }
  }
  await stop();
  return found;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      http: { type: 'boolean', default: false },
    },
  });
  const [cases, seed] = [Number(values.cases), Number(values.seed)];
  const from = performance.now();
  if (values.http) {
    const found = await fuzzDoors(cases, seed);
    console.log(
      `seed ${seed}: ${cases} strings through every door, ${found} escapes, ${Math.round(performance.now() - from)} ms`,
    );
    process.exitCode = found === 0 ? 0 : 1;
  } else {
    const { followed, hostile, escaped } = fuzz(cases, seed);
    for (const one of escaped.slice(0, 20)) console.log(JSON.stringify({ seed, ...one }));
    console.log(
      `seed ${seed}: ${cases} strings, ${hostile} would have led elsewhere, ${followed} were followed, ${escaped.length} escapes, ${Math.round(performance.now() - from)} ms`,
    );
    process.exitCode = escaped.length === 0 ? 0 : 1;
  }
}
