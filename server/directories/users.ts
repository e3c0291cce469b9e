/**
 * People from a small file: name, roles, a hash of the password. A name is brought to one form in one
 * place (`canonicalName`), before it is looked up and before anybody counts it, so that spellings of a
 * name are one user (check 33). A name nobody has costs the same time as a wrong password: another
 * user's hash is verified and the answer thrown away (check 31).
 */

import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ConfigError, fields, must, parseDocument, readText } from '../../config/document.ts';
import type { Principal } from '../../sso/index.ts';
import { hashProblem, passwordBytesAtMost } from '../hashing/hash.ts';
import type { Verification } from '../hashing/pool.ts';

export interface User {
  readonly name: string;
  readonly displayName: string | undefined;
  readonly roles: readonly string[];
  readonly passwordHash: string;
}

/** Verifies a password against a hash; see HashingPool. */
export type Verify = (hash: string, password: string) => Promise<Verification>;

export type Authentication =
  | { readonly kind: 'known'; readonly principal: Principal }
  | { readonly kind: 'refused' } // no such name or another password: nobody is told which
  | { readonly kind: 'busy' }; // too many are being verified: try again shortly

const usersAtMost = 10_000;

/** The one form of a name: NFKC, no blanks around it, lower case. */
export function canonicalName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
}

const userSchema = fields({
  name: z
    .string(must('a name, 1 to 256 characters'))
    .regex(/^[^\p{Cc}\p{Cs}]{1,256}$/u, 'must be a name, 1 to 256 characters'),
  displayName: z.string(must('text')).max(256).optional(),
  roles: z
    .array(z.string(must('the name of a role')).min(1).max(128), must('a list of roles'))
    .max(256)
    .default([]),
  password: z
    .string(must('a hash as "latchkey hash-password" makes one ($argon2id$…)'))
    .superRefine((hash, context) => {
      const problem = hashProblem(hash);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    }),
});

const fileSchema = fields({
  users: z
    .array(userSchema, must('a list of users'))
    .min(1, 'must hold at least one user')
    .max(usersAtMost, `must hold at most ${usersAtMost} users`),
});

/** @throws ConfigError the file is not there, or not a list of users, or holds a name twice */
export function readUsers(file: string): readonly User[] {
  return parseUsers(file, readText(file, 'the users file'));
}

export function parseUsers(file: string, text: string): readonly User[] {
  const { users } = parseDocument(file, text, fileSchema);
  const seen = new Set<string>();
  for (const [index, { name }] of users.entries()) {
    const canonical = canonicalName(name);
    if (canonical === '' || seen.has(canonical)) {
      throw new ConfigError([
        `${file}: users[${index}].name: ${canonical === '' ? 'must not be blank' : `"${canonical}" is there twice`}`,
      ]);
    }
    seen.add(canonical);
  }
  return users.map(({ name, displayName, roles, password }) => ({
    name: name.normalize('NFKC').trim(),
    displayName,
    roles,
    passwordHash: password,
  }));
}

/** The check of name and password against these users. */
export function userCheck(
  users: readonly User[],
  verify: Verify,
): (name: string, password: string) => Promise<Authentication> {
  const byName = new Map(users.map((user) => [canonicalName(user.name), user]));
  const salt = randomBytes(32);
  // By the name, so that asking twice takes twice the same time even where hashes differ in cost.
  const standIn = (name: string) =>
    users[createHmac('sha256', salt).update(name).digest().readUInt32BE() % users.length]!;

  return async (name, password) => {
    const canonical = canonicalName(name.slice(0, 1_024));
    if (Buffer.byteLength(password) > passwordBytesAtMost) return { kind: 'refused' };
    const user = byName.get(canonical);
    const other = standIn(canonical); // for a name that exists, too: to find one takes as long as a request can show
    const verification = await verify((user ?? other).passwordHash, password);
    if (verification === 'busy') return { kind: 'busy' };
    if (user === undefined || verification !== 'matches') return { kind: 'refused' };
    return { kind: 'known', principal: principalOf(user) };
  };
}

/** The same for `login()`: a principal, or nobody. @throws Error too many are being verified, which `login()` answers with 503 */
export function authenticator(
  users: readonly User[],
  verify: Verify,
): (name: string, password: string) => Promise<Principal | undefined> {
  const check = userCheck(users, verify);
  return async (name, password) => {
    const result = await check(name, password);
    if (result.kind === 'busy')
      throw Object.assign(new Error('too many passwords are being verified'), { kind: 'busy' });
    return result.kind === 'known' ? result.principal : undefined;
  };
}

function principalOf({ name, roles, displayName }: User): Principal {
  return displayName === undefined ? { name, roles } : { name, roles, attributes: { displayName } };
}
