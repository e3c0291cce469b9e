/**
 * G, where nothing happens: once nobody has come, gone or been parted for so long that whoever is away counts as gone for
 * long, no session that anybody who is to have it has stands on that node alone while another one is up.
 */

import { nodeOf } from '../../sso/life.ts';
import type { Checkers } from './checkers.ts';
import type { Climate } from './climate.ts';
import { type Cluster, replaceIntervals } from './cluster.ts';
import type { AppSession, Model } from './model.ts';

/** A node counts as lost after so long, and what is to be copied then has come, milliseconds. */
const lostAfterMs = 10_000;
const copiedMs = 6_000;
/** Of a network on which frames take no longer, milliseconds, so much can be expected. */
const slowMs = 200;

export class Spread {
  readonly #climate: Climate;
  readonly #cluster: Cluster;
  readonly #model: Model;
  readonly #checkers: Checkers;
  readonly #now: () => number;
  /** Who was there and could reach whom, and since when; judged once. */
  #scene = '';
  #since = 0;
  #judged = false;

  constructor(climate: Climate, cluster: Cluster, model: Model, checkers: Checkers, now: () => number) {
    this.#climate = climate;
    this.#cluster = cluster;
    this.#model = model;
    this.#checkers = checkers;
    this.#now = now;
  }

  /** To be called now and then. */
  look(): void {
    const { placement, loss, late, delay, leaps } = this.#climate;
    if (placement === undefined || leaps || loss > 0 || late.byMs > slowMs || delay.max > slowMs) return;
    const scene = this.#sceneNow();
    if (scene !== this.#scene || !this.#cluster.isWhole) {
      this.#scene = scene;
      this.#since = this.#now();
      this.#judged = false;
    }
    const quietMs = lostAfterMs + replaceIntervals * this.#climate.intervalMs + copiedMs;
    if (this.#judged || this.#now() - this.#since < quietMs) return;
    this.#judged = true;
    for (const session of this.#model.sessions.values()) this.#judge(session);
  }

  #sceneNow(): string {
    return this.#cluster.names
      .map((name) => this.#cluster.at(name))
      .map((node) => node && [node.life.name, node.life.alive, node.up, node.leaving, node.host.held !== undefined])
      .join();
  }

  #judge({ key }: AppSession): void {
    const { reachable } = this.#cluster;
    const up = reachable.filter(({ heart }) => heart.gossip.state === 'up');
    const holders = reachable.filter(({ life }) => (life.heldSessions.get(key)?.data.latest ?? 0) > 0);
    const [holder] = holders;
    if (up.length < 2 || holder === undefined || holders.length > 1 || !up.includes(holder)) return;
    if (holder.life.endedSessions.has(key) || holder.life.heldSessions.get(key)!.since > this.#now() - copiedMs) return;
    const record = holder.heart.sessions.get(key);
    if (record?.state !== 'live' || record.buddies === undefined || record.stays) return;
    // What is too much on a node may be older than what those have that are away.
    if (nodeOf(record.owner) !== holder.name && !record.buddies.includes(holder.name)) return;
    this.#checkers.fail(
      'G',
      `session ${key.slice(0, 8)} of ${record.owner} and ${record.buddies} has stood on ${holder.life.name} alone for long`,
      [key],
    );
  }
}
