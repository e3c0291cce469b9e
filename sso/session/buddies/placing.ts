/**
 * Gives sessions other buddies: when one leaves, when what was written cannot get to any of them, when there was nobody
 * before, and when one has been gone for so long that it will hardly come back by itself. A session that nobody uses would
 * else stand on one node until the next death. Copies are made then, and the owner stays who it is: nothing moves only
 * because a node died. Where the owner's own life is over as well, the first of the listed nodes that live does it in its
 * place: it names another holder and takes nothing over. Only who has been gone for so long is replaced, not who happens to
 * be away when that is done; and a life that was called lost and is there again was cut off, or this node was: the other lost
 * ones have as long again to come back, or the first of them would be given what all have.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Cancel, Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Counters } from '../../gossip/counters.ts';
import type { HybridClock } from '../../hybrid-clock.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import { changeOf, hasData, type LiveSession, type SessionRecord } from '../record.ts';
import type { Turns } from '../turns.ts';
import type { CoHeld } from './co-held.ts';
import type { Company, CourierMember } from './company.ts';
import { listedOf, type PlacedSession, placedOf } from './holders.ts';
import { whole } from './lane.ts';
import type { Lines } from './lines.ts';
import { type PlacedPasses, writingSlice } from './placed-passes.ts';

export interface PlacingParts {
  readonly self: { readonly node: string; readonly incarnation: number };
  readonly copies: Pick<Copies<SessionRecord>, 'get' | 'put'>;
  readonly company: Company;
  readonly coHeld: CoHeld;
  readonly lines: Lines;
  readonly passes: PlacedPasses;
  readonly turns: Turns;
  readonly hybrid: Pick<HybridClock, 'next'>;
  readonly clock: Pick<Clock, 'after'>;
  /** A holder that is gone for so long gets another in its place, milliseconds. */
  readonly replaceMs: number;
  readonly counters: Counters;
}

/** Sessions that get other buddies in one turn, since none of theirs can be reached. */
const keysPerTurn = 500;
/** Where an owner is gone, so many others are to have the data at least: what one node alone has is lost with it. */
const holdersAtLeast = 2;
/** When one comes others may be about to, and the choice is to be among all of them: so long is waited, as a share of `replaceMs`. */
const comingShare = 1 / 10;

type Gone = Pick<CourierMember, 'node' | 'state' | 'incarnation'>;

export class Placing {
  readonly #parts: PlacingParts;
  readonly #node: string;
  readonly #life: string;
  /** Nodes that are lost or have left, until that is long ago; and those of which it is. */
  readonly #timers = new Map<string, Cancel>();
  readonly #goneForLong = new Map<string, Gone>();
  /** Sessions are about to be looked through. */
  #filling: Cancel | undefined;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
    this.#node = parts.self.node;
    this.#life = lifeOf(parts.self);
  }

  /** Another node is in a state that it was not in before. */
  memberChanged({ node, state, incarnation }: Gone): void {
    if (state === 'left' || state === 'draining') this.#replaceLeaving(node);
    if (state === 'left' || state === 'lost') this.#gone({ node, state, incarnation });
    else this.#isBack(node, incarnation);
    if (state === 'up') this.#fillSoon();
  }

  /** Another node can be reached: so it may be chosen, whatever was known of it before. */
  peerUp({ node, incarnation }: Pick<Peer, 'node' | 'incarnation'>): void {
    this.#noteReturn(node, incarnation);
    this.#fillSoon();
  }

  /** What a buddy has not confirmed goes to another, if none of the session's can be reached any more: no more than that moves. */
  bringElsewhere(keys: readonly string[]): void {
    if (keys.length > 0) this.#parts.turns.run(this.#bringing(keys), keysPerTurn);
  }

  *#bringing(keys: readonly string[]): Generator<undefined> {
    const { copies, lines } = this.#parts;
    for (const key of keys) {
      const session = placedOf(copies.get(key));
      if (session?.owner === this.#life && !session.buddies.some((node) => lines.peers.has(node)))
        this.replaceGone(key, session);
      yield;
    }
  }

  /** Gives a session others in the place of buddies that leave or are gone. Returns its buddies. */
  replaceGone(key: string, session: PlacedSession): readonly string[] {
    const { company, lines } = this.#parts;
    const staying = session.buddies.filter((node) => node !== this.#node && company.stays(node));
    const chosen = company.choose(key, Math.max(1, session.buddies.length), staying);
    if (chosen.length === 0 || chosen.every((node) => session.buddies.includes(node))) return session.buddies;
    this.#place(key, session, chosen);
    const isMine = session.owner === this.#life;
    lines.put(
      key,
      whole,
      chosen.filter((node) => !isMine || !session.buddies.includes(node)),
    );
    return chosen;
  }

  /** Ends every timer. */
  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#filling?.();
  }

  #place(key: string, session: PlacedSession, buddies: readonly string[]): void {
    const { copies, hybrid, counters } = this.#parts;
    const next: LiveSession = { ...session, buddies, ownerStamp: hybrid.next(session.ownerStamp) };
    copies.put(key, next, changeOf(next, undefined));
    counters.count('buddies-chosen-anew');
  }

  /** A buddy leaves: the sessions of this life get another one. */
  #replaceLeaving(leaving: string): void {
    const { coHeld, passes } = this.#parts;
    if (coHeld.owned(leaving) === undefined) return;
    const each = (key: string, session: PlacedSession) => {
      if (session.owner === this.#life && session.buddies.includes(leaving)) this.replaceGone(key, session);
    };
    passes.run(each, undefined, writingSlice);
  }

  #gone(gone: Gone): void {
    const { node } = gone;
    if (this.#goneForLong.has(node)) this.#goneForLong.set(node, gone);
    if (this.#timers.has(node) || this.#goneForLong.has(node)) return;
    const { clock, replaceMs } = this.#parts;
    const replace = () => {
      this.#timers.delete(node);
      this.#goneForLong.set(node, gone);
      this.#fillSoon(0);
    };
    this.#timers.set(node, clock.after(replaceMs, replace));
  }

  #isBack(node: string, incarnation: number): void {
    this.#noteReturn(node, incarnation);
    this.#goneForLong.delete(node);
    this.#timers.get(node)?.();
    this.#timers.delete(node);
  }

  /** Where the very life is there again that was lost for long, the others may be about to come as well: for them time begins anew. */
  #noteReturn(node: string, incarnation: number): void {
    if (this.#goneForLong.get(node)?.incarnation !== incarnation) return;
    for (const gone of [...this.#goneForLong.values()]) {
      if (gone.state !== 'lost') continue;
      this.#goneForLong.delete(gone.node);
      this.#gone(gone);
    }
  }

  /** Whatever else asks for it until then has it with that. */
  #fillSoon(ms = this.#parts.replaceMs * comingShare): void {
    this.#filling ??= this.#parts.clock.after(ms, () => {
      this.#filling = undefined;
      this.#fillAll();
    });
  }

  /** Sessions get holders in the place of those that have been gone for long, and a second one where there was nobody, also of one that was released. */
  #fillAll(): void {
    const each = (key: string, session: PlacedSession) => {
      const listed = listedOf(session);
      if (session.owner === this.#life && session.buddies.length === 0) this.replaceGone(key, session);
      else if (listed.length < holdersAtLeast || listed.some((node) => this.#goneForLong.has(node)))
        this.#fill(key, session);
    };
    this.#parts.passes.run(each, undefined, writingSlice);
  }

  /** What the new ones lack is repaired, after all that is written meanwhile. */
  #fill(key: string, session: PlacedSession): void {
    const { company, lines } = this.#parts;
    const { owner, buddies } = session;
    const isMine = owner === this.#life;
    if (!hasData(session) || !(isMine || this.#standsIn(session))) return;
    const hasOwner = isMine || (owner !== '' && company.lives(nodeOf(owner)));
    const others = buddies.filter((node) => node !== this.#node);
    const own = buddies.length - others.length;
    const count = Math.max(buddies.length, hasOwner ? 1 : holdersAtLeast) - own;
    const awaited = others.filter((node) => this.#isAwaited(node));
    const present = others.filter((node) => !awaited.includes(node));
    const chosen = company.choose(key, count - awaited.length, present);
    const added = chosen.filter((node) => !others.includes(node));
    if (added.length === 0) return;
    this.#place(key, session, [...chosen, ...awaited, ...(own > 0 ? [this.#node] : [])]);
    lines.repair(key, added);
  }

  /** Whether it is away, and not for so long that another is to take its place. */
  #isAwaited(node: string): boolean {
    const { company, lines } = this.#parts;
    return this.#timers.has(node) || (company.lives(node) && !lines.peers.has(node));
  }

  /** Whether this node is to do what the owner would, whose life is over: the first of the listed ones that live. */
  #standsIn(session: PlacedSession): boolean {
    const { company } = this.#parts;
    if (!company.isOver(session.owner)) return false;
    return listedOf(session).find((node) => node === this.#node || company.lives(node)) === this.#node;
  }
}
