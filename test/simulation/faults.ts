/**
 * What goes wrong, by chance, one at a time or several at once: partitions both ways, one way and
 * flapping; pauses; crashes of one to all, with and without their disks; restored backups; disks that
 * cannot be written; clocks that leap; nodes that leave and come back; frames that come again; and once,
 * in some worlds, everybody stops and starts with more voters.
 */

import { pick, type Random } from '../../sso/random.ts';
import { type Climate, waitOf } from './climate.ts';
import type { Cluster, SimulatedNode } from './cluster.ts';
import type { History } from './history.ts';
import type { Loss } from './machine.ts';
import type { Schedule } from './schedule.ts';

/** Old frames that come again at once. */
const replays = 4;
/** Pauses are at most so long, milliseconds. */
const pausedAtMostMs = 25_000;
const hourMs = 3_600_000;
/** How far wall clocks leap, milliseconds. */
const leaps = [-13 * hourMs, 13 * hourMs, -hourMs, hourMs, -90_000, 90_000, -5_000, 5_000];

export class Faults {
  readonly #cluster: Cluster;
  readonly #climate: Climate;
  readonly #schedule: Schedule;
  readonly #history: History;
  readonly #random: Random;
  readonly #strikes: readonly (readonly [weight: number, strike: () => void])[];
  readonly #weight: number;
  #isParted = false;
  /** Until then nothing else goes wrong: what is promised of an undeclared old copy needs peers that can tell. True time. */
  #quietUntil = 0;
  #hasGrown = false;
  #over = false;

  constructor(cluster: Cluster, climate: Climate, schedule: Schedule, history: History, random: Random) {
    this.#cluster = cluster;
    this.#climate = climate;
    this.#schedule = schedule;
    this.#history = history;
    this.#random = random;
    this.#strikes = [
      [20, () => this.#replay()],
      [16, () => this.#split()],
      [10, () => this.#oneWay()],
      [6, () => this.#flap()],
      [16, () => this.#pause()],
      [16, () => this.#crash(1)],
      [4, () => this.#crash(Math.ceil(this.#cluster.names.length * this.#random.fraction()))],
      [2, () => this.#crash(this.#cluster.names.length)],
      [6, () => this.#leave()],
      [climate.disks === 'none' ? 0 : 6, () => this.#backUp()],
      [climate.disks === 'none' ? 0 : 6, () => this.#restore()],
      [climate.disks === 'none' ? 0 : 4, () => this.#failDisk()],
      [climate.leaps ? 10 : 0, () => this.#leap()],
      [climate.laterVoters === undefined ? 0 : 2, () => this.#grow()],
    ];
    this.#weight = this.#strikes.reduce((sum, [weight]) => sum + weight, 0);
  }

  begin(): void {
    const { loss, doubles, late, delay } = this.#climate;
    const { network } = this.#cluster;
    network.lose(loss);
    network.double(doubles);
    network.reorder(late.part, late.byMs);
    network.delay(delay);
    this.#arm();
  }

  /** The last fault: everything works again, and everybody is there. */
  end(): void {
    this.#over = true;
    const { network } = this.#cluster;
    network.lose(0);
    network.double(0);
    network.reorder(0, 0);
    network.delay({ min: 0, max: 1 });
    this.#cluster.heal();
    for (const name of this.#cluster.names) {
      const machine = this.#cluster.machine(name);
      machine.fail(undefined);
      if (machine.hasLeapt) this.#cluster.leap(name, undefined);
    }
    for (const { name } of this.#cluster.running) this.#cluster.resume(name);
    for (const name of this.#cluster.names) {
      const node = this.#cluster.at(name);
      if (node?.leaving === true && node.life.alive) this.#cluster.crash(name, 'kept');
      this.#startAgain(name);
    }
    this.#note(() => 'the last fault is over');
  }

  #arm(): void {
    this.#schedule.after(waitOf(this.#random, this.#climate.faultMs), () => {
      if (this.#over) return;
      if (this.#schedule.now >= this.#quietUntil) this.#strike();
      this.#arm();
    });
  }

  #strike(): void {
    let at = this.#random.fraction() * this.#weight;
    for (const [weight, strike] of this.#strikes) {
      at -= weight;
      if (at < 0) {
        strike();
        return;
      }
    }
  }

  /** Most faults are over soon; some last as long as the longest lives. */
  #duration(): number {
    return this.#climate.intervalMs * 0.3 * 100 ** this.#random.fraction();
  }

  #later(ms: number, run: () => void): void {
    this.#schedule.after(ms, () => {
      if (!this.#over) run();
    });
  }

  #replay(): void {
    const node = pick(this.#random, this.#cluster.reachable);
    if (node === undefined) return;
    const replayed = Array.from({ length: replays }, () => node.channel.replay()?.from.node ?? 'nobody');
    this.#note(() => `old frames of ${replayed.join(', ')} reach ${node.life.name} again`);
  }

  /** One partition at a time, so that long ones last: often one node alone, else by chance. */
  #split(): void {
    this.#part(this.#duration(), () => this.#cluster.split([this.#side()]));
  }

  #side(): readonly string[] {
    const { names } = this.#cluster;
    if (this.#random.fraction() < 0.4) return [pick(this.#random, names)!];
    return names.filter(() => this.#random.fraction() < 0.5);
  }

  #oneWay(): void {
    const { names } = this.#cluster;
    if (names.length < 2) return;
    const cuts = 1 + Math.floor(this.#random.fraction() * 3);
    this.#part(this.#duration(), () => {
      for (let i = 0; i < cuts; i++) {
        const from = Math.floor(this.#random.fraction() * names.length);
        const to = (from + 1 + Math.floor(this.#random.fraction() * (names.length - 1))) % names.length;
        this.#cluster.cut(names[from]!, names[to]!);
      }
    });
  }

  #part(forMs: number, part: () => void): void {
    if (this.#isParted) return;
    this.#isParted = true;
    part();
    this.#later(forMs, () => {
      this.#isParted = false;
      this.#cluster.heal();
    });
  }

  /** The same partition comes and goes. */
  #flap(times = 2 + Math.floor(this.#random.fraction() * 6), side = this.#side()): void {
    if (times === 0 || this.#isParted) return;
    this.#part(this.#random.fraction() * 1_500, () => this.#cluster.split([side]));
    this.#later(1_500 + this.#random.fraction() * 1_500, () => this.#flap(times - 1, side));
  }

  #crash(count: number): void {
    const lost: Loss | undefined = this.#random.fraction() < 0.3 ? pick(this.#random, ['wiped', 'torn']) : undefined;
    const lone = this.#random.fraction() < 0.5;
    for (const [index, node] of someOf(this.#cluster.running, count, this.#random).entries()) {
      const loss = lost === undefined || (lone && index > 0) ? 'kept' : lost;
      this.#cluster.crash(node.name, loss);
      this.#comeBack(node);
    }
  }

  #comeBack(node: SimulatedNode, options: { readonly restored?: boolean } = {}): void {
    this.#later(this.#duration(), () => {
      if (this.#cluster.at(node.name) === node) this.#startAgain(node.name, options);
    });
  }

  #startAgain(name: string, options: { readonly restored?: boolean } = {}): void {
    if (this.#cluster.names.includes(name) && this.#cluster.at(name)?.life.alive !== true)
      this.#cluster.start(name, options);
  }

  #pause(): void {
    const node = pick(this.#random, this.#cluster.reachable);
    if (node === undefined) return;
    this.#cluster.pause(node.name);
    this.#later(Math.min(this.#duration(), pausedAtMostMs), () => {
      if (node.life.alive) this.#cluster.resume(node.name);
    });
  }

  #leave(): void {
    const node = pick(this.#random, this.#cluster.reachable);
    if (node === undefined) return;
    void this.#cluster.leave(node.name).then(() => {
      if (!this.#over) this.#comeBack(node);
    });
  }

  #backUp(): void {
    for (const name of this.#cluster.names) {
      if (this.#random.fraction() < 0.5) continue;
      this.#cluster.machine(name).backUp();
      this.#note(() => `somebody backs up the disk of ${name}`);
    }
  }

  /**
   * A node is stopped, or has been, and starts with an older copy of its disk. Most of the time whoever put it there says
   * so; without a word only where the other voters can tell (FINAL-LOGOUT.md, Not promised).
   */
  #restore(): void {
    const name = pick(
      this.#random,
      this.#cluster.names.filter((one) => this.#cluster.machine(one).hasBackup),
    );
    if (name === undefined) return;
    const isTold = this.#random.fraction() < 0.5;
    if (!isTold && !this.#canTell(name)) return;
    const node = this.#cluster.at(name)!;
    if (node.life.alive) this.#cluster.crash(name, 'kept');
    this.#cluster.restore(name);
    if (isTold) {
      this.#comeBack(node, { restored: true });
      return;
    }
    this.#quietUntil = this.#schedule.now + 2 * this.#climate.leaseMs + 4_000;
    this.#cluster.start(name);
  }

  /** Whether every other voter is there and has recovered, and frames arrive in time. */
  #canTell(name: string): boolean {
    const { voters, isWhole } = this.#cluster;
    const { loss, late, whenCutOff } = this.#climate;
    if (!isWhole || loss > 0 || late.byMs > 1_000 || voters.length < 2 || whenCutOff === 'serve') return false;
    return voters.every((voter) => {
      const node = this.#cluster.at(voter);
      return voter === name || (node?.life.standing === 'up' && this.#cluster.reachable.includes(node));
    });
  }

  #failDisk(): void {
    const name = pick(
      this.#random,
      this.#cluster.names.filter((one) => this.#cluster.machine(one).hasDisk),
    );
    if (name === undefined || this.#cluster.machine(name).isFailing) return;
    this.#cluster.failDisk(name, this.#random.fraction() < 0.5 ? 'full' : 'unwritable');
    this.#later(this.#duration(), () => {
      this.#cluster.failDisk(name, undefined);
      this.#startAgain(name);
    });
  }

  /** Fewer than half of the voters have a wrong clock at a time, and fewer than half of all nodes. */
  #leap(): void {
    const { voters, names } = this.#cluster;
    const wrong = names.filter((name) => this.#cluster.machine(name).hasLeapt).length;
    const name = pick(this.#random, names)!;
    if (wrong + 1 > (voters.length - 1) / 2 && !this.#cluster.machine(name).hasLeapt) return;
    this.#cluster.leap(name, pick(this.#random, leaps)!);
    this.#later(this.#duration(), () => this.#cluster.leap(name, undefined));
  }

  /** All are stopped, and started with a longer list of voters. */
  #grow(): void {
    const { laterVoters } = this.#climate;
    if (laterVoters === undefined || this.#hasGrown) return;
    this.#hasGrown = true;
    for (const { name } of this.#cluster.running) this.#cluster.crash(name, 'kept');
    this.#cluster.vote(laterVoters);
    for (const name of this.#cluster.names) this.#later(this.#duration() / 4, () => this.#startAgain(name));
  }

  #note(text: () => string): void {
    this.#history.note(this.#schedule.now, '', text);
  }
}

/** `count` of them by chance, in any order. */
function someOf<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const left = [...items];
  const some: T[] = [];
  while (some.length < count && left.length > 0)
    some.push(...left.splice(Math.floor(random.fraction() * left.length), 1));
  return some;
}
