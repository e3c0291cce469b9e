/**
 * The limit of sign-ons for one user (check 29): the oldest end, cause `replaced`. Nodes sign on without
 * asking each other, so the opener's own count is not enough: whoever has lately opened one for a user and
 * hears of another node's counts again, and every sweep counts once more.
 *
 * All of them end the same ones: by the stamp of the opening, then by id. A node that has not heard of all
 * sign-ons ends too few and never a wrong one: what has enough later ones among those it knows has them
 * among all. What it must know are the closings, or it would count what has ended: so only a node that may
 * open sign-ons now ends any.
 */

import type { Clock } from '../clock.ts';
import type { SsoEntry } from '../entry.ts';
import type { Copies } from '../gossip/copies.ts';
import type { SubjectIndex } from '../subject-index.ts';
import type { SsoId } from '../token.ts';
import type { EntryOpened } from './consequences.ts';
import { byAge, type Ranked, Ranking } from './ranking.ts';

export interface CrowdingParts {
  readonly index: SubjectIndex;
  readonly entries: Pick<Copies<SsoEntry>, 'get'>;
  readonly clock: Clock;
  readonly accepting: () => boolean;
  readonly epoch: () => number;
  /** Whether it is over by its limits or its epoch, and only not swept yet. */
  readonly isOver: (id: SsoId) => boolean;
  /** Ends it everywhere, cause `replaced`. */
  readonly close: (id: SsoId) => void;
}

/** How long an opener looks after its user, milliseconds. Longer than any news of what was opened meanwhile; later ones are the sweep's. */
const lookAfterMs = 60_000;
/** Users that are looked after at most; of more the longest ago is the sweep's. */
const lookedAfterAtMost = 10_000;
/** Of users with fewer sign-ons all are looked at each time: that costs less than to remember their order. */
const rankedFrom = 64;
/** Users whose order is remembered; of more the one longest ago is looked at anew. */
const rankedAtMost = 256;

export class Crowding {
  readonly #parts: CrowdingParts;
  /** When this node last opened a sign-on of this user, by the monotonic clock; oldest first. */
  readonly #openedAt = new Map<string, number>();
  readonly #due = new Set<string>();
  readonly #rankings = new Map<string, Ranking>();

  constructor(parts: CrowdingParts) {
    this.#parts = parts;
  }

  /** Before this node opens a sign-on: it will be the latest. */
  makeRoom(name: string): void {
    const { index, clock } = this.#parts;
    this.#openedAt.delete(name);
    this.#openedAt.set(name, clock.monotonic());
    if (this.#openedAt.size > lookedAfterAtMost) this.#openedAt.delete(this.#openedAt.keys().next().value!);
    if (index.countOf(name) >= index.most) this.#end(name, index.most - 1);
  }

  /** A sign-on is known here now. One that another node opened is judged after the turn: its closing may have come along. */
  opened({ id, entry, own }: EntryOpened): void {
    const { name } = entry.principal;
    this.#rankings.get(name)?.add({ id, entry });
    if (!own) this.#heard(name);
  }

  #heard(name: string): void {
    const { index, clock } = this.#parts;
    if (!index.isCrowded(name) || this.#due.has(name)) return;
    const openedAt = this.#openedAt.get(name);
    if (openedAt === undefined || clock.monotonic() - openedAt > lookAfterMs) return;
    this.#due.add(name);
    if (this.#due.size === 1) clock.soon(() => this.#endDue());
  }

  /** Whoever opened them, however long ago: two halves of a cluster that were apart, or an opener that has died. */
  sweep(): void {
    for (const name of [...this.#parts.index.crowded]) this.#endSurplus(name);
  }

  #endDue(): void {
    const names = [...this.#due];
    this.#due.clear();
    for (const name of names) this.#endSurplus(name);
  }

  #endSurplus(name: string): void {
    if (this.#parts.accepting()) this.#end(name, this.#parts.index.most);
  }

  /** Ends the oldest until `most` are left. */
  #end(name: string, most: number): void {
    const { index, entries, close } = this.#parts;
    const ranking = this.#rankingOf(name);
    if (ranking === undefined) {
      const living = this.#livingOf(name);
      if (living.length > most) for (const { id } of living.sort(byAge).slice(0, living.length - most)) close(id);
      return;
    }
    while (index.countOf(name) > most) {
      const id = ranking.takeOldest();
      if (id === undefined) return;
      if (entries.get(id)?.state === 'open') close(id);
    }
  }

  /** `undefined`: there are few, or some of them are over and only not swept yet, so that all have to be looked at. */
  #rankingOf(name: string): Ranking | undefined {
    const { index, clock, epoch } = this.#parts;
    const count = index.countOf(name);
    const before = this.#rankings.get(name);
    this.#rankings.delete(name);
    if (count < rankedFrom) return undefined;
    let ranking = before;
    if (ranking?.isTrue(clock.now(), epoch(), count) !== true) {
      const living = this.#livingOf(name);
      if (living.length < count) return undefined;
      ranking = new Ranking(living, epoch());
    }
    if (this.#rankings.size >= rankedAtMost) this.#rankings.delete(this.#rankings.keys().next().value!);
    this.#rankings.set(name, ranking);
    return ranking;
  }

  #livingOf(name: string): Ranked[] {
    const { index, entries, isOver } = this.#parts;
    const living: Ranked[] = [];
    for (const id of index.idsOf(name)) {
      const entry = entries.get(id);
      if (entry?.state === 'open' && !isOver(id)) living.push({ id, entry });
    }
    return living;
  }
}
