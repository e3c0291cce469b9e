/** What lies on the disk of whoever runs the doctor: files that a configuration names, and patterns of them. */

import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';

const maxBytes = 4 * 1024 * 1024;

/** Undefined: it is not there, may not be read, is no file, or is larger than any configuration (4 MiB). */
export function textOf(path: string): string | undefined {
  const found = statOf(path);
  if (found?.isFile() !== true || found.size > maxBytes) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function exists(path: string): boolean {
  return statOf(path) !== undefined;
}

/** Also of what can be no path at all: a configuration may name anything. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

export function hasWildcard(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The files that Include means, in the order that httpd reads them in: a file, all below a directory, all of a pattern. */
export function filesOf(path: string): readonly string[] {
  const found = hasWildcard(path) ? matching(path) : [path];
  return found.flatMap((one) => {
    if (statOf(one)?.isDirectory() !== true) return exists(one) ? [one] : [];
    return namesIn(one).flatMap((name) => filesOf(join(one, name)));
  });
}

/** `*` and `?` stop at a slash. */
function matching(pattern: string): readonly string[] {
  const [first, ...parts] = pattern.split('/');
  let found = [first === '' ? '/' : first!];
  if (first !== '' && hasWildcard(first!)) found = namesIn('.').filter((name) => segment(first!).test(name));
  for (const part of parts) {
    if (part === '') continue;
    found = hasWildcard(part)
      ? found.flatMap((folder) =>
          namesIn(folder)
            .filter((name) => segment(part).test(name))
            .map((name) => join(folder, name)),
        )
      : found.map((folder) => join(folder, part)).filter(exists);
  }
  return found;
}

function segment(pattern: string): RegExp {
  const text = pattern.replace(/\[(!?)([^\]]*)\]|[*?]|[.+^${}()|\\[\]]/g, (one, not, set) => {
    if (one === '*') return '[^/]*';
    if (one === '?') return '[^/]';
    return set === undefined ? `\\${one}` : `[${not === '!' ? '^' : ''}${set.replaceAll('\\', '\\\\')}]`;
  });
  try {
    return new RegExp(`^${text}$`);
  } catch {
    return /(?!)/;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
