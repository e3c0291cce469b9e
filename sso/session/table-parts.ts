/** What the table of sessions is given, what requests give it, and what it answers. */

import type { Clock } from '../clock.ts';
import type { Copies, Gossip } from '../gossip/copies.ts';
import type { HybridClock } from '../hybrid-clock.ts';
import type { Log } from '../log.ts';
import type { SsoId } from '../token.ts';
import type { CopiesWanted, Depot } from './buddies/depot.ts';
import type { Changes } from './data/changes.ts';
import type { SessionData } from './data/session-data.ts';
import type { Residence } from './passivation/residence.ts';
import type { LiveSession, SessionCause, SessionRecord } from './record.ts';
import type { Telling } from './teller.ts';
import type { Turns } from './turns.ts';

export type SessionLook =
  | { readonly state: 'live'; readonly session: LiveSession }
  /** Unused for its idle limit as far as this node saw, or this node stood still: another one may know better. */
  | { readonly state: 'doubtful'; readonly session: LiveSession }
  /** Its data stays on the node that serves it, which is another one: here it is a link of its sign-on, and nothing to hand out. */
  | { readonly state: 'elsewhere'; readonly session: LiveSession }
  /** Only some nodes have its data, and another one serves it, or did: to be inquired for by whoever is to use it. */
  | { readonly state: 'away'; readonly session: LiveSession }
  /** The same, and none of the nodes that may have its data can be asked now: it is neither to be used nor replaced. */
  | { readonly state: 'out of reach' }
  | { readonly state: 'ended'; readonly cause: SessionCause }
  | { readonly state: 'unknown' }
  /** Unknown here, and not everybody could be asked. */
  | { readonly state: 'undecided' };

/** The session that is there to be used, as far as this node knows. */
export function sessionOf(look: SessionLook): LiveSession | undefined {
  return look.state === 'live' || look.state === 'doubtful' ? look.session : undefined;
}

/** Whether there is a session that goes on, here or on other nodes. */
export const isThere = ({ state }: SessionLook): boolean => state === 'live' || state === 'away';

/** What the table asks about sign-ons; the registry answers. */
export interface SignOnState {
  /** `open`, or `over` if it is closed, expired or ended by its subject, or `unknown` here. */
  stateOf(id: SsoId): 'open' | 'over' | 'unknown';
  endsAt(id: SsoId): number | undefined;
  /** The entry's end, for sessions that end with it: the same instant on every node. */
  closedAt(id: SsoId): number | undefined;
  /** Asks the members for an entry that is unknown here. */
  fetch(id: SsoId): Promise<unknown>;
  /** A linked session ended at this instant: the entry was not empty until then. */
  lived(id: SsoId, until: number): void;
}

export interface SessionTableParts {
  readonly copies: Copies<SessionRecord>;
  readonly gossip: Pick<Gossip, 'stored'>;
  readonly signOns: SignOnState;
  readonly clock: Clock;
  readonly hybrid: HybridClock;
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** When a life ended, milliseconds; `undefined` while it goes on. */
  readonly lifeEndedAt: (life: string) => number | undefined;
  /** Resolves once this node knows again what the others did while it stood still; `undefined`: it does. Default: always. */
  readonly catchingUp?: () => Promise<void> | undefined;
  readonly limits?: Partial<SessionLimits>;
  /** Where sessions are in memory, or on the disk (passivation/). Left out: all in memory. */
  readonly residence?: Residence | undefined;
  /** Where data is that only some nodes have (buddies/). Left out: every node has all. */
  readonly depot?: Depot | undefined;
  /** Where long work of others goes on as well. Left out: of its own. */
  readonly turns?: Turns | undefined;
  readonly log?: Log;
}

/** What a request writes. */
export interface SessionWrite {
  readonly app: string;
  readonly signOn: SsoId | undefined;
  readonly idleMs: number;
  /** What is to be different in what is held now: another request may have changed other fields meanwhile. */
  readonly changes: Changes;
  /** The data that `changes` were found in: only what was in there is taken away. Left out: what is held. */
  readonly seen?: SessionData | undefined;
  /** The data that a session brings along from another key: what is held there is part of this one. */
  readonly initial?: SessionData | undefined;
  /** Default: at once, changes of one write together. */
  readonly telling?: Telling | undefined;
  /**
   * Where only some nodes have the data, and only the data changed: the others are told of the use if they were last told so long
   * ago, milliseconds. Default: only what must be told.
   */
  readonly unreplicatedMs?: number | undefined;
  /** The key of the session whose place it takes: it is not one more. */
  readonly replaces?: string | undefined;
  /** Of a session that moves to a new id: when it was made. Two requests that move it at once agree by that (S7). Default now. */
  readonly createdAt?: number | undefined;
}

/** What a request that uses a session says of it. */
export interface Use {
  /** How long ago the others were told of a use at most, milliseconds; 0: each is told; Infinity: only what must be. */
  readonly afterMs: number;
  /** Which nodes are to have the data, if it gets another owner; as in `Telling`. */
  readonly buddies?: CopiesWanted | undefined;
}

export interface SessionLimits {
  /** Sessions on all nodes; one more is refused with 503. Default 1,000,000. */
  readonly sessions: number;
  /** Sessions of one sign-on; one more ends the oldest. Default 256. */
  readonly sessionsPerSignOn: number;
  /** Members that hold a changed session before the answer's last byte, this one included. Default 2. */
  readonly copies: number;
  /** The longest that an answer waits for that, milliseconds. Default 250. */
  readonly waitMs: number;
}

export const sessionLimits: SessionLimits = { sessions: 1_000_000, sessionsPerSignOn: 256, copies: 2, waitMs: 250 };
