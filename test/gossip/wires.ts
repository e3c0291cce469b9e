/**
 * Cores connected by hand: every frame lies in a list until the test delivers, loses, doubles or
 * reorders it. No clock runs; `at` is what the test says.
 */

import type { Peer } from '../../sso/channel/channel.ts';
import { Core } from '../../sso/gossip/core.ts';
import { Counters } from '../../sso/gossip/counters.ts';
import { minuteOf, type Replica } from '../../sso/gossip/replica.ts';
import type { Step } from '../../sso/gossip/steps.ts';
import type { Random } from '../../sso/random.ts';
import { type Cell, cellLattice, startAt } from './cells.ts';

export interface WiredNode {
  readonly peer: Peer;
  readonly core: Core;
  readonly cells: Replica<Cell>;
  readonly counters: Counters;
  /** Every step the node made. */
  readonly steps: Step[];
}

export interface Flight {
  readonly from: WiredNode;
  readonly to: WiredNode;
  readonly frame: Uint8Array;
}

export class Wires {
  readonly nodes: WiredNode[];
  flights: Flight[] = [];
  now = startAt;
  monotonic = 0;

  constructor(names: readonly string[]) {
    this.nodes = names.map((name) => wired(name));
  }

  get moment() {
    return { now: this.now, monotonic: this.monotonic };
  }

  pass(ms: number): void {
    this.now += ms;
    this.monotonic += ms;
  }

  /** Everybody reaches everybody. */
  connect(nodes: readonly WiredNode[] = this.nodes): void {
    for (const a of nodes) for (const b of nodes) if (a !== b) this.take(a, a.core.up(b.peer, this.moment));
  }

  disconnect(a: WiredNode, b: WiredNode): void {
    this.take(a, a.core.down(b.peer, this.moment));
    this.take(b, b.core.down(a.peer, this.moment));
  }

  put(node: WiredNode, key: string, value: Cell): void {
    node.core.put(node.cells, key, value, this.now);
  }

  flush(node: WiredNode, confirm = false): void {
    this.take(node, node.core.flush(confirm));
  }

  take(from: WiredNode, step: Step): void {
    from.steps.push(step);
    for (const { to, frame } of step.send) {
      const targets = to === 'all' ? from.core.reachable.map(({ peer }) => peer) : [to];
      for (const target of targets) {
        const node = this.nodes.find(
          ({ peer }) => peer.node === target.node && peer.incarnation === target.incarnation,
        );
        if (node !== undefined) this.flights.push({ from, to: node, frame });
      }
    }
  }

  deliver({ from, to, frame }: Flight): void {
    this.take(to, to.core.receive(from.peer, frame, this.moment));
  }

  /** Delivers until nothing is under way. Returns how many frames that took. */
  settle(): number {
    let count = 0;
    for (let flight = this.flights.shift(); flight !== undefined; flight = this.flights.shift()) {
      this.deliver(flight);
      if (++count > 100_000) throw new Error('frames never end');
    }
    return count;
  }

  /** As `settle`, over a network that loses, doubles and reorders. */
  settleBadly(random: Random, loss: number, doubling: number): void {
    for (let count = 0; this.flights.length > 0; count++) {
      if (count > 100_000) throw new Error('frames never end');
      const [flight] = this.flights.splice(Math.floor(random.fraction() * this.flights.length), 1);
      if (random.fraction() < loss) continue;
      if (random.fraction() < doubling) this.flights.push(flight!);
      this.deliver(flight!);
    }
  }

  round(random: Random): void {
    for (const node of this.nodes) this.take(node, node.core.round(this.moment, random.fraction));
  }

  roots(): string[] {
    return this.nodes.map((node) => root(node, this.now));
  }
}

export function root(node: WiredNode, now: number): string {
  return node.cells.digest(minuteOf(now), now).root();
}

export function wired(name: string, incarnation = 1): WiredNode {
  const counters = new Counters();
  const core = new Core(name, counters);
  return { peer: { node: name, incarnation }, core, cells: core.declare(cellLattice), counters, steps: [] };
}
