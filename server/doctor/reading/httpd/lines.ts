/** From the text of a configuration to what httpd takes for lines and words (server/util.c: ap_cfg_getline, ap_getword_conf). */

import type { Place } from '../place.ts';

export interface Line {
  readonly text: string;
  /** Where it begins. */
  readonly place: Place;
  /** It goes on over more than one line of the file. */
  readonly isContinued: boolean;
}

/** A backslash at the very end joins the next line to it; that is so in comments as well. */
export function linesOf(text: string, file: string): readonly Line[] {
  const lines: Line[] = [];
  let pending: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const start = pending ?? { text: '', line: index + 1 };
    if (line.endsWith('\\')) {
      pending = { text: start.text + line.slice(0, -1), line: start.line };
      continue;
    }
    lines.push(lineOf(start.text + line, file, start.line, pending !== undefined));
    pending = undefined;
  }
  if (pending !== undefined) lines.push(lineOf(pending.text, file, pending.line, true));
  return lines;
}

function lineOf(text: string, file: string, line: number, isContinued: boolean): Line {
  return { text: text.trim(), place: { file, line }, isContinued };
}

/**
 * Quotes count only where a word begins: in `route=a"` the quote belongs to the route. A backslash takes
 * its meaning from a quote, or from another backslash.
 */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const quote = rest[0] === '"' || rest[0] === "'" ? rest[0] : undefined;
    const end = quote === undefined ? endOfPlain(rest) : endOfQuoted(rest, quote);
    const inner = quote === undefined ? rest.slice(0, end) : rest.slice(1, end);
    words.push(unescaped(inner, quote));
    rest = rest.slice(quote === undefined ? end : end + 1).trimStart();
  }
  return words;
}

function endOfPlain(text: string): number {
  const found = text.search(/\s/);
  return found < 0 ? text.length : found;
}

function endOfQuoted(text: string, quote: string): number {
  let at = 1;
  while (at < text.length && text[at] !== quote)
    at += text[at] === '\\' && (text[at + 1] === quote || text[at + 1] === '\\') ? 2 : 1;
  return at;
}

function unescaped(text: string, quote: string | undefined): string {
  return text.replace(/\\(.)/gs, (both, next) => (next === '\\' || next === quote ? next : both));
}
