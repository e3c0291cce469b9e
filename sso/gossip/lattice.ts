/**
 * What makes copies equal: a value that only grows, under a merge that is commutative, associative and
 * idempotent (a state-based CRDT, Shapiro et al. 2011). Every replicated map is one Lattice; the laws
 * are held by one contract suite that each of them runs.
 */

export interface Lattice<V> {
  /** The map's name in messages. */
  readonly name: string;
  /**
   * The least value that includes both. Returns `mine` itself (the same reference) where `theirs` adds nothing. It changes
   * nothing else, since values are also merged to see what one would add. `conflict` is called for each pair of changes that
   * did not know of each other and meet here.
   */
  merge(mine: V, theirs: V, conflict?: () => void): V;
  /** Told of what meets where the merged value is held. Default: nobody counts. */
  readonly onConflict?: (() => void) | undefined;
  /**
   * Whether `theirs` builds on something that is not in `mine`: such a value is not merged, and its sender is asked for
   * all it holds under the key. Only for lattices some of whose values are deltas, which travel and are never held.
   */
  lacks?(mine: V | undefined, theirs: V): boolean;
  /** Whether this is a delta, for counting. */
  isDelta?(value: V): boolean;
  /** A bound for the length of the value's JSON in bytes, by a cheap guess: where it is small enough a value told by a delta is not written out to see whether a frame can carry it. */
  mostBytes?(value: V): number;
  /** Plain data for JSON, the same for equal values, with everything that replicates. */
  encode(value: V): unknown;
  /** The value in what a peer sent, or `undefined` if it is none: the border, nothing behind it checks again. */
  decode(data: unknown): V | undefined;
  /** What the digest covers, as text; left out: `JSON.stringify(encode(value))`. Leaves out what travels coarsely. */
  digestText?(value: V): string;
  /** What nobody misses that a node takes with it: not counted among what it hands over. */
  readonly isPassing?: boolean;
  /** What somebody put, but for what is told alone, waits while a batch is under way, to leave with what follows: for 2 ms at most (departures.ts). Not for what is to be known at once. */
  readonly isPatient?: boolean;
  /** From this instant (milliseconds) the value is over and may be forgotten: a late copy of it is refused. */
  forgetAt(value: V): number;
  /**
   * The latest instant (milliseconds) that must have been if this value is what it says: one that claims the future is
   * refused, unless something is held under its key. `undefined`: never refused; so are closings and ends, always.
   */
  aheadAt?(value: V): number | undefined;
  /**
   * A peer's value with its instants capped at `latest`, where a far one would do harm. It only moves up in the order of
   * the lattice, but for what travels coarsely: so copies that capped at different moments become equal all the same.
   */
  capped?(value: V, latest: number): V;
}

/** What a merge altered. `before` is absent for a new key. */
export interface Change<V> {
  readonly key: string;
  readonly before: V | undefined;
  readonly after: V;
  /** Whether this node made the change, rather than heard of it or concluded it. */
  readonly own: boolean;
}
