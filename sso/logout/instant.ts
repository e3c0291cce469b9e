/** Both clocks of a machine, read at one instant. The wall clock is the raw one: leases trust neither alone. */

import type { Clock } from '../clock.ts';

/** Milliseconds. */
export interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

export const instantOf = (clock: Pick<Clock, 'monotonic' | 'now'>): Instant => ({
  monotonic: clock.monotonic(),
  wall: clock.now(),
});
