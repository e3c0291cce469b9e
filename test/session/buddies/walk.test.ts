/**
 * Any history of writes, requests elsewhere, partitions, bad networks, restarts with and without a disk, and nodes that leave:
 * what a living node has is never lost, nothing is called lost that somebody has, and once all is well the data of every
 * session is with its owner and its buddies, equal, and nowhere else. A failure prints its seed: SEED=… runs it alone,
 * SEEDS=… so many.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pick, type Random, seededRandom } from '../../../sso/random.ts';
import { CourierWorld, type Kept } from './world.ts';

const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
const keys = Array.from({ length: 12 }, (_, index) => `s${index}`);
const steps = 60;
/** Each life that writes is a writer in the data's context; beyond 16 of them it would begin anew and may drop what is concurrent. */
const restartsAtMost = 8;

class Walk {
  readonly #world: CourierWorld;
  readonly #random: Random;
  /** The writes of each session that are to be there in the end. */
  readonly #writes = new Map<string, Set<string>>();
  readonly #disks = new Map<string, Kept>();
  readonly #said: string[] = [];
  #restarts = 0;

  constructor(world: CourierWorld, seed: number) {
    this.#world = world;
    this.#random = seededRandom(seed * 7 + 1);
  }

  async run(): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await this.#world.pass(Math.floor(this.#random.fraction() ** 3 * 3_000));
    }
    await this.#heal();
    this.#judge();
  }

  async #step(): Promise<void> {
    const chance = this.#random.fraction();
    if (chance < 0.45) this.#write();
    else if (chance < 0.72) await this.#use();
    else if (chance < 0.8) this.#part();
    else if (chance < 0.88) this.#weather();
    else if (chance < 0.94) this.#kill();
    else if (chance < 0.97) await this.#leave();
    else this.#restart();
  }

  /** A request on a node that serves the session. */
  #write(): void {
    const world = this.#world;
    const key = pick(this.#random, keys)!;
    const owners = world.running.filter(({ sessions, life }) => {
      const session = sessions.get(key);
      return session?.state === 'live' && session.owner === life;
    });
    const node = pick(this.#random, owners);
    if (node !== undefined) this.#note(key, world.write(node.name, key), node.name);
    else if (!this.#writes.has(key)) {
      const at = pick(this.#random, world.running)!.name;
      this.#note(key, world.make(at, key, 1 + Math.floor(this.#random.fraction() * 2)), at);
    }
  }

  async #use(): Promise<void> {
    const world = this.#world;
    const node = pick(this.#random, world.running)!;
    const key = pick(this.#random, keys)!;
    if (node.sessions.get(key) === undefined) return;
    const fetched = await world.use(node.name, key);
    this.#say(`${node.name} uses ${key}: ${fetched}`);
    if (fetched === 'lost') assert.deepEqual(world.holders(key), [], `${key} is called lost`);
    if (fetched === 'here' && this.#random.fraction() < 0.7 && world.session(node.name, key).owner === node.life)
      this.#note(key, world.write(node.name, key), node.name);
  }

  #part(): void {
    const { network } = this.#world;
    const chance = this.#random.fraction();
    if (chance < 0.4) network.heal();
    else if (chance < 0.7) network.split([names.filter(() => this.#random.fraction() < 0.5)]);
    else network.cut(pick(this.#random, names)!, pick(this.#random, names)!);
    this.#say('parted or healed');
  }

  #weather(): void {
    const { network } = this.#world;
    const isBad = this.#random.fraction() < 0.6;
    network.lose(isBad ? this.#random.fraction() * 0.4 : 0);
    network.double(isBad ? this.#random.fraction() * 0.3 : 0);
    network.reorder(isBad ? this.#random.fraction() * 0.3 : 0);
    network.delay(isBad ? { min: 0, max: this.#random.fraction() * 200 } : 0);
  }

  #kill(): void {
    const world = this.#world;
    if (world.running.length <= 3 || this.#restarts >= restartsAtMost) return;
    const { name } = pick(this.#random, world.running)!;
    const withDisk = this.#random.fraction() < 0.5;
    this.#say(`${name} is killed, ${withDisk ? 'its disk is kept' : 'with its disk'}`);
    if (!withDisk) this.#forget(name);
    const kept = world.kill(name);
    this.#disks.set(name, withDisk ? kept : new Map());
  }

  /** Writes that this node alone has, its disk included, go with it. */
  #forget(name: string): void {
    const world = this.#world;
    for (const [key, writes] of this.#writes) {
      const others = world.running.filter((node) => node.name !== name);
      for (const write of writes) {
        const isElsewhere = others.some((node) => world.attributes(node.name, key).includes(write));
        const isOnDisk = [...this.#disks.values()].some((kept) => kept.get(key)?.includes(`.${write}`) === true);
        if (!isElsewhere && !isOnDisk) writes.delete(write);
      }
    }
  }

  async #leave(): Promise<void> {
    const world = this.#world;
    if (world.running.length <= 3 || this.#restarts >= restartsAtMost) return;
    const { name } = pick(this.#random, world.running)!;
    this.#say(`${name} leaves`);
    const { lost } = await world.leave(name);
    // What it said that it could not hand over is gone with it.
    if (lost > 0) for (const [key] of this.#writes) this.#forgetUnheld(key);
    this.#disks.set(name, new Map());
  }

  #forgetUnheld(key: string): void {
    const world = this.#world;
    const writes = this.#writes.get(key)!;
    for (const write of writes) {
      const isHeld = world.running.some((node) => world.attributes(node.name, key).includes(write));
      const isOnDisk = [...this.#disks.values()].some((kept) => kept.get(key)?.includes(`.${write}`) === true);
      if (!isHeld && !isOnDisk) writes.delete(write);
    }
  }

  #restart(): void {
    const [name, kept] = pick(this.#random, [...this.#disks]) ?? [];
    if (name === undefined || kept === undefined) return;
    this.#say(`${name} starts with ${kept.size}`);
    this.#restarts++;
    this.#disks.delete(name);
    this.#world.start(name, kept);
  }

  async #heal(): Promise<void> {
    const { network } = this.#world;
    network.heal();
    network.lose(0);
    network.double(0);
    network.reorder(0);
    network.delay(0);
    while (this.#disks.size > 0) this.#restart();
    await this.#world.pass(30_000);
    // Whoever owned it may be over: a request makes somebody its owner.
    for (const key of keys) {
      const node = pick(this.#random, this.#world.running)!;
      if (node.sessions.get(key) !== undefined) await this.#world.use(node.name, key);
    }
    await this.#world.pass(40_000);
  }

  #judge(): void {
    const world = this.#world;
    for (const [key, writes] of this.#writes) {
      if (writes.size === 0 && world.holders(key).length === 0) continue;
      const listed = world.listed('n1', key);
      assert.deepEqual([...world.holders(key)].sort(), listed, `${key} is where it is to be${this.#story(key)}`);
      for (const holder of listed) {
        const attributes = world.attributes(holder, key);
        const missing = [...writes].filter((write) => !attributes.includes(write));
        assert.deepEqual(missing, [], `${key} at ${holder}${this.#story(key)}`);
      }
    }
    for (const { courier } of world.running) {
      assert.equal(courier.unconfirmed, 0);
      assert.equal(courier.view().strays, 0);
    }
  }

  #note(key: string, write: string, at: string): void {
    const writes = this.#writes.get(key) ?? new Set();
    this.#writes.set(key, writes.add(write));
    this.#say(`${at} writes ${write} to ${key}`);
  }

  #say(what: string): void {
    this.#said.push(`${(this.#world.clock.monotonic() / 1_000).toFixed(3)} ${what}`);
  }

  #story(key: string): string {
    return `\n${this.#said.filter((line) => !/ s\d+/.test(line) || line.includes(`${key}:`) || line.endsWith(key)).join('\n')}`;
  }
}

const { SEED, SEEDS = '12' } = process.env;
const seeds = SEED === undefined ? Array.from({ length: Number(SEEDS) }, (_, index) => index + 1) : [Number(SEED)];

test(`what a living node has is never lost, and comes to be where it should be: ${seeds.length} histories`, async () => {
  for (const seed of seeds) {
    const world = await CourierWorld.of(names, seed);
    try {
      await new Walk(world, seed).run();
    } catch (error) {
      throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
});
