/** Gossip nodes with one map of cells each, on a network and a clock in memory. */

import { type MemoryNetwork, memoryNetwork } from '../../sso/channel/memory.ts';
import type { Copies } from '../../sso/gossip/copies.ts';
import { GossipNode, type GossipOptions } from '../../sso/gossip/gossip.ts';
import { type Random, seededRandom } from '../../sso/random.ts';
import { type VirtualClock, virtualClock } from '../../sso/testing/virtual-clock.ts';
import { type Cell, cellLattice, startAt } from './cells.ts';

export interface TestNode {
  readonly name: string;
  readonly gossip: GossipNode;
  readonly cells: Copies<Cell>;
  /** Whether `start` has resolved. */
  readonly started: Promise<void>;
}

export interface TestCluster {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly random: Random;
  /** Starts a node; another of the same name is its next life. */
  start(name: string, options?: Partial<GossipOptions>): TestNode;
  /** Lets a promise settle in virtual time. */
  wait<T>(work: Promise<T>): Promise<T>;
}

/** `lattice`: of its one map. */
export function testCluster(names: readonly string[], seed = 1, lattice = cellLattice): TestCluster {
  const clock = virtualClock(startAt);
  const random = seededRandom(seed);
  const network = memoryNetwork({ clock, random });
  let incarnation = 0;
  return {
    clock,
    network,
    random,
    start(name, options = {}) {
      incarnation++;
      const channel = network.channel({ node: name, incarnation, nodes: names });
      const self = { node: name, incarnation, route: name, address: `${name}:7800` };
      const gossip = new GossipNode({ self, channel, clock, random, options });
      const cells = gossip.map(lattice);
      return { name, gossip, cells, started: gossip.start() };
    },
    async wait(work) {
      let done = false;
      void work.finally(() => (done = true));
      for (let step = 0; !done; step++) {
        if (step > 100_000) throw new Error('it never ends');
        await clock.advanceAsync(step === 0 ? 0 : 1);
      }
      return work;
    },
  };
}

/** A cluster whose nodes have all joined. */
export async function joinedCluster(
  names: readonly string[],
  seed = 1,
  options: Partial<GossipOptions> = {},
  lattice = cellLattice,
) {
  const cluster = testCluster(names, seed, lattice);
  const nodes = names.map((name) => cluster.start(name, options));
  await cluster.wait(Promise.all(nodes.map(({ started }) => started)));
  await cluster.clock.advanceAsync(500);
  return { ...cluster, nodes };
}
