/**
 * Lets virtual time pass exactly where the process would otherwise only wait for it. Requests in a
 * test are real HTTP, their bounded waits are virtual: while one is being served, due work is
 * delivered at once, and when nothing has happened for a few turns of the event loop, time moves on
 * in small steps. So a peer that is cut off costs a test milliseconds, never the whole wait; a request
 * that the test itself holds up stops time after `heldMs`, so hours never pass by accident.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const pumpLimits = {
  /** Turns of the event loop, and real milliseconds, without a sign of life before time moves. */
  quietTurns: 10,
  quietMs: 1,
  /** The most that passes for a request while nothing happens: longer than any bounded wait, that for an authenticator included. */
  heldMs: 15_000,
  /** The most that passes while a call of a node's own is awaited. */
  awaitedMs: 60_000,
} as const;

/** What a node's clock differs by: `n2` may be ten minutes ahead. */
export interface Skew {
  ms: number;
}

export class Pump {
  readonly #clock: VirtualClock;
  #requests = 0;
  /** Calls of the test's own that are awaited, and what to do when time goes on in vain. */
  readonly #awaited = new Set<{ leftMs: number; readonly giveUp: () => void }>();
  /** How far time may go yet while nothing but requests is awaited. */
  #heldLeftMs = 0;
  #running = false;
  #queue: Promise<unknown> = Promise.resolve();
  /** Depth of callbacks that the clock itself runs: what they start is no sign of life from outside. */
  #inside = 0;
  #signs = 0;
  #wake: (() => void) | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** The clock for one node, or for the network: the same time, plus what this node's wall clock is off by. */
  clock(skew: Skew = { ms: 0 }): Clock {
    const inner = this.#clock;
    return {
      now: () => inner.now() + skew.ms,
      monotonic: () => inner.monotonic(),
      after: (ms, run): Cancel => {
        this.#sign();
        return inner.after(ms, this.#counted(run));
      },
      soon: (run) => {
        this.#sign();
        inner.soon(this.#counted(run));
      },
    };
  }

  /** A request arrived: time passes for it until the returned function is called. */
  enter(): () => void {
    let here = true;
    this.#requests++;
    this.#start();
    return () => {
      if (here) this.#requests--;
      here = false;
      this.#sign();
    };
  }

  /** Awaits `work`, and lets time pass for it. Rejects if a minute of virtual time has not been enough. */
  async run<T>(work: Promise<T>): Promise<T> {
    let stop = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      const giveUp = () => reject(new Error(`still waiting after ${pumpLimits.awaitedMs / 1000} s of virtual time`));
      const one = { leftMs: pumpLimits.awaitedMs, giveUp };
      stop = () => void this.#awaited.delete(one);
      this.#awaited.add(one);
    });
    this.#start();
    try {
      return await Promise.race([work, late]);
    } finally {
      stop();
      this.#sign();
    }
  }

  /** Lets `ms` pass, each timer at its own instant, and promises in between. */
  async advance(ms: number): Promise<void> {
    const advanced = this.#queue.then(() => this.#clock.advanceAsync(ms));
    this.#queue = advanced.catch(() => {});
    await advanced;
  }

  get #isAwaited(): boolean {
    return this.#requests > 0 || this.#awaited.size > 0;
  }

  #start(): void {
    this.#sign();
    if (this.#running) return;
    void this.#loop();
  }

  async #loop(): Promise<void> {
    this.#running = true;
    let stepMs = 0.5;
    try {
      while (this.#isAwaited) {
        const before = this.#signs;
        await this.#untilQuiet();
        if (!this.#isAwaited) return;
        stepMs = before === this.#signs ? stepMs * 2 : 1;
        const leftMs = Math.max(
          this.#requests > 0 ? this.#heldLeftMs : 0,
          ...[...this.#awaited].map((one) => one.leftMs),
        );
        if (leftMs > 0) await this.#pass(Math.min(stepMs, leftMs));
        else await new Promise<void>((resolve) => void (this.#wake = resolve));
      }
    } finally {
      this.#running = false;
    }
  }

  /** Delivers what is due until nothing has happened for a while. */
  async #untilQuiet(): Promise<void> {
    let seen = this.#signs;
    let turns = 0;
    let since = performance.now();
    while (this.#isAwaited && (turns < pumpLimits.quietTurns || performance.now() - since < pumpLimits.quietMs)) {
      await this.advance(0);
      turns++;
      if (seen === this.#signs) continue;
      seen = this.#signs;
      turns = 0;
      since = performance.now();
    }
  }

  async #pass(ms: number): Promise<void> {
    this.#heldLeftMs -= ms;
    await this.advance(ms);
    for (const one of this.#awaited) {
      one.leftMs -= ms;
      if (one.leftMs > 0) continue;
      this.#awaited.delete(one);
      one.giveUp();
    }
  }

  #counted(run: () => void): () => void {
    return () => {
      this.#inside++;
      try {
        run();
      } finally {
        this.#inside--;
      }
    };
  }

  /** Somebody came, left, or began to wait for something: what is going on is not over. */
  #sign(): void {
    if (this.#inside > 0) return;
    this.#signs++;
    this.#heldLeftMs = pumpLimits.heldMs;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
