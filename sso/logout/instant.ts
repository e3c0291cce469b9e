/** Both clocks of a machine, read at one instant, milliseconds. The wall clock is the raw one: leases trust neither alone. */
export interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}
