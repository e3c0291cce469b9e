/** What the registry is handed, and what it asks of its neighbours: sessions, finality, receipts. */

import type { Clock } from '../clock.ts';
import type { Cause, SsoEntry } from '../entry.ts';
import type { Asked, Copies, Gossip } from '../gossip/copies.ts';
import type { HybridClock } from '../hybrid-clock.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { EndedApp, Finality } from '../logout/finality.ts';
import type { Issue, Served } from '../logout/receipts.ts';
import type { Random } from '../random.ts';
import type { Receipt } from '../receipt.ts';
import type { Subject } from '../subject.ts';
import type { SsoId } from '../token.ts';
import type { RegistryLimits } from './limits.ts';

export interface RegistryParts {
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly gossip: Pick<Gossip, 'stored'>;
  /** The session table is one. */
  readonly links: Links;
  readonly finality: Pick<Finality, 'epoch' | 'onEpoch' | 'ended'>;
  /** `Receipts` is one. */
  readonly receipts: ReceiptIssuer;
  readonly keys: Pick<Keys, 'token'>;
  readonly clock: Clock;
  /** The time that a majority's clocks have reached: what is ended for good is over by it, too, or one wrong clock could end everything. Default: `clock`. */
  readonly certain?: { now(): number } | undefined;
  readonly hybrid: HybridClock;
  readonly random: Random;
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** Whether this node takes new sign-ons now: it is up, may accept, its disk can be written, its clock is near the others'. */
  readonly accepting: () => boolean;
  readonly limits?: Partial<RegistryLimits>;
  readonly log?: Log;
}

/** What the registry asks about sessions; the session table answers. */
export interface Links {
  linkedUntil(id: SsoId): number;
  keysOf(id: SsoId): readonly string[];
  ask(keys: readonly string[]): Promise<Asked>;
  /** Ends the sessions of an entry that closed. Returns those that this life served, by application. */
  endLinked(id: SsoId, end: LinkedEnd): readonly EndedApp[];
  /** The sessions that would end with this entry, each with the life that serves it. */
  served(id: SsoId): readonly Served[];
  views(id: SsoId): readonly SessionView[];
}

/** Why and when the entry of a session ended. */
export interface LinkedEnd {
  readonly cause: Cause;
  /** Milliseconds since 1970; the same on every node. */
  readonly closedAt: number;
}

export interface SessionView {
  readonly app: string;
  readonly node: string;
  readonly lastAccessAt: number;
}

export interface ReceiptIssuer {
  /** Takes a closing, which is stored here, to everybody; answers when it is complete, at the latest after `waitMs`. */
  issue(what: Issue): Promise<Receipt>;
}
