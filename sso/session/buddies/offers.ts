/**
 * Which data is offered to whom (strays.ts): what this node has and need not have, to whoever has to say that it is kept
 * elsewhere; and, of sessions whose owner's life is over, what another that should hold it may lack. The owner answers for all its
 * buddies. Where its life is over nobody can: each that is to hold the data and lives answers for itself, and all of them are asked.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Counters } from '../../gossip/counters.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import type { Log } from '../../log.ts';
import { hasData, type SessionRecord } from '../record.ts';
import type { Turns } from '../turns.ts';
import type { Company } from './company.ts';
import { offerFrame } from './frames.ts';
import { isListed, listedOf, type PlacedSession, placedOf, withoutData } from './holders.ts';
import type { Lines } from './lines.ts';
import type { PlacedPasses } from './placed-passes.ts';
import { Strays } from './strays.ts';

export interface OffersParts {
  readonly self: Peer;
  readonly copies: Pick<Copies<SessionRecord>, 'get' | 'shed'>;
  readonly company: Company;
  readonly lines: Lines;
  readonly passes: PlacedPasses;
  readonly turns: Turns;
  /** Whether somebody is about to take the session over. */
  readonly isBusy: (key: string) => boolean;
  /** Whether somebody waits for others to have it. */
  readonly isAwaited: (key: string) => boolean;
  readonly say: (to: Peer, frame: Uint8Array) => void;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Between two offers of the same data, milliseconds. */
  readonly offerMs: number;
  readonly nextId: () => number;
  readonly counters: Counters;
  readonly log: Log;
}

export class Offers {
  readonly #parts: OffersParts;
  readonly #node: string;
  readonly #life: string;
  readonly #strays: Strays;
  #nextAt = 0;

  constructor(parts: OffersParts) {
    const { self, copies, counters, lines, turns, clock, nextId } = parts;
    this.#parts = parts;
    this.#node = self.node;
    this.#life = lifeOf(self);
    this.#strays = new Strays({
      targets: (key) => this.#targets(key),
      refill: (key, peer) => this.#mayLack(placedOf(copies.get(key)), peer),
      session: (key) => placedOf(copies.get(key)),
      say: (to, id, versions) => {
        counters.count('sessions-offered', versions.length / 2);
        parts.say(to, offerFrame(id, versions));
      },
      shed: (key) => this.#shed(key),
      carry: (key, to) => {
        // What it could not take comes no better a second later.
        if (lines.at(to)?.lane.refuses(key) === false) lines.repair(key, [to.node]);
      },
      turns,
      monotonic: () => clock.monotonic(),
      nextId,
    });
  }

  /** Data that is too much here, and what others may lack. */
  get size(): number {
    return this.#strays.size;
  }

  /** Data that is too much here. */
  get strayCount(): number {
    return this.#strays.strayCount;
  }

  has(key: string): boolean {
    return this.#strays.has(key);
  }

  /** It need not be here, or may not be all that others have. */
  stray(key: string): void {
    const { clock, offerMs, lines } = this.#parts;
    if (this.#strays.size === 0) this.#nextAt = clock.monotonic() + offerMs;
    this.#strays.add(key);
    lines.arm();
  }

  /** This node serves it, or it is over. */
  delete(key: string): void {
    this.#strays.delete(key);
  }

  /** The record of a session that another life serves or served became another. */
  changed(key: string, former: PlacedSession | undefined, session: PlacedSession): void {
    // Where its owner's life is over, whoever is told of it, or given data, last sees to it that the other holders have that too.
    if (former?.ownerStamp !== session.ownerStamp || former.data.version !== session.data.version)
      this.refillOne(key, session);
    if (!hasData(session) || (former?.owner !== this.#life && isListed(session, this.#node))) return;
    this.stray(key);
    if (former !== undefined && former.owner !== session.owner) this.#bringAlong(key, former, session);
  }

  /** Offers others what they may lack, in turns and at once: this node may be the only one that has it. `nodesOf`: whom of a session. */
  refill(nodesOf: (session: PlacedSession) => readonly string[]): void {
    this.#parts.passes.run(
      (key, session) => this.refillOne(key, session, nodesOf(session)),
      () => this.#pass(),
    );
  }

  refillOne(key: string, session: PlacedSession, nodes: readonly string[] = listedOf(session)): void {
    if (session.owner === this.#life) return;
    const { lines } = this.#parts;
    for (const node of nodes) {
      const peer = lines.peers.get(node);
      if (peer === undefined || !this.#mayLack(session, peer)) continue;
      // Soon, where nothing waits for an answer.
      if (this.#strays.size === 0) this.#nextAt = 0;
      this.#strays.refill(key, node);
      lines.arm();
    }
  }

  /** A peer's answer. */
  offered(from: Peer, id: number, kept: readonly string[], wanted: readonly string[]): void {
    this.#strays.offered(from, id, kept, wanted);
  }

  down(node: string): void {
    this.#strays.down(node);
  }

  /** Offers everything, once it is time. */
  look(now: number): void {
    if (now >= this.#nextAt) this.#pass(now);
  }

  /** Offers everything now, and for the next time once there was time for answers. */
  #pass(now = this.#parts.clock.monotonic()): void {
    const { size } = this.#strays;
    // What comes next does not wait for answers that nobody is to give.
    if (size === 0) return;
    // Where very many wait, nobody gains by their being offered every second.
    this.#nextAt = now + this.#parts.offerMs + size / 10;
    this.#strays.pass(this.#parts.lines.peers);
  }

  /** Another node serves it now, and may have fetched it before the last change here: what nobody confirmed goes to it at once. */
  #bringAlong(key: string, former: PlacedSession, session: PlacedSession): void {
    const { lines, isAwaited } = this.#parts;
    if (!listedOf(former).some((node) => lines.laneTo(node)?.owes(key)) && !isAwaited(key)) return;
    lines.repair(key, listedOf(session));
  }

  /** Those who have to say that what is here is kept elsewhere; `undefined`: one of them cannot be asked; `none`: it is not too much. */
  #targets(key: string): readonly Peer[] | undefined | 'none' {
    const { copies, company, lines } = this.#parts;
    const session = placedOf(copies.get(key));
    if (session === undefined || session.owner === this.#life || !hasData(session)) return 'none';
    const owner = nodeOf(session.owner);
    if (company.lifeAt(owner) === session.owner) return [lines.peers.get(owner)!];
    if (!company.isOver(session.owner)) return undefined;
    if (isListed(session, this.#node)) return 'none';
    const living = listedOf(session).filter((node) => company.lives(node));
    const peers = living.flatMap((node) => lines.peers.get(node) ?? []);
    return peers.length > 0 && peers.length === living.length ? peers : undefined;
  }

  #shed(key: string): void {
    const { copies, isBusy, counters, log } = this.#parts;
    const session = placedOf(copies.get(key));
    if (session === undefined || session.owner === this.#life || isListed(session, this.#node)) return;
    if (isBusy(key)) {
      this.stray(key);
      return;
    }
    if (copies.shed(key, withoutData(session))) counters.count('sessions-shed');
    else log.warn({ key }, 'the data of a session that is kept elsewhere could not be let go of');
  }

  /** Whether a node may lack a session that it and this one should hold, and whose owner is over. */
  #mayLack(session: PlacedSession | undefined, peer: Peer): boolean {
    if (session === undefined || session.owner === this.#life || !hasData(session)) return false;
    if (!isListed(session, this.#node) || !isListed(session, peer.node)) return false;
    return (
      lifeOf(peer) !== session.owner &&
      (nodeOf(session.owner) === peer.node || this.#parts.company.isOver(session.owner))
    );
  }
}
