/**
 * What the rest of the node sees of final logout: whether a sign-on may be accepted at this instant,
 * and how far a closing has come. `conductor.ts` does the work; a node without a cluster has `alone.ts`.
 */

/** `refuse`: without a quorum of leases no sign-on is accepted. `serve`: a voter goes on with what it has. */
export type WhenCutOff = 'refuse' | 'serve';

/** A fact that only grows: a closed entry, the end of a subject. */
export interface Closing {
  /** The map that holds it. */
  readonly map: 'entries' | 'subjects' | 'epochs';
  readonly key: string;
}

/** What one node ended of one application's sessions with a closing. Only sessions that this node's life served count: others have copies. */
export interface EndedApp {
  readonly app: string;
  readonly sessions: number;
  /** What the application's own handler threw, if it did: the session has ended all the same (V68). */
  readonly failure: string | undefined;
}

/** How far a closing has come. */
export interface Progress {
  /** `complete`: no node accepts it again, ever. */
  readonly state: 'complete' | 'pending';
  /** When it will be complete at the latest, milliseconds since 1970, though nobody else confirms; `undefined` while too few voters have it, or in `serve` mode. */
  readonly finalAt: number | undefined;
  /** Nodes that confirmed, by name, oneself included. */
  readonly confirmed: readonly string[];
  /** Nodes that did not yet: those that have not left the cluster, and voters that were never seen (by their address). */
  readonly outstanding: readonly string[];
  /** What each node that confirmed ended of its own sessions. */
  readonly ended: ReadonlyMap<string, readonly EndedApp[]>;
}

/** A closing on its way. */
export interface Seal {
  readonly progress: Progress;
  /** Resolves when it is complete; never, if the node stops before. */
  readonly complete: Promise<void>;
  /** Resolves when nobody is outstanding any more. */
  readonly everywhere: Promise<void>;
  /** Called whenever `progress` is another one. */
  onProgress(listener: (progress: Progress) => void): void;
  /** Nobody waits for it any longer: ends its retries. */
  drop(): void;
}

export interface LeaseView {
  /** The voter's configured address. */
  readonly voter: string;
  readonly remainingMs: number;
}

/** For health, metrics and pages. */
export interface FinalityView {
  /** `alone`: a node without a cluster. */
  readonly mode: WhenCutOff | 'alone';
  /** T, milliseconds. */
  readonly leaseMs: number;
  /** The configured voters' addresses. */
  readonly voters: readonly string[];
  readonly quorum: number;
  /** This node's own address among the voters; `undefined`: it has no vote. */
  readonly vote: string | undefined;
  /** `lost`: recovering without its state; `disk`: recovering with it; `up`: recovered. */
  readonly standing: 'up' | 'disk' | 'lost';
  /** What a recovering node still waits for, in words. */
  readonly waitsFor: string | undefined;
  /** Leases that run, one's own not among them. */
  readonly leases: readonly LeaseView[];
  /** Whether a sign-on may be accepted now. */
  readonly accepting: boolean;
  readonly epoch: number;
  /** Closings on their way to nodes that have not confirmed them. */
  readonly outstanding: number;
}

export interface Finality {
  /** Whether a sign-on may be accepted at this instant: read at every use, in memory. */
  mayAccept(): boolean;
  /** Resolves with `true` as soon as it may, with `false` after `ms`. */
  waitToAccept(ms: number): Promise<boolean>;
  /** The epoch in force: entries of an earlier one are over. */
  readonly epoch: number;
  /** Called when a later epoch is known. */
  onEpoch(listener: (epoch: number) => void): void;
  /** Takes this closing, which is stored here, to everybody. `epoch`: that of the sign-on; left out: it is not known, or it is several. */
  seal(closing: Closing, epoch?: number): Seal;
  /** What this node ended with a closing: to be told in the same turn in which the closing was merged, before it is confirmed. */
  ended(closing: Closing, apps: readonly EndedApp[]): void;
  view(): FinalityView;
  /** Called when `mayAccept` or the standing may have become another. */
  onChange(listener: () => void): void;
}
