/**
 * How many attempts may be under way at once, by what failed before: the two rules of the throttle, pure.
 * An account has a ladder: some failures are free, then each doubles the wait, and one attempt at a time
 * may try its luck. A source, and all strangers together, have a rate: so many failures in a sliding
 * window, of which the last window counts by what is left of it.
 */

import type { LadderOptions, RateOptions } from './limits.ts';

/** What is known of a key as of an instant. */
export interface Tally {
  /** Failures of the window that goes on, and of the one before. */
  readonly failed: number;
  readonly failedBefore: number;
  /** When the last of them was, milliseconds since 1970; 0: there is none. */
  readonly failedAt: number;
}

export interface Room {
  /** How many may be under way at once, the one that asks included; 0: none may. */
  readonly room: number;
  /** If none: after so long one may, as far as is known now. */
  readonly retryAfterMs: number;
}

export interface Budget {
  readonly windowMs: number;
  roomFor(tally: Tally, now: number): Room;
}

/** Beyond any wait that can be configured, and below what a number cannot hold. */
const doublingsAtMost = 40;

export function ladder({ failures, firstWaitMs, longestWaitMs, windowMs }: Required<LadderOptions>): Budget {
  return {
    windowMs,
    roomFor({ failed, failedBefore, failedAt }, now) {
      const count = failed + failedBefore;
      if (count < failures) return { room: failures - count, retryAfterMs: 0 };
      // A clock that ran ahead must not make the wait longer than it is.
      const left =
        Math.min(failedAt, now) +
        Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(count - failures, doublingsAtMost)) -
        now;
      return left <= 0 ? { room: 1, retryAfterMs: 0 } : { room: 0, retryAfterMs: left };
    },
  };
}

export function rate({ failures, windowMs }: Required<RateOptions>): Budget {
  return {
    windowMs,
    roomFor({ failed, failedBefore }, now) {
      const passedMs = now % windowMs;
      const room = Math.floor(failures - failed - failedBefore * (1 - passedMs / windowMs));
      if (room >= 1) return { room, retryAfterMs: 0 };
      // In this window, once enough of the last one has gone by; else in the next, by what is left of this one.
      const left = failures - 1 - failed;
      const atMs =
        left >= 0 ? windowMs * (1 - left / failedBefore) : windowMs + windowMs * (1 - (failures - 1) / failed);
      return { room: 0, retryAfterMs: Math.max(1, Math.ceil(atMs - passedMs)) };
    },
  };
}
