/** Which rule of a server takes an address, and what it makes of it: ProxyPass, as mod_proxy's `proxy_trans` goes through them. */

import type { HttpdServer, Location, Pass } from './model.ts';

export interface Passed {
  readonly pass: Pass;
  /** What it becomes, without the query; undefined: `!`, it is not passed on. */
  readonly to: string | undefined;
}

/** The ProxyPass of the last Location that fits is asked first, then all others in their order. Undefined: none takes it. */
export function passOf(path: string, server: HttpdServer): Passed | undefined {
  const located = server.locations.filter((one) => one.pass !== undefined && fitsLocation(path, one)).at(-1)?.pass;
  for (const pass of [...(located === undefined ? [] : [located]), ...server.passes]) {
    const to = targetOf(path, pass);
    if (to !== undefined) return { pass, to: pass.to === '!' ? undefined : to };
  }
  return undefined;
}

/** Undefined: it does not take the path. */
function targetOf(path: string, pass: Pass): string | undefined {
  if (pass.isPattern) {
    const found = patternOf(pass.from)?.exec(path);
    if (found === null || found === undefined) return undefined;
    const text = substituted(pass.to, found);
    return text === pass.to ? pass.to + path : text;
  }
  const length = prefixLength(path, pass.from);
  return length === 0 ? undefined : pass.to + path.slice(length);
}

/**
 * How much of the path the prefix takes; 0: it does not fit. Any number of slashes is one, and a prefix
 * without one at its end takes whole parts of a path only.
 */
export function prefixLength(path: string, prefix: string): number {
  let inPath = 0;
  let inPrefix = 0;
  while (inPrefix < prefix.length && inPath < path.length) {
    if (prefix[inPrefix] === '/') {
      if (path[inPath] !== '/') return 0;
      while (prefix[inPrefix] === '/') inPrefix += 1;
      while (path[inPath] === '/') inPath += 1;
    } else if (path[inPath++] !== prefix[inPrefix++]) return 0;
  }
  if (inPrefix < prefix.length) return 0;
  if (!prefix.endsWith('/') && inPath < path.length && path[inPath] !== '/') return 0;
  return inPath;
}

export function fitsLocation(path: string, { path: wanted, isPattern }: Location): boolean {
  if (isPattern) return patternOf(wanted)?.test(path) === true;
  if (/[*?[]/.test(wanted)) return globOf(wanted)?.test(path) === true;
  return path === wanted || path.startsWith(wanted.endsWith('/') ? wanted : `${wanted}/`);
}

/** Undefined: it is no pattern that could be tried. */
function globOf(pattern: string): RegExp | undefined {
  const text = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return patternOf(`^${text}`);
}

/** httpd's patterns are Perl's; undefined: JavaScript's cannot say the same. */
export function patternOf(text: string, flags = ''): RegExp | undefined {
  try {
    const ignoresCase = /^\(\?i\)/.test(text);
    return new RegExp(ignoresCase ? text.slice(4) : text, ignoresCase ? 'i' : flags);
  } catch {
    return undefined;
  }
}

/** `$1`, `$0`. */
export function substituted(text: string, found: RegExpExecArray): string {
  return text.replace(/\$(\d)/g, (_, number: string) => found[Number(number)] ?? '');
}
