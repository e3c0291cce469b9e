/** What the layers above see of a replicated map, and of the gossip below them. */

import type { Change, Lattice } from './lattice.ts';

/** One node's copy of a replicated map. Look-ups are in memory; what is put travels by itself. */
export interface Copies<V> {
  readonly size: number;
  get(key: string): V | undefined;
  entries(): IterableIterator<[string, V]>;
  /** The values of one of the digest's buckets, 0 to 4,095, by their keys; to be read at once. `undefined`: there are none. */
  bucket(index: number): Iterable<readonly [string, V]> | undefined;
  /**
   * Merges `value` and sends the outcome to every member. Returns the value as it now is, or `undefined` if it was
   * refused and nothing changed: `refuses` says why.
   *
   * `told` is sent in place of the outcome, also where nothing changed (what was settled before can be told so): a delta,
   * or the value itself. Where something waits for that key already in this turn, the whole outcome is sent. `alone`: it
   * travels in a frame of its own, after all that was put before it; so even several of one key travel as they are.
   */
  put(key: string, value: V, told?: V, alone?: boolean): V | undefined;
  /**
   * As `put`, but nothing is sent: for what every node concludes by itself from the same facts, or for what is told later
   * (`own`: this node made the change; default false).
   */
  settle(key: string, value: V, own?: boolean): V | undefined;
  /** As `settle`, for what this node held before its start: not even what is over is refused, for one clock alone must not empty the store. */
  restore(key: string, value: V): V | undefined;
  /**
   * Puts a value that holds less in the place of the one that is held: what only this copy lets go of, and what the digest does not
   * cover. Nothing is sent; a later merge may bring back what was shed. Returns whether it was done: not where nothing is held,
   * or where the digest or the minute of forgetting would be another.
   */
  shed(key: string, value: V): boolean;
  /** Why `put` refuses this value: it is over already and nothing is held under the key, or no frame can carry it. */
  refuses(key: string, value: V): 'over' | 'too-large' | undefined;
  /** Called after every merge that altered something, in the order of the merges. */
  onChange(listener: (change: Change<V>) => void): void;
  /** Called when a value is freed, a minute or more after its `forgetAt`: indexes let go of it. Not a change: every copy does so by itself. */
  onForget(listener: (key: string, last: V) => void): void;
  /**
   * Asks every member for these keys, once, at most `askMs` (default 250), and merges what comes. Resolves as soon as all
   * have answered; where none of the keys was held here, also as soon as a value for each has come. `everybody`: every
   * member that has not left answered, and every configured address has been reached.
   */
  ask(keys: readonly string[]): Promise<Asked>;
}

/** Copies some of which may be put away as bytes: rarely used ones, of which there are very many. */
export interface CompactableCopies<V> extends Copies<V> {
  /**
   * For who puts them away: once a map. Whatever reads such a value gets one made for the moment, each time another;
   * whatever changes it makes it a value again.
   */
  compacted(form: Form<V>): Compacted<V>;
}

/** How values are put away as bytes. */
export interface Form<V> {
  /** `undefined`: this one is to stay a value. The bytes are copied at once. */
  pack(key: string, value: V): Uint8Array | undefined;
  /** A value of the same meaning: of the same `digestText` and `forgetAt`, too. The bytes are to be read at once. */
  unpack(key: string, bytes: Uint8Array): V;
  /** These bytes of `pack` are kept no more. */
  drop(bytes: Uint8Array): void;
}

/** The values of a map that are kept as bytes. */
export interface Compacted<V> {
  /** Keeps what is held under this key as bytes from now on; nobody is told. Whether it does: only values, and only under keys that are the base64url of 32 bytes. */
  put(key: string): boolean;
  /** What is kept as bytes under this key, made for the moment; `undefined`: nothing is. */
  get(key: string): V | undefined;
  /** Holds this value, which means the same, in the place of the bytes; nobody is told. Nothing is done where there are none. */
  take(key: string, value: V): void;
}

/** Who answered a question. */
export interface Asked {
  /** Every member that has not left answered, and every configured address has been reached: what nobody knows is unknown. */
  readonly everybody: boolean;
  /**
   * Every member that is neither left nor lost answered, and at least one did if others are known: what nobody used is unused.
   * A lost member's word is not waited for, or the death of one node would keep every unused sign-on for ever (V86).
   */
  readonly living: boolean;
  /**
   * There are others, every one has left or is lost, and none can be reached: nobody is there who could be asked. Enough to give
   * no unused session away, which ends nothing; too little to end what all nodes share.
   */
  readonly deserted?: boolean;
}

/** Who holds what this node put. */
export interface Stored {
  /** Nodes that confirmed, oneself included. */
  readonly nodes: readonly string[];
  /** Nodes that have not left and did not confirm in time. */
  readonly outstanding: readonly string[];
}

export interface Gossip {
  /** Declares a map; before `start`. */
  map<V>(lattice: Lattice<V>): Copies<V>;
  /** Resolves once what was put until now is on `copies` nodes, oneself included, as far as so many are up; at the latest after `ms`. */
  stored(copies: number | 'all', ms: number): Promise<Stored>;
}
