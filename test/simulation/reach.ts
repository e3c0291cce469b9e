/**
 * Who could reach whom, as the simulation knows it, and what follows: S4, a node that is cut off from
 * the voters stops within T; L1, one that reaches enough recovered voters accepts again within two
 * seconds; and whether a logout had all it takes to complete (L2).
 */

import type { Checkers } from './checkers.ts';
import { type Climate, isCalm, quorumOf } from './climate.ts';
import { type Cluster, canAnswer, type SimulatedNode } from './cluster.ts';

/** L1: how long after a reconnection valid sign-ons are accepted again, milliseconds; with what frames take. */
const reconnectedMs = 2_000 + 300;
/** How long a request waits for leases, milliseconds (FINAL-LOGOUT.md, Leases). */
export const leaseWaitMs = 250;
/** How long a word about a clock counts, and a little more, milliseconds. */
const clocksHeardMs = 15_000;
/** How much slower than true time the slowest monotonic clock runs, and a little for rounding. */
const leaseStretch = 1.003;

export class Reach {
  readonly #climate: Climate;
  readonly #cluster: Cluster;
  readonly #checkers: Checkers;
  readonly #now: () => number;
  readonly #isCalm: boolean;
  /** Until when each voter could answer a life, true time; Infinity while it can. Two leases need not be of one moment. */
  readonly #reached = new Map<SimulatedNode, Map<string, number>>();
  /** Since when it has had all that it takes to accept. */
  readonly #wellSince = new Map<SimulatedNode, number>();

  #clocksWrongAt = Number.NEGATIVE_INFINITY;

  constructor(climate: Climate, cluster: Cluster, checkers: Checkers, now: () => number) {
    this.#climate = climate;
    this.#cluster = cluster;
    this.#checkers = checkers;
    this.#now = now;
    this.#isCalm = isCalm(climate);
  }

  /** Whether, for so long that every clock has been corrected, enough right clocks were in reach of everybody. */
  get clocksAgree(): boolean {
    return this.#now() - this.#clocksWrongAt > clocksHeardMs;
  }

  /** To be called after every fault, and whenever a voter may have recovered. */
  update(): void {
    const { running } = this.#cluster;
    if (!this.#clocksAreRight()) this.#clocksWrongAt = this.#now();
    for (const node of running) {
      this.#noteReached(node);
      note(this.#wellSince, node, this.#isWell(node), this.#now());
    }
    for (const known of [this.#reached, this.#wellSince])
      for (const node of known.keys()) if (!node.life.alive) known.delete(node);
  }

  /** Judges every node as it is now. */
  judge(): void {
    for (const node of this.#cluster.running) {
      if (!canAnswer(node)) continue;
      if (!this.#mayHoldLeases(node) && node.heart.finality.mayAccept())
        this.#checkers.fail('S4', `${node.life.name} accepts, though too few voters could answer it within T`, []);
      if (this.#isCalm && this.wellFor(node) > reconnectedMs && !node.heart.finality.mayAccept()) this.#ask(node);
    }
  }

  /** L1: a request that waits a moment, as all do, is answered. */
  #ask(node: SimulatedNode): void {
    void node.heart.finality.waitToAccept(leaseWaitMs).then((may) => {
      if (may || this.wellFor(node) < reconnectedMs) return;
      this.#checkers.fail(
        'L1',
        `${node.life.name} accepts nothing, though it has reached enough voters for ${Math.round(this.wellFor(node))} ms: ${stateOf(node)}`,
        [],
      );
    });
  }

  /** How long this life has had all that it takes to accept, and to complete a logout, milliseconds; negative: it has not. */
  wellFor(node: SimulatedNode): number {
    return canAnswer(node) ? this.#now() - (this.#wellSince.get(node) ?? Number.POSITIVE_INFINITY) : -1;
  }

  /** While a clock is wrong, all others have to be there to say so. */
  #clocksAreRight(): boolean {
    const { names, isWhole } = this.#cluster;
    if (!names.some((name) => this.#cluster.machine(name).hasLeapt)) return true;
    return (
      isWhole &&
      this.#isCalm &&
      names.every((name) => this.#cluster.at(name)?.host.held === undefined && this.#cluster.at(name)?.up === true)
    );
  }

  /** Which voters can answer it, recovered or not: more than the code asks for. */
  #noteReached(node: SimulatedNode): void {
    const reached = this.#reached.get(node) ?? new Map<string, number>();
    this.#reached.set(node, reached);
    for (const voter of this.#cluster.voters) {
      const other = this.#cluster.at(voter);
      const answers = other?.life.alive === true && !other.host.paused && !this.#cluster.apart(node.name, voter);
      if (answers) reached.set(voter, Number.POSITIVE_INFINITY);
      else if (reached.get(voter) === Number.POSITIVE_INFINITY) reached.set(voter, this.#now());
    }
  }

  /** Whether so many voters could answer it within the last T that it may hold a quorum of leases. */
  #mayHoldLeases(node: SimulatedNode): boolean {
    const { voters } = this.#cluster;
    const { leaseMs, whenCutOff } = this.#climate;
    if (whenCutOff === 'serve' && voters.includes(node.name)) return true;
    const earliest = this.#now() - leaseMs * leaseStretch - 1;
    const reached = this.#reached.get(node);
    const count = voters.filter((voter) => voter === node.name || (reached?.get(voter) ?? 0) >= earliest).length;
    return count >= (whenCutOff === 'serve' ? 1 : quorumOf(voters.length));
  }

  #isWell(node: SimulatedNode): boolean {
    if (!isSound(node)) return false;
    const { voters } = this.#cluster;
    const sound = voters.filter((voter) => {
      const other = this.#cluster.at(voter);
      return other !== undefined && isSound(other) && (other === node || !this.#cluster.apart(node.name, voter));
    });
    return sound.length >= (this.#climate.whenCutOff === 'serve' ? voters.length : quorumOf(voters.length));
  }
}

/** It runs, has recovered, its clock is right, and its disk works. */
function isSound(node: SimulatedNode): boolean {
  const { life, up, host, heart, machine } = node;
  return (
    life.alive &&
    up &&
    !node.leaving &&
    host.held === undefined &&
    !machine.hasLeapt &&
    !machine.isFailing &&
    heart.finality.view().standing === 'up'
  );
}

function stateOf({ heart }: SimulatedNode): string {
  const { standing, leases, quorum, waitsFor } = heart.finality.view();
  return `${standing}${waitsFor === undefined ? '' : `, waits for ${waitsFor}`}, ${leases.length} leases of others, quorum ${quorum}`;
}

function note(since: Map<SimulatedNode, number>, node: SimulatedNode, holds: boolean, now: number): void {
  if (!holds) since.delete(node);
  else if (!since.has(node)) since.set(node, now);
}
