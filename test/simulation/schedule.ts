/**
 * The simulation's only clock: a queue of events in the order of their instants, ties in the order they
 * were set. Every timer belongs to a host, so a crash forgets that host's timers, a pause holds them
 * back, and each host has the clocks of its machine: a wall clock that is off and may leap, a monotonic
 * one that drifts and never leaps. Both go on while the host is paused, as under SIGSTOP. Between two
 * events all promises settle, so one seed gives one history.
 */

import type { Cancel, Clock } from '../../sso/clock.ts';
import { popTimer, pushTimer } from '../../sso/testing/timers.ts';

/** The clocks of a machine, which outlive its processes. */
export interface MachineClocks {
  /** Milliseconds that its wall clock is ahead of the true time. May leap. */
  skewMs: number;
  /** How much faster than true time its oscillator runs: 0.0005 is 0.05 %. Timers and the monotonic clock follow it. */
  readonly drift: number;
}

/** One life of a process: what it set in motion ends with it. */
export interface Host {
  readonly clocks: MachineClocks;
  /** True time; its monotonic clock counts from here. */
  readonly bornAt: number;
  gone: boolean;
  paused: boolean;
  /** From a pause until all of it has been caught up with: what came due and waits. */
  held: (() => void)[] | undefined;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly host: Host | undefined;
  run: (() => void) | undefined;
}

/** Wall clocks start here: 2026-01-01T00:00Z. */
export const startAt = Date.UTC(2026, 0, 1);
/** The most that a wall clock's drift adds to its skew, milliseconds. */
export const wanderAtMostMs = 100;

export class Schedule {
  #passed = 0;
  #order = 0;
  #steps = 0;
  readonly #timers: Timer[] = [];
  #soon: Timer[] = [];

  /** True time, milliseconds since 1970; fractions kept. */
  get now(): number {
    return startAt + this.#passed;
  }

  /** Events that have run. */
  get steps(): number {
    return this.#steps;
  }

  /** The raw clocks of one host; without one, the world's own. */
  clockOf(host?: Host): Clock {
    const soon = (run: () => void) => void this.#soon.push({ at: 0, order: 0, host, run });
    const after = (ms: number, run: () => void) => this.after(ms, run, host);
    if (host === undefined) return { now: () => Math.floor(this.now), monotonic: () => this.#passed, after, soon };
    const { clocks } = host;
    const bornAt = host.bornAt - startAt;
    return {
      now: () => Math.floor(startAt + this.#passed + clocks.skewMs + this.#wander(clocks.drift)),
      monotonic: () => (this.#passed - bornAt) * (1 + clocks.drift),
      after,
      soon,
    };
  }

  /** `ms` by the clock of the host, where it is a whole number and 1 at least, as `setTimeout` has it. */
  after(ms: number, run: () => void, host?: Host): Cancel {
    const trueMs = host === undefined ? Math.max(0, ms) : Math.max(1, Math.trunc(ms) || 0) / (1 + host.clocks.drift);
    const timer: Timer = { at: this.#passed + trueMs, order: this.#order++, host, run };
    pushTimer(this.#timers, timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Runs the next event that is due by `until` (true time), and then all that follows at once. False: there is none. */
  async step(until: number): Promise<boolean> {
    const timer = this.#next(until - startAt);
    if (timer === undefined) {
      this.#passed = Math.max(this.#passed, until - startAt);
      return false;
    }
    this.#passed = Math.max(this.#passed, timer.at);
    this.#steps++;
    fire(timer);
    await this.settle();
    return true;
  }

  pause(host: Host): void {
    host.paused = true;
    host.held ??= [];
  }

  /** Lets a paused host go on: what waited runs now, in its order, and whatever comes meanwhile after it. */
  resume(host: Host): void {
    if (!host.paused) return;
    host.paused = false;
    const catchUp = () => {
      if (host.gone || host.paused) return;
      const run = host.held?.shift();
      if (run === undefined) {
        host.held = undefined;
        return;
      }
      run();
      this.after(0, catchUp);
    };
    this.after(0, catchUp);
  }

  /** Lets promises and what was asked for `soon` come to an end, without time passing. To be called after anything that is no event. */
  async settle(): Promise<void> {
    await promisesSettled();
    while (this.#soon.length > 0) {
      const queue = this.#soon;
      this.#soon = [];
      for (const timer of queue) fire(timer);
      await promisesSettled();
    }
  }

  /** A wall clock drifts as its oscillator does, and is pulled back before it is off by much: to and fro. */
  #wander(drift: number): number {
    if (drift === 0) return 0;
    const turnMs = wanderAtMostMs / Math.abs(drift);
    const phase = (this.#passed % (2 * turnMs)) / turnMs;
    return Math.sign(drift) * wanderAtMostMs * (phase < 1 ? phase : 2 - phase);
  }

  #next(until: number): Timer | undefined {
    for (;;) {
      const next = this.#timers[0];
      if (next === undefined || next.at > until) return undefined;
      popTimer(this.#timers);
      if (next.run !== undefined && next.host?.gone !== true) return next;
    }
  }
}

function fire({ host, run }: Timer): void {
  if (run === undefined || host?.gone === true) return;
  if (host?.held !== undefined) host.held.push(run);
  else run();
}

/** A tick that is asked for from within a promise's job comes after all promises' jobs. Several times cheaper than a turn of the event loop. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void process.nextTick(resolve));
}
