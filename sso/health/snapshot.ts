/**
 * What health and metrics are made of: one picture of a node, taken when somebody asks. Plain data and
 * types only, so that what a page says of a picture is a pure function with a test per line. Nothing here
 * names a user, a sign-on or a session.
 */

import type { Clock } from '../clock.ts';
import type { FinalityView } from '../logout/finality.ts';

export interface HealthSnapshot {
  readonly state: 'starting' | 'up' | 'draining' | 'stopped';
  /** How much longer balancers are told to send nothing here, because somebody wanted to see what they do then, milliseconds; 0: they are not. */
  readonly restsForMs: number;
  readonly finality: FinalityView;
  /** As this node sees them, itself included. */
  readonly members: readonly { readonly state: string; readonly reachable: boolean }[];
  /** `closed`: those that are over and kept, so that no late copy revives them. */
  readonly signOns: { readonly open: number; readonly closed: number };
  /** `passivated`: how many of those that live lie on this node's disk. */
  readonly sessions: {
    readonly live: number;
    readonly passivated: number;
    /** Those whose data is with some nodes only: with this one as the owner's or as a buddy, or elsewhere; `strays`: those among the latter whose data is here all the same, until others are known to have it; `refilling`: those whose data this node is to hold and has not got since it started. */
    readonly placed: {
      readonly owned: number;
      readonly kept: number;
      readonly elsewhere: number;
      readonly strays: number;
      readonly refilling: number;
    };
  };
  /** Nodes that refuse this one, or that it refuses: the settings that differ, by name. */
  readonly refusals: readonly {
    readonly by: string;
    readonly reason: string;
    readonly differ: readonly string[];
    readonly why: string;
  }[];
  /** What was counted since the start, by name: gossip, the channel, final logout. */
  readonly counters: Readonly<Record<string, number>>;
  /** What waits now, by queue: frames to be sent, values to be written, closings to be confirmed. */
  readonly queues: Readonly<Record<string, number>>;
  readonly clock: {
    /** How far this node's wall clock is ahead of the corrected time, milliseconds. */
    readonly offsetMs: number;
    /** It is so far off, or so far from the others' while no majority of them agrees, that this node accepts no sign-on of its own. */
    readonly isWrong: boolean;
  };
  /** Why the last write to the data directory failed; `undefined` while all is well or there is none. */
  readonly diskFailure: string | undefined;
  readonly longLived: {
    readonly open: Readonly<Record<string, number>>;
    readonly closed: Readonly<Record<string, number>>;
  };
}

/** What the node hands to this room. */
export interface HealthSource {
  readonly clock: Clock;
  snapshot(): HealthSnapshot;
  /** When the node's own round last ran, on the monotonic clock, milliseconds; `undefined` as long as it has none: alone, or still starting. */
  beatAt(): number | undefined;
}
