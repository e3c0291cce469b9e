/**
 * The simulation's only clock: a queue of events in the order of their instants, ties in the order they
 * were set. Every timer belongs to a host, so a crash forgets that host's timers, a pause holds them
 * back, and each host's wall clock may be off by a little. Between two events all promises settle, so
 * one seed gives one history.
 */

import type { Cancel, Clock } from '../../sso/clock.ts';

/** One life of a process: what it set in motion ends with it. */
export interface Host {
  /** Milliseconds that its wall clock is ahead of the true time. */
  readonly skewMs: number;
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

  /** The clock of one host; without one, the world's own. */
  clockOf(host?: Host): Clock {
    const skewMs = host?.skewMs ?? 0;
    return {
      now: () => Math.floor(startAt + this.#passed + skewMs),
      monotonic: () => this.#passed,
      after: (ms, run) => this.after(ms, run, host),
      soon: (run) => void this.#soon.push({ at: 0, order: 0, host, run }),
    };
  }

  after(ms: number, run: () => void, host?: Host): Cancel {
    const timer: Timer = { at: this.#passed + Math.max(0, ms), order: this.#order++, host, run };
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

const isBefore = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order);

function pushTimer(heap: Timer[], timer: Timer): void {
  let index = heap.push(timer) - 1;
  while (index > 0) {
    const above = (index - 1) >> 1;
    if (!isBefore(timer, heap[above]!)) break;
    heap[index] = heap[above]!;
    index = above;
  }
  heap[index] = timer;
}

function popTimer(heap: Timer[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let index = 0;
  for (;;) {
    let below = 2 * index + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
    if (!isBefore(heap[below]!, last)) break;
    heap[index] = heap[below]!;
    index = below;
  }
  heap[index] = last;
}
