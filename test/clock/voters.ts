/** A node among voters whose wall clocks are wrong at will, and the questions with which it learns what they show. */

import type { Clock } from '../../sso/clock.ts';
import { CorrectedClock } from '../../sso/corrected-clock.ts';
import type { Log } from '../../sso/log.ts';

export const startAt = Date.UTC(2026, 0, 1);
export const year = 365 * 86_400_000;

export interface World {
  /** True time, milliseconds since `startAt`. */
  readonly passed: number;
  readonly clock: CorrectedClock;
  /** What corrected time is ahead of true time, milliseconds. */
  error(): number;
  pass(ms: number): void;
  /** From now on this voter's wall clock is so far ahead of true time; 0 is the node itself. */
  set(voter: number, aheadMs: number): void;
  /** An answer of this voter comes in at this moment: the question took `there` milliseconds, the answer `back`. */
  answer(voter: number, there?: number, back?: number): void;
}

/** `aheads`: what each voter's wall clock is ahead of true time; the first is the node's own, `isVoter` or not. */
export function world(
  aheads: readonly number[],
  options: { readonly isVoter?: boolean; readonly drift?: number; readonly log?: Log } = {},
): World {
  const { isVoter = true, drift = 0, log } = options;
  const voters = isVoter ? aheads.length : aheads.length - 1;
  /** What each clock was set to, and when: the latest last. */
  const history = aheads.map((ahead) => [{ at: Number.NEGATIVE_INFINITY, ahead }]);
  let passed = 0;
  const wall = (voter: number, at: number) =>
    Math.floor(startAt + at + history[voter]!.findLast((setting) => setting.at <= at)!.ahead);
  const monotonic = (at: number) => 5_000 + at * (1 + drift);
  const raw: Clock = {
    now: () => wall(0, passed),
    monotonic: () => monotonic(passed),
    after: () => () => {},
    soon: () => {},
  };
  const clock = new CorrectedClock({
    clock: raw,
    voters,
    quorum: Math.floor(voters / 2) + 1,
    isVoter,
    ...(log && { log }),
  });
  return {
    get passed() {
      return passed;
    },
    clock,
    error: () => clock.now() - startAt - passed,
    pass: (ms) => void (passed += ms),
    set: (voter, ahead) => void history[voter]!.push({ at: passed, ahead }),
    answer: (voter, there = 1, back = 1) =>
      clock.heard(`n${voter}:7800`, wall(voter, passed - back), monotonic(passed - back - there), monotonic(passed)),
  };
}
