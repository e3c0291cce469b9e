/**
 * The counters by key: which cell an attempt is counted in, what its cells add up to, and the writes.
 * Keys are an HMAC of the name or address under a key of the cluster's, so neither travels nor can be
 * guessed from what travels. A cell is for one key and one window of time, and forgotten with its window:
 * nothing is ever set back, and no two nodes need agree on when.
 *
 * Memory has a bound. Every stranger's attempt is also counted in `all`, whose rate says how many cells
 * strangers can make; should `maxKeys` be held all the same, keys that have no cell yet share those of
 * their hash, and what is counted already goes on being counted. No counter is dropped, nobody is refused for it.
 */

import { createHmac, type KeyObject } from 'node:crypto';
import type { Copies } from '../gossip/copies.ts';
import type { Budget, Tally } from './budget.ts';
import { type Cell, inFlight, type Share, withShare } from './cell.ts';
import { attemptMs, sharedCells, trustedMs, trustedPart } from './limits.ts';

/** `browser`: one that is known to an account; `all`: every stranger; `trusted`: sources from which somebody signed on. */
export type Kind = 'account' | 'browser' | 'source' | 'all' | 'trusted';

/** Where attempts are counted, and by which rule. */
export interface Place {
  readonly kind: Kind;
  /** Of its own cells, and of those that it shares when there are too many. */
  readonly name: string;
  readonly shared: string;
  readonly budget: Budget;
}

export interface Count extends Tally {
  /** Attempts without an outcome yet, and those among them of lives up to this one by name, this one included. */
  readonly inFlight: number;
  readonly upToOwn: number;
}

/** The cells that one attempt is counted in. */
export type Taken = readonly { readonly key: string; readonly until: number }[];

/** Nodes' clocks differ: a cell is kept so much longer than its window, milliseconds. */
const slackMs = 60_000;

export interface LedgerParts {
  readonly cells: Copies<Cell>;
  /** Of this life: nobody else's share is written. */
  readonly life: string;
  /** What the nodes' clocks agree on, milliseconds since 1970. */
  readonly now: () => number;
  readonly key: KeyObject;
  readonly maxKeys: number;
}

export class Ledger {
  readonly #parts: LedgerParts;
  #last = 0;
  #trusted = 0;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const isTrust = (key: string) => key.startsWith('trusted.');
    parts.cells.onChange(({ key, before }) => {
      if (before === undefined && isTrust(key)) this.#trusted++;
    });
    parts.cells.onForget((key) => {
      if (isTrust(key)) this.#trusted--;
    });
  }

  get now(): number {
    return Math.floor(this.#parts.now());
  }

  place(kind: Kind, text: string, budget: Budget): Place {
    const hash = createHmac('sha256', this.#parts.key).update(`count\0${kind}\0${text}`).digest().subarray(0, 16);
    const bucket = hash.readUInt16BE(0) % sharedCells;
    return { kind, name: `${kind}.${hash.toString('base64url')}`, shared: `${kind}.~${bucket}`, budget };
  }

  count(place: Place): Count {
    const { life } = this.#parts;
    const { now } = this;
    const window = Math.floor(now / place.budget.windowMs);
    const count = { failed: 0, failedBefore: 0, failedAt: 0, inFlight: 0, upToOwn: 0 };
    const names = this.#isShared(place, window) ? [place.name, place.shared] : [place.name];
    // The next window as well: a node whose clock is ahead may have begun it.
    for (const at of [window - 1, window, window + 1]) {
      for (const name of names) {
        for (const share of this.#parts.cells.get(`${name}.${at}`)?.shares ?? []) {
          const open = inFlight(share);
          const isOver = now - share.reservedAt > attemptMs;
          const failed = share.failed + (isOver ? open : 0);
          if (at < window) count.failedBefore += failed;
          else count.failed += failed;
          count.failedAt = Math.max(count.failedAt, share.failedAt, isOver && open > 0 ? share.reservedAt : 0);
          if (isOver) continue;
          count.inFlight += open;
          if (share.life <= life) count.upToOwn += open;
        }
      }
    }
    return count;
  }

  /** Counts an attempt in all of these places. */
  take(places: readonly Place[]): Taken {
    const { now } = this;
    return places.map((place) => {
      const { windowMs } = place.budget;
      const window = Math.floor(now / windowMs);
      const key = `${this.#isShared(place, window) ? place.shared : place.name}.${window}`;
      const until = (window + 2) * windowMs + slackMs;
      this.#write(key, until, (share) => ({ ...share, reserved: share.reserved + 1, reservedAt: now }));
      return { key, until };
    });
  }

  /** An attempt is over: it failed, or is given back as if it had not been. */
  end(taken: Taken, outcome: 'failed' | 'returned'): void {
    const { now } = this;
    for (const { key, until } of taken) {
      this.#write(key, until, (share) =>
        outcome === 'failed'
          ? { ...share, failed: share.failed + 1, failedAt: now }
          : { ...share, returned: share.returned + 1 },
      );
    }
  }

  /** Whether somebody signed on from there lately. */
  isTrusted({ name }: Place): boolean {
    const window = Math.floor(this.now / trustedMs);
    const { cells } = this.#parts;
    return cells.get(`${name}.${window}`) !== undefined || cells.get(`${name}.${window - 1}`) !== undefined;
  }

  /** Somebody signed on from there. Where there are too many such places, no more are noted. */
  trust({ name }: Place): void {
    const { cells, maxKeys } = this.#parts;
    const { now } = this;
    const window = Math.floor(now / trustedMs);
    const key = `${name}.${window}`;
    if (cells.get(key) !== undefined || this.#trusted >= maxKeys * trustedPart || cells.size >= maxKeys) return;
    // One that stays in flight: so the cell is kept to its end.
    this.#write(key, (window + 2) * trustedMs, (share) => ({
      ...share,
      reserved: share.reserved + 1,
      reservedAt: now,
    }));
  }

  #isShared({ kind, name }: Place, window: number): boolean {
    const { cells, maxKeys } = this.#parts;
    return kind !== 'all' && cells.size >= maxKeys && cells.get(`${name}.${window}`) === undefined;
  }

  #write(key: string, until: number, change: (share: Share) => Share): void {
    const { cells, life } = this.#parts;
    const cell = cells.get(key);
    const share = change(cell?.shares.find((one) => one.life === life) ?? this.#fresh());
    this.#last = Math.max(this.#last, share.reserved);
    cells.put(key, withShare(cell, until, share));
  }

  /** Begins above every number that this life has used (cell.ts). */
  #fresh(): Share {
    this.#last = Math.max(this.#last + 1, this.now);
    const begin = this.#last;
    return { life: this.#parts.life, reserved: begin, returned: begin, failed: 0, reservedAt: 0, failedAt: 0 };
  }
}
