/**
 * Time that passes only when a test says so: timers fire in the order of their instants (ties in the
 * order they were set), what was asked for `soon` runs before the next timer, and nothing else moves.
 * The same calls give the same order on every run, so hours of a cluster's life are a seeded trace.
 */

import type { Cancel, Clock } from '../clock.ts';
import { popTimer, pushTimer } from './timers.ts';

export interface VirtualClock extends Clock {
  /** Lets `ms` pass: runs what is due, each timer at its own instant. */
  advance(ms: number): void;
  /** As `advance`, and lets promises settle between any two events: for code that awaits. */
  advanceAsync(ms: number): Promise<void>;
  /** Lets time pass from timer to timer until none is left, or `atMostMs` (default a minute) have passed. Returns how many did. */
  runUntilIdle(atMostMs?: number): number;
  /** The wall clock leaps by `ms`, either way; timers and `monotonic` do not notice. */
  leap(ms: number): void;
  /** How many timers and `soon` calls wait. */
  pending(): number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** More `soon` calls in one instant than this are an endless loop. */
const soonAtMost = 1_000_000;

/** A clock that shows `startAt` (milliseconds since 1970; default 2026-01-01T00:00Z), stands still, and obeys. */
export function virtualClock(startAt = Date.UTC(2026, 0, 1)): VirtualClock {
  let passed = 0;
  let offset = startAt;
  let order = 0;
  let waiting = 0;
  let soonQueue: (() => void)[] = [];
  const timers: Timer[] = [];

  /** Runs the present `soon` calls; those they add wait for the next call. Returns whether there were any. */
  const runSoon = (): boolean => {
    if (soonQueue.length === 0) return false;
    const queue = soonQueue;
    soonQueue = [];
    for (const run of queue) run();
    return true;
  };
  const drainSoon = () => {
    for (let turns = 0; runSoon(); turns++) if (turns > soonAtMost) throw new Error('soon() calls never end');
  };
  /** Fires the next timer that is due by `until`. */
  const fire = (until: number): boolean => {
    for (;;) {
      const next = timers[0];
      if (next === undefined || next.at > until) return false;
      popTimer(timers);
      if (next.run === undefined) continue;
      passed = Math.max(passed, next.at);
      waiting--;
      const { run } = next;
      next.run = undefined;
      run();
      return true;
    }
  };
  const nextAt = (): number | undefined => {
    while (timers[0] !== undefined && timers[0].run === undefined) popTimer(timers);
    return timers[0]?.at;
  };

  return {
    now: () => Math.floor(offset + passed),
    monotonic: () => passed,
    after(ms, run): Cancel {
      const timer: Timer = { at: passed + Math.max(0, ms), order: order++, run };
      pushTimer(timers, timer);
      waiting++;
      return () => {
        if (timer.run === undefined) return;
        timer.run = undefined;
        waiting--;
      };
    },
    soon: (run) => void soonQueue.push(run),
    advance(ms) {
      const until = passed + ms;
      do drainSoon();
      while (fire(until));
      passed = Math.max(passed, until);
    },
    async advanceAsync(ms) {
      const until = passed + ms;
      do await settled();
      while (runSoon() || fire(until));
      passed = Math.max(passed, until);
    },
    runUntilIdle(atMostMs = 60_000) {
      const from = passed;
      drainSoon();
      for (let at = nextAt(); at !== undefined && at <= from + atMostMs; at = nextAt()) {
        fire(at);
        drainSoon();
      }
      return passed - from;
    },
    leap: (ms) => void (offset += ms),
    pending: () => waiting + soonQueue.length,
  };
}

/** Everything that promises have in store has run once the event loop comes round. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));
