/**
 * Asks an application's `authenticate` about credentials, and takes nothing for a "yes" but a principal:
 * a throw, no answer in time, or an object that is none denies (check 40). A page that is told "wrong
 * password" when the directory is down would be a lie, so that is said as unavailable.
 */

import type { Request } from 'express';
import { bounded, type Clock } from '../clock.ts';
import type { Fields } from '../http/body.ts';
import type { Log } from '../log.ts';
import { type Principal, requirePrincipal } from '../principal.ts';

/** As they were sent; a form's other fields come along. */
export type Credentials = Fields & { readonly username: string; readonly password: string };

/** Who this is; `undefined`, `null` or `false`: nobody with these credentials. */
export type Authenticate = (
  credentials: Credentials,
  req: Request,
) => Principal | undefined | null | false | Promise<Principal | undefined | null | false>;

/** The longest that `authenticate` may take, milliseconds. */
export const authenticationLimitMs = 10_000;

export type Outcome =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed' };

const noAnswer = Symbol('no answer in time');

/** Never rejects. */
export async function authenticated(
  parts: { readonly clock: Clock; readonly log: Log },
  limitMs: number,
  authenticate: () => unknown,
): Promise<Outcome> {
  try {
    const answer: unknown = await bounded(parts.clock, limitMs, Promise.resolve().then(authenticate), noAnswer);
    if (answer === undefined || answer === null || answer === false) return { kind: 'refused' };
    if (answer !== noAnswer) return { kind: 'principal', principal: requirePrincipal(answer) };
    parts.log.error({ limitMs }, 'authenticate gave no answer in time: the sign-on is denied');
  } catch (error) {
    parts.log.error({ err: error }, 'authenticate failed: the sign-on is denied');
  }
  return { kind: 'failed' };
}
