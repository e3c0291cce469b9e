/**
 * Lines `name:hash` as Apache's htpasswd writes them, and its group file (`group: name name`). Taken are
 * bcrypt (`htpasswd -B`), argon2id and scrypt. What else such files hold, MD5 (`$apr1$`), SHA-1, crypt and
 * plain text, can be guessed by the billion a second once a copy is out: such a line is refused by its
 * number, with what to do, rather than read as if it were safe.
 */

import { ConfigError, readText } from '../../config/document.ts';
import { hashProblem } from '../hashing/hash.ts';
import { canonicalName, type User } from './users.ts';

const weak: readonly (readonly [shape: RegExp, what: string])[] = [
  [/^\$apr1\$/, 'MD5 (apr1)'],
  [/^\{SHA\}/i, 'SHA-1'],
  [/^\{SSHA\}/i, 'SHA-1'],
  [/^\$1\$/, 'MD5 (crypt)'],
  [/^\$[56]\$/, 'SHA-2 crypt'],
];

const renew = 'give this user a new password with: htpasswd -B FILE NAME';
const problemsAtMost = 20;
const usersAtMost = 10_000;

/** @throws ConfigError every line that is wrong, up to 20 */
export function readHtpasswd(file: string, groupFile?: string): readonly User[] {
  const groups = groupFile === undefined ? new Map<string, string[]>() : parseGroups(groupFile, readText(groupFile));
  return parseHtpasswd(file, readText(file, 'the htpasswd file'), groups);
}

export function parseHtpasswd(
  file: string,
  text: string,
  groups: ReadonlyMap<string, readonly string[]> = new Map(),
): readonly User[] {
  const problems: string[] = [];
  const users = new Map<string, User>();
  for (const { line, at } of linesOf(text)) {
    const [, name, hash] = /^([^:]*):([^:]*)(?::.*)?$/.exec(line) ?? [];
    const canonical = canonicalName(name ?? '');
    const problem =
      name === undefined || hash === undefined
        ? 'must be name:hash'
        : (nameProblem(name, canonical, users) ?? hashFault(hash));
    if (problem === undefined)
      users.set(canonical, {
        name: name!.normalize('NFKC').trim(),
        displayName: undefined,
        roles: groups.get(canonical) ?? [],
        passwordHash: hash!,
      });
    else problems.push(`${file}:${at}: ${problem}`);
  }
  if (problems.length > 0) throw new ConfigError(problems.slice(0, problemsAtMost));
  if (users.size === 0) throw new ConfigError([`${file}: must hold at least one line name:hash`]);
  if (users.size > usersAtMost) throw new ConfigError([`${file}: must hold at most ${usersAtMost} users`]);
  return [...users.values()];
}

/** Groups by the canonical names of their members. @throws ConfigError */
export function parseGroups(file: string, text: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { line, at } of linesOf(text)) {
    const [, group, members] = /^([^:]+):(.*)$/.exec(line) ?? [];
    if (group === undefined || members === undefined || /[\p{Cc}\p{Cs}]/u.test(group))
      throw new ConfigError([`${file}:${at}: must be "group: name name"`]);
    for (const member of members.split(/\s+/).filter((one) => one !== '')) {
      const name = canonicalName(member);
      groups.set(name, [...(groups.get(name) ?? []), group.trim()]);
    }
  }
  return groups;
}

function linesOf(text: string): { readonly line: string; readonly at: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), at: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'));
}

function nameProblem(name: string, canonical: string, users: ReadonlyMap<string, User>): string | undefined {
  if (!/^[^\p{Cc}\p{Cs}]{1,256}$/u.test(name) || canonical === '') return 'must begin with a name, 1 to 256 characters';
  return users.has(canonical) ? `"${canonical}" is there twice` : undefined;
}

/** Never with the hash in it. */
function hashFault(hash: string): string | undefined {
  const found = weak.find(([shape]) => shape.test(hash));
  if (found !== undefined) return `${found[1]} is too weak to keep passwords: ${renew}`;
  if (!/^\$(argon2id|scrypt|2[aby])\$/.test(hash)) return `is no hash that is strong enough: ${renew}`;
  const problem = hashProblem(hash);
  return problem === undefined ? undefined : `the hash ${problem}`;
}
