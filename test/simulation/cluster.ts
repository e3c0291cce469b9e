/**
 * The nodes of one seed: the production parts over a network in memory, each life of a process with its
 * own clock and chance. Crashing forgets everything that a process knew; starting again is a new life.
 */

import { type MemoryNetwork, memoryNetwork } from '../../sso/channel/memory.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { type Random, seededRandom } from '../../sso/random.ts';
import type { Checkers } from './checkers.ts';
import { skewAtMostMs } from './checkers.ts';
import type { Climate } from './climate.ts';
import type { History } from './history.ts';
import { type Life, type Model, newLife } from './model.ts';
import { type NodeParts, nodeParts } from './parts.ts';
import type { Plant } from './plants.ts';
import type { Host, Schedule } from './schedule.ts';
import { TappedChannel } from './tapped-channel.ts';

/** One life of a node. */
export interface SimulatedNode {
  readonly name: string;
  readonly life: Life;
  readonly host: Host;
  readonly parts: NodeParts;
  readonly channel: TappedChannel;
  /** It has joined and takes requests. */
  up: boolean;
}

export interface ClusterParts {
  readonly climate: Climate;
  readonly schedule: Schedule;
  readonly model: Model;
  readonly checkers: Checkers;
  readonly history: History;
  /** One seed for each thing that needs chance. */
  readonly chance: (purpose: string) => Random;
  readonly plant: Plant;
}

/** The type byte of a `compare` (gossip/message.ts). */
const compareByte = 3;

const keys = deriveKeys('fV3nT8qLx2Zr7Wc5Ky9Hd4Js6Pb1Mg0Q');

export class Cluster {
  readonly #parts: ClusterParts;
  readonly #skews = new Map<string, number>();
  readonly #nodes = new Map<string, SimulatedNode>();
  #starts = 0;
  readonly network: MemoryNetwork;

  constructor(parts: ClusterParts) {
    const { climate, schedule, chance } = parts;
    this.#parts = parts;
    this.network = memoryNetwork({
      clock: schedule.clockOf(),
      random: chance('network'),
      silenceMs: climate.silenceMs,
    });
    const skews = chance('skews');
    for (const name of climate.nodes) this.#skews.set(name, Math.round((skews.fraction() * 2 - 1) * skewAtMostMs));
  }

  /** The lives that run now, joined or not. */
  get running(): readonly SimulatedNode[] {
    return [...this.#nodes.values()].filter(({ life }) => life.alive);
  }

  /** The lives that a request can reach. */
  get reachable(): readonly SimulatedNode[] {
    return [...this.#nodes.values()].filter(({ life, up, host }) => life.alive && up && host.held === undefined);
  }

  at(name: string): SimulatedNode | undefined {
    return this.#nodes.get(name);
  }

  start(name: string): void {
    const { climate, schedule, model, checkers, history, chance, plant } = this.#parts;
    const host: Host = { skewMs: this.#skews.get(name)!, gone: false, paused: false, held: undefined };
    const clock = schedule.clockOf(host);
    const random = chance(`${name} ${++this.#starts}`);
    const incarnation = Math.floor(clock.now()) * 512 + Math.floor(random.fraction() * 512);
    const life = newLife(name, incarnation);
    model.lives.push(life);
    const self = { node: name, incarnation };
    const inner = this.network.channel({ ...self, nodes: climate.nodes });
    const channel = new TappedChannel(
      inner,
      host,
      chance(`tap ${this.#starts}`),
      () => schedule.now,
      (from, frame) => {
        if (plant.loses === 'compare' && frame[1] === compareByte) return false;
        history.mix(schedule.now);
        history.mixText(from.node);
        history.mixBytes(frame);
        return true;
      },
    );
    const { idleMs, maxEmptyLifeMs, lifeMs, intervalMs } = climate;
    const parts = nodeParts({
      self,
      address: name,
      channel,
      clock,
      random,
      keys,
      ...(plant.lattices === undefined ? {} : { lattices: plant.lattices }),
      gossip: { intervalMs },
      registry: { lifeMs, idleMs, maxEmptyLifeMs, ...plant.registry },
      accepting: () => node.up,
      watch: (maps) => checkers.watch(life, maps, () => node.parts.gossip.members()),
    });
    const node: SimulatedNode = { name, life, host, parts, channel, up: false };
    this.#nodes.set(name, node);
    history.note(schedule.now, '', () => `${name} starts as ${life.name}`);
    void parts.gossip.start().then(() => {
      node.up = true;
      history.note(schedule.now, '', () => `${life.name} is up`);
    });
  }

  /** As `kill -9`: nothing is told, nothing is kept. */
  crash(name: string): void {
    const node = this.#nodes.get(name)!;
    node.host.gone = true;
    node.host.held = undefined;
    node.life.alive = false;
    node.up = false;
    this.network.kill(name);
    this.#parts.history.note(this.#parts.schedule.now, '', () => `${node.life.name} crashes`);
  }

  /** The process stands still; what arrives waits. */
  pause(name: string): void {
    const node = this.#nodes.get(name)!;
    this.#parts.schedule.pause(node.host);
    this.#parts.history.note(this.#parts.schedule.now, '', () => `${node.life.name} is paused`);
  }

  resume(name: string): void {
    const node = this.#nodes.get(name)!;
    if (!node.host.paused) return;
    this.#parts.schedule.resume(node.host);
    this.#parts.history.note(this.#parts.schedule.now, '', () => `${node.life.name} goes on`);
  }
}

/** Streams of chance that do not disturb each other: one more use of one changes nothing in the others. */
export function chanceOf(seed: number): (purpose: string) => Random {
  return (purpose) => {
    let state = seed ^ 0x5bd1e995;
    for (let i = 0; i < purpose.length; i++)
      state = Math.imul(state ^ purpose.charCodeAt(i), 0x9e3779b1) ^ (state >>> 15);
    return seededRandom(Math.imul(state ^ (state >>> 13), 0x85ebca6b));
  };
}
