/**
 * The nodes of one seed: the production parts over a network in memory, each life of a process with its
 * own chance, on a machine whose clocks and disk outlive it. Crashing forgets what a process knew;
 * starting again is a new life, with what the disk still has.
 */

import type { Peer } from '../../sso/channel/channel.ts';
import { type MemoryNetwork, memoryNetwork } from '../../sso/channel/memory.ts';
import { Heart } from '../../sso/heart.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { votersOf } from '../../sso/logout/voters.ts';
import { type Random, seededRandom } from '../../sso/random.ts';
import type { SsoId } from '../../sso/token.ts';
import type { Checkers } from './checkers.ts';
import type { Climate } from './climate.ts';
import type { History } from './history.ts';
import type { Losses } from './losses.ts';
import { hasDisk, type Loss, Machine } from './machine.ts';
import { type Life, type Model, newLife } from './model.ts';
import type { Plant } from './plants.ts';
import type { Host, Schedule } from './schedule.ts';
import { TappedChannel } from './tapped-channel.ts';

/** One life of a node. */
export interface SimulatedNode {
  readonly name: string;
  readonly life: Life;
  readonly host: Host;
  readonly machine: Machine;
  readonly heart: Heart;
  readonly channel: TappedChannel;
  /** It has joined and takes requests. */
  up: boolean;
  /** It hands over what it has, and is about to go. */
  leaving: boolean;
}

/** What a script does with a frame on its way: `hold` keeps it until `release`. */
export type FrameFate = 'deliver' | 'lose' | 'hold';

export interface ClusterParts {
  readonly climate: Climate;
  readonly schedule: Schedule;
  readonly model: Model;
  readonly checkers: Checkers;
  readonly losses: Losses;
  readonly history: History;
  /** One seed for each thing that needs chance. */
  readonly chance: (purpose: string) => Random;
  readonly plant: Plant;
  /** Called after anything that changes who can do what: a fault, its end, a start, a recovery. */
  readonly shifted: () => void;
  /** Left out: every frame is delivered. */
  readonly fate: ((from: Peer, to: string, frame: Uint8Array) => FrameFate) | undefined;
}

/** A holder of data that is gone for so many intervals gets another in its place: so soon that seeds see it often. */
export const replaceIntervals = 5;
/** Type bytes of frames that a plant loses (gossip/message.ts, session/buddies/frames.ts). */
const typeBytes = { compare: 3, carry: 64, offer: 68, digest: 70 } as const;
export type LosableType = keyof typeof typeBytes;
/** The first type byte of the frames of final logout (gossip/message.ts). */
export const firstTalk = 32;

const keys = deriveKeys('fV3nT8qLx2Zr7Wc5Ky9Hd4Js6Pb1Mg0Q');

export class Cluster {
  readonly #parts: ClusterParts;
  /** Voters whose present, or last, life began without its state. */
  readonly #beganLost = new Set<string>();
  readonly #machines = new Map<string, Machine>();
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #cuts = new Set<string>();
  #sides: ReadonlyMap<string, number> | undefined;
  #starts = 0;
  #held: { readonly name: string; readonly to: TappedChannel; readonly from: Peer; readonly frame: Uint8Array }[] = [];
  readonly network: MemoryNetwork;
  /** Hears of a node that is about to hand over what only it has. */
  onLeaving: (node: SimulatedNode) => void = () => {};
  /** Hears of a node that has handed over what only it had, but for so many values, and since when it did. */
  onLeft: (node: SimulatedNode, lost: number, began: number) => void = () => {};
  voters: readonly string[];

  constructor(parts: ClusterParts) {
    const { climate, schedule, chance } = parts;
    this.#parts = parts;
    this.voters = climate.voters;
    this.network = memoryNetwork({
      clock: schedule.clockOf(),
      random: chance('network'),
      silenceMs: climate.silenceMs,
    });
    const random = chance('machines');
    for (const name of new Set([...climate.voters, ...climate.others, ...(climate.laterVoters ?? [])])) {
      const machine = new Machine(name, random, hasDisk(climate, name, random));
      this.#machines.set(name, machine);
    }
  }

  /** All nodes that belong to it now, running or not. */
  get names(): readonly string[] {
    return [...this.voters, ...this.#parts.climate.others];
  }

  /** The lives that run now, joined or not. */
  get running(): readonly SimulatedNode[] {
    return [...this.#nodes.values()].filter(({ life }) => life.alive);
  }

  /** The lives that a request can reach. */
  get reachable(): readonly SimulatedNode[] {
    return [...this.#nodes.values()].filter(
      ({ life, up, leaving, host }) => life.alive && up && !leaving && host.held === undefined,
    );
  }

  at(name: string): SimulatedNode | undefined {
    return this.#nodes.get(name);
  }

  machine(name: string): Machine {
    return this.#machines.get(name)!;
  }

  /** `after`: a life of this node that others have met, which the new one must exceed. */
  start(name: string, { restored = false, after = 0 } = {}): SimulatedNode {
    const { climate, schedule, model, checkers, losses, history, chance, plant } = this.#parts;
    const machine = this.machine(name);
    const host: Host = { clocks: machine, bornAt: schedule.now, gone: false, paused: false, held: undefined };
    const clock = schedule.clockOf(host);
    const random = chance(`${name} ${++this.#starts}`);
    const incarnation = Math.max(Math.floor(clock.now()) * 512, after + 1) + Math.floor(random.fraction() * 512);
    const life = newLife(name, incarnation);
    const former = this.at(name)?.life;
    model.lives.push(life);
    const self = { node: name, incarnation };
    const isVoter = this.voters.includes(name);
    const disk = machine.mount(clock, chance(`disk ${this.#starts}`));
    // A life that began without its state, and ended before its disk could say that it had recovered, has left nothing to rely on.
    const isStillLost = this.#beganLost.has(name) && machine.saysLost;
    if (isVoter && (restored || machine.isEmpty || isStillLost)) losses.lost(name);
    if (losses.isLost(name)) this.#beganLost.add(name);
    else this.#beganLost.delete(name);
    let later = 0;
    const inner = this.network.channel({ ...self, nodes: this.names, onReplaced: (latest) => replaced(latest) });
    const channel: TappedChannel = new TappedChannel(
      inner,
      host,
      chance(`tap ${this.#starts}`),
      () => schedule.now,
      (from, frame) => this.#arrived(from, channel, name, frame),
    );
    const { idleMs, maxEmptyLifeMs, lifeMs, intervalMs, leaseMs, whenCutOff } = climate;
    const heart = new Heart({
      self,
      route: name,
      address: name,
      channel,
      ...climate.placement?.places[name],
      voters: votersOf(this.voters, name, { leaseMs, whenCutOff }),
      clock,
      random,
      keys,
      disk,
      restored,
      accepting: () => node.up && !node.leaving,
      gossip: { intervalMs },
      buddies: { replaceMs: replaceIntervals * intervalMs },
      registry: { lifeMs, idleMs, maxEmptyLifeMs, ...plant.registry },
      ...(plant.lattices === undefined ? {} : { lattices: plant.lattices }),
      watch: (maps) => checkers.watch(() => node, maps),
    });
    const node: SimulatedNode = { name, life, host, machine, heart, channel, up: false, leaving: false };
    const replaced = (latest: number) => {
      if (later > 0 || !life.alive) return;
      later = latest;
      this.crash(name, 'kept');
      schedule.after(0, () => {
        if (this.at(name) === node) this.start(name, { restored, after: latest });
      });
    };
    this.#nodes.set(name, node);
    history.note(schedule.now, '', () => `${name} starts as ${life.name}${restored ? ', restored' : ''}`);
    const { finality, gossip } = heart;
    gossip.onReplaced(replaced);
    finality.onEpoch((epoch) => {
      life.epoch = Math.max(life.epoch, epoch);
      losses.epoch(life.name, epoch, this.voters);
    });
    finality.onChange(() => this.#changed(node));
    void heart.start().then(
      () => {
        if (!life.alive) return;
        node.up = true;
        if (former !== undefined && disk !== undefined && !restored) checkers.places.cameBack(node, former);
        history.note(schedule.now, '', () => `${life.name} is up`);
        this.#changed(node);
      },
      (error: Error) => {
        if (!life.alive) return;
        history.note(schedule.now, '', () => `${life.name} cannot start: ${error.message}`);
        this.crash(name, 'kept');
      },
    );
    this.#parts.shifted();
    return node;
  }

  /** As `kill -9` and, if the disk lost something, as a power cut: nothing is told. Others go on believing in it for `unnoticedMs`. */
  crash(name: string, disk: Loss, unnoticedMs = 0): void {
    const node = this.#nodes.get(name)!;
    node.host.gone = true;
    node.host.held = undefined;
    node.life.alive = false;
    node.life.diedAt = this.#parts.schedule.now;
    node.up = false;
    this.network.kill(name, unnoticedMs);
    node.machine.crash(disk);
    this.#note(() => `${node.life.name} crashes, its disk: ${disk}`);
    if ((disk === 'wiped' || disk === 'torn') && this.voters.includes(name)) this.#parts.losses.lost(name);
  }

  /** Hands over, says goodbye, and ends. Resolves when it has. */
  async leave(name: string): Promise<void> {
    const node = this.#nodes.get(name)!;
    this.onLeaving(node);
    node.leaving = true;
    this.#note(() => `${node.life.name} leaves`);
    const began = this.#parts.schedule.now;
    const { lost } = await node.heart.drain();
    this.onLeft(node, lost, began);
    await node.heart.leave();
    await node.heart.kill();
    if (node.life.alive) this.crash(name, 'kept');
  }

  /** The process stands still; what arrives waits, and its clocks go on. */
  pause(name: string): void {
    const node = this.#nodes.get(name)!;
    this.#parts.schedule.pause(node.host);
    this.#note(() => `${node.life.name} is paused`);
  }

  resume(name: string): void {
    const node = this.#nodes.get(name)!;
    if (!node.host.paused) return;
    this.#parts.schedule.resume(node.host);
    this.#note(() => `${node.life.name} goes on`);
  }

  /** Only nodes of one group reach each other; those that no group names are one more. */
  split(groups: readonly (readonly string[])[]): void {
    this.#sides = new Map(groups.flatMap((nodes, side) => nodes.map((node) => [node, side] as const)));
    this.network.split(groups);
    this.#note(() => `${groups.map((group) => group.join(' ') || 'nobody').join(' | ')} parted from the others`);
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
    this.network.cut(from, to);
    this.#note(() => `nothing goes from ${from} to ${to}`);
  }

  heal(): void {
    this.#sides = undefined;
    this.#cuts.clear();
    this.network.heal();
    this.#note(() => 'the network is whole');
  }

  get isWhole(): boolean {
    return this.#sides === undefined && this.#cuts.size === 0;
  }

  /** Whether two nodes can hold no connection. */
  apart(a: string, b: string): boolean {
    return this.#sides?.get(a) !== this.#sides?.get(b) || this.#cuts.has(`${a} ${b}`) || this.#cuts.has(`${b} ${a}`);
  }

  /** Moves the wall clock of a machine; `undefined` sets it right. */
  leap(name: string, ms: number | undefined): void {
    const machine = this.machine(name);
    machine.leap(ms);
    this.#note(() => `the wall clock of ${name} ${ms === undefined ? 'is set right' : `leaps by ${ms / 1_000} s`}`);
  }

  /** Puts the backup of a node's disk in the place of its disk, while it does not run. */
  restore(name: string): void {
    this.machine(name).restore();
    // Said or not: where others remember a later life, it is found to be old.
    if (this.voters.includes(name)) this.#parts.losses.lost(name);
    this.#note(() => `the backup of ${name}'s disk is put in its place`);
  }

  /** From now on the disk of a node cannot be written; `undefined`: it can again. */
  failDisk(name: string, fault: 'full' | 'unwritable' | undefined): void {
    this.machine(name).fail(fault);
    this.#note(() => `the disk of ${name} is ${fault ?? 'well again'}`);
  }

  /** Another list of voters, while no node runs: what their disks hold counts as lost. */
  vote(voters: readonly string[]): void {
    this.voters = voters;
    for (const voter of voters) this.#parts.losses.lost(voter);
    this.#note(() => `the voters are now ${voters.join(' ')}`);
  }

  /**
   * Delivers what the script held back, in its order, to the lives that it was sent to. `to: 'present'`: to those that run now,
   * also where the life that it was sent to has ended. No channel may do so (channel.ts, `send`): it shows what holds all the same.
   */
  release(to: 'sent' | 'present' = 'sent'): void {
    const held = this.#held;
    this.#held = [];
    for (const { name, to: channel, from, frame } of held) {
      const receiver = to === 'sent' ? channel : this.at(name)!.channel;
      receiver.late(from, frame);
    }
  }

  #arrived(from: Peer, channel: TappedChannel, to: string, frame: Uint8Array): boolean {
    const { plant, fate, history, schedule } = this.#parts;
    if (plant.loses !== undefined && frame[1] === typeBytes[plant.loses]) return false;
    const what = fate?.(from, to, frame) ?? 'deliver';
    if (what === 'hold') this.#held.push({ name: to, to: channel, from, frame: frame.slice() });
    if (what !== 'deliver') return false;
    history.mix(schedule.now);
    history.mixText(from.node);
    history.mixBytes(frame);
    return true;
  }

  #changed(node: SimulatedNode): void {
    if (!node.life.alive) return;
    const { standing, vote, epoch } = node.heart.finality.view();
    node.life.epoch = Math.max(node.life.epoch, epoch);
    this.#parts.losses.epoch(node.life.name, epoch, this.voters);
    if (standing !== node.life.standing) {
      node.life.standing = standing;
      this.#parts.history.note(this.#parts.schedule.now, '', () => `${node.life.name} is now ${standing}`);
    }
    if (standing === 'up' && vote !== undefined) this.#parts.losses.recovered(node.name);
    this.#parts.shifted();
  }

  #note(text: () => string): void {
    this.#parts.history.note(this.#parts.schedule.now, '', text);
    this.#parts.shifted();
  }
}

/** Whether a request that reaches this node now is answered: also by one that has just gone on and has not caught up. */
export function canAnswer({ life, up, host }: SimulatedNode): boolean {
  return life.alive && up && !host.paused;
}

/** Whether this node would accept a request with this sign-on now. */
export function accepts(node: SimulatedNode, id: SsoId): boolean {
  const { registry, finality } = node.heart;
  return canAnswer(node) && registry.look(id).state === 'open' && finality.mayAccept();
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
