/**
 * Time, handed in. The core never reads a clock of its own, so hours pass in a test in no time and a
 * simulation is the same on every run. `systemClock` is the only place that touches the real one.
 */

/** Takes a pending timer back. Calling it twice, or after the timer fired, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Wall clock, milliseconds since 1970. May leap. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number;
  /** Runs `run` once, `ms` milliseconds from now. Does not keep the process alive. */
  after(ms: number, run: () => void): Cancel;
  /** Runs `run` once the work at hand is done: what was changed meanwhile travels as one batch. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, 0x7fff_ffff));
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};

/** Runs `run` every `ms` milliseconds until cancelled; the next interval begins when `run` has returned. */
export function every(clock: Clock, ms: number, run: () => void): Cancel {
  let cancelled = false;
  let cancel: Cancel = () => {};
  const arm = () => {
    cancel = clock.after(ms, () => {
      run();
      if (!cancelled) arm();
    });
  };
  arm();
  return () => {
    cancelled = true;
    cancel();
  };
}

/** Resolves with what `work` gives, or with `otherwise` once `ms` have passed. A rejection of `work` passes through. */
export function bounded<T, U>(clock: Clock, ms: number, work: Promise<T>, otherwise: U): Promise<T | U> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(otherwise));
    work.then(resolve, reject).finally(cancel);
  });
}
