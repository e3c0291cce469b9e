/** What follows from a call of the core: facts and messages, nothing that has happened yet. */

import type { Peer } from '../channel/channel.ts';
import type { Change } from './lattice.ts';

export interface Outgoing {
  readonly to: Peer | 'all';
  readonly frame: Uint8Array;
}

export interface MapChange {
  readonly map: string;
  readonly change: Change<unknown>;
}

/** A completed comparison: all that the peer held when it answered is here, its mark says what that was. */
export interface Compared {
  readonly peer: Peer;
  readonly mark: number;
  /** When it was asked for, by the monotonic clock. */
  readonly begunAt: number;
}

/** Listeners hear of the changes before anything is sent: a confirmation says that they have acted. */
export interface Step {
  readonly changes: readonly MapChange[];
  readonly send: readonly Outgoing[];
  /** A peer confirmed batches. */
  readonly acked: boolean;
  /** Comparisons that were completed. */
  readonly compared: readonly Compared[];
  /** Questions that need no more waiting. */
  readonly settled: readonly number[];
  /** Nodes that a peer says it reaches. */
  readonly sees: readonly string[];
  /** The frame was nothing that a member sends. An unknown version or type is not meant: members may be newer. */
  readonly bogus: boolean;
}

/** A step in the making. */
export class Steps implements Step {
  readonly changes: MapChange[] = [];
  readonly send: Outgoing[] = [];
  acked = false;
  readonly compared: Compared[] = [];
  readonly settled: number[] = [];
  readonly sees: string[] = [];
  bogus = false;
}

/** Both clocks' readings: `now` judges values, `monotonic` waits. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}
