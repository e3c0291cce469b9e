/**
 * Password hashes as text (PHC string format): argon2id, which we make, and scrypt and bcrypt, which we accept.
 * Everything here works at once and long: call it in a worker, or in a program that does nothing else.
 * Costs have an upper bound, so that a line in a users file cannot stop a node.
 */

import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { hashSync, parseOptions, verifySync } from '@node-rs/argon2';
import { compareSync } from 'bcryptjs';

/** OWASP's second choice for argon2id: 19 MiB, two passes, one lane; some 25 ms on a common core. */
const argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const argon2CostAtMost = { memoryCost: 262_144, timeCost: 16, parallelism: 8 } as const;
const scryptAtMost = { ln: 18, r: 16, p: 8 } as const;
/** Some 1.2 s on a common core. */
const bcryptCostAtMost = 14;
/** bcrypt sees no further, and stops at a NUL: such a password would match by its beginning alone (check 35). */
const bcryptBytesAtMost = 72;

/** The longest password that is hashed, bytes of UTF-8. It is verified as sent: nothing is cut off or changed (check 35). */
export const passwordBytesAtMost = 4_096;

export function hashPassword(password: string): string {
  return hashSync(Buffer.from(password), { ...argon2Cost, salt: randomBytes(16) });
}

/** Why `text` is no hash that this node verifies, or `undefined` if it is one. */
export function hashProblem(text: string): string | undefined {
  if (text.startsWith('$scrypt$'))
    return scryptParts(text) ? undefined : 'is no scrypt hash ($scrypt$ln=17,r=8,p=1$salt$hash), or costs too much';
  if (/^\$2[aby]\$/.test(text)) return bcryptProblem(text);
  if (!text.startsWith('$argon2id$')) return 'must be a hash as "latchkey hash-password" makes one ($argon2id$…)';
  try {
    const cost = parseOptions(text);
    const costs = (['memoryCost', 'timeCost', 'parallelism'] as const).every(
      (name) => cost[name] <= argon2CostAtMost[name],
    );
    return costs ? undefined : 'costs too much: at most m=262144, t=16, p=8';
  } catch {
    return 'is not a whole argon2id hash: copy all of it';
  }
}

/** Whether `hash` was made of `password`. False for a hash that is none. */
export function verifyPassword(hash: string, password: string): boolean {
  if (hashProblem(hash) !== undefined) return false;
  if (hash.startsWith('$scrypt$')) return verifyScrypt(hash, password);
  if (hash.startsWith('$2')) return verifyBcrypt(hash, password);
  try {
    return verifySync(hash, Buffer.from(password));
  } catch {
    return false;
  }
}

function bcryptProblem(text: string): string | undefined {
  const cost = Number(/^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(cost)) return 'is not a whole bcrypt hash: copy all of it';
  return cost >= 4 && cost <= bcryptCostAtMost ? undefined : `costs too much: bcrypt up to ${bcryptCostAtMost}`;
}

/** The work is done in any case, so that the time tells nothing of the password. */
function verifyBcrypt(hash: string, password: string): boolean {
  const bytes = Buffer.from(password);
  const matches = compareSync(password, hash);
  return matches && bytes.length <= bcryptBytesAtMost && !bytes.includes(0);
}

interface ScryptParts {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

const scryptShape = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{22,172})$/;

function scryptParts(text: string): ScryptParts | undefined {
  const found = scryptShape.exec(text);
  if (found === null) return undefined;
  const [ln, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (ln < 1 || r < 1 || p < 1 || ln > scryptAtMost.ln || r > scryptAtMost.r || p > scryptAtMost.p) return undefined;
  return { ln, r, p, salt: Buffer.from(found[4]!, 'base64'), key: Buffer.from(found[5]!, 'base64') };
}

function verifyScrypt(hash: string, password: string): boolean {
  const parts = scryptParts(hash)!;
  const { ln, r, p, salt, key } = parts;
  const made = scryptSync(password, salt, key.length, {
    N: 2 ** ln,
    r,
    p,
    maxmem: 2 ** ln * r * 128 + 64 * 1024 * 1024,
  });
  return timingSafeEqual(made, key);
}
