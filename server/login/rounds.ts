/**
 * How often a browser was led away from here and came back to be signed on, for the same address: a loop
 * that no tab ends by itself. Counted in a cookie of the login host, since that is the one that is known to
 * come back. A browser that is signed on here is sent on without anybody's doing, so its rounds take seconds;
 * one that is not needs a person to send the form each time. Pure: the cookie is somebody else's.
 */

import { createHash } from 'node:crypto';

/** The next time it comes back, it is told why instead. */
export const roundsAtMost = 3;
/** What comes back later than this, seconds, comes of its own accord. */
const loopWithinS = { passed: 10, signedOn: 300 } as const;
/** How long the cookie is kept. */
export const roundsLifeS = loopWithinS.signedOn;

/** How it was led away: because it was signed on already, or because it just signed on. */
export type Led = keyof typeof loopWithinS;

export interface Rounds {
  readonly count: number;
  /** Seconds since 1970. */
  readonly at: number;
  /** Where to, in short. */
  readonly target: string;
}

export function targetOf(returnTo: string | undefined): string {
  return createHash('sha256')
    .update(returnTo ?? '/')
    .digest('base64url')
    .slice(0, 11);
}

/** `undefined`: no cookie of ours. */
export function parseRounds(text: string | undefined): Rounds | undefined {
  const [, count, at, target] = /^(\d)\.(\d{1,12})\.([A-Za-z0-9_-]{11})$/.exec(text ?? '') ?? [];
  return target === undefined ? undefined : { count: Number(count), at: Number(at), target };
}

export function formatRounds({ count, at, target }: Rounds): string {
  return `${count}.${at}.${target}`;
}

/** The rounds once it is led away again. */
export function roundAfter(before: Rounds | undefined, led: Led, target: string, nowS: number): Rounds {
  const count = isSameLoop(before, led, target, nowS) ? Math.min(before.count + 1, 9) : 1;
  return { count, at: nowS, target };
}

/** Whether a browser that comes to be signed on is in a loop. */
export function isLoop(rounds: Rounds | undefined, isSignedOn: boolean, target: string, nowS: number): boolean {
  const led = isSignedOn ? 'passed' : 'signedOn';
  return isSameLoop(rounds, led, target, nowS) && rounds.count >= roundsAtMost;
}

function isSameLoop(before: Rounds | undefined, led: Led, target: string, nowS: number): before is Rounds {
  if (before === undefined || before.target !== target) return false;
  const age = nowS - before.at;
  return age >= 0 && age <= loopWithinS[led];
}
