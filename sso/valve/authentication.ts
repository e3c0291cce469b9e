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

/**
 * Who this is; `undefined`, `null` or `false`: nobody with these credentials. One that throws an error whose `kind` is `busy` has
 * too much to do and did not look at them; with any other error nobody can be checked now. Neither counts as a wrong password.
 */
export type Authenticate = (
  credentials: Credentials,
  req: Request,
) => Principal | undefined | null | false | Promise<Principal | undefined | null | false>;

/** The longest that `authenticate` may take, milliseconds. */
export const authenticationLimitMs = 10_000;

export type Outcome =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'refused' }
  /** Nothing is known. `busy`: it says so itself, that nothing was asked. */
  | { readonly kind: 'failed'; readonly why: 'busy' | 'unavailable' };

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
    // In a flood a line for each would be a flood of its own.
    if (isBusy(error)) return { kind: 'failed', why: 'busy' };
    parts.log.error({ err: error }, 'authenticate failed: the sign-on is denied');
  }
  return { kind: 'failed', why: 'unavailable' };
}

/** What an application's check throws that takes no more at the moment: an error with `kind: 'busy'`. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && (error as { kind?: unknown }).kind === 'busy';
}
