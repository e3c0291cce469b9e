/** What goes wrong, by chance: partitions both ways and one way, crashes, restarts, pauses, frames that come again. One at a time or several at once. */

import { pick, type Random } from '../../sso/random.ts';
import { type Climate, waitOf } from './climate.ts';
import type { Cluster } from './cluster.ts';
import type { History } from './history.ts';
import type { Schedule } from './schedule.ts';

/** Old frames that come again at once. */
const replays = 4;

export class Faults {
  readonly #cluster: Cluster;
  readonly #climate: Climate;
  readonly #schedule: Schedule;
  readonly #history: History;
  readonly #random: Random;
  #isParted = false;
  #over = false;

  constructor(cluster: Cluster, climate: Climate, schedule: Schedule, history: History, random: Random) {
    this.#cluster = cluster;
    this.#climate = climate;
    this.#schedule = schedule;
    this.#history = history;
    this.#random = random;
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
    network.heal();
    for (const { name } of this.#cluster.running) this.#cluster.resume(name);
    for (const name of this.#climate.nodes) if (this.#cluster.at(name)?.life.alive !== true) this.#cluster.start(name);
    this.#note(() => 'the last fault is over');
  }

  #arm(): void {
    this.#schedule.after(waitOf(this.#random, this.#climate.faultMs), () => {
      if (this.#over) return;
      this.#strike();
      this.#arm();
    });
  }

  #strike(): void {
    const chance = this.#random.fraction();
    if (chance < 0.3) this.#replay();
    else if (chance < 0.6) this.#part(chance < 0.48);
    else if (chance < 0.8) this.#crash();
    else this.#pause();
  }

  /** Most faults are over soon; some last as long as the longest lives. */
  #duration(): number {
    return this.#climate.intervalMs * 0.3 * 100 ** this.#random.fraction();
  }

  #later(run: () => void): void {
    this.#schedule.after(this.#duration(), () => {
      if (!this.#over) run();
    });
  }

  #replay(): void {
    const node = pick(this.#random, this.#cluster.reachable);
    if (node === undefined) return;
    const replayed = Array.from({ length: replays }, () => node.channel.replay()?.from.node ?? 'nobody');
    this.#note(() => `old frames of ${replayed.join(', ')} reach ${node.life.name} again`);
  }

  /** One partition at a time, so that long ones last: between two groups, or one way between two nodes. */
  #part(bothWays: boolean): void {
    if (this.#isParted) return;
    this.#isParted = true;
    const { network } = this.#cluster;
    const { nodes } = this.#climate;
    if (bothWays) {
      const side = nodes.filter(() => this.#random.fraction() < 0.5);
      network.split([side]);
      this.#note(() => `${side.join(' ') || 'nobody'} parted from the others`);
    } else {
      const from = Math.floor(this.#random.fraction() * nodes.length);
      const to = (from + 1 + Math.floor(this.#random.fraction() * (nodes.length - 1))) % nodes.length;
      network.cut(nodes[from]!, nodes[to]!);
      this.#note(() => `nothing goes from ${nodes[from]} to ${nodes[to]}`);
    }
    this.#later(() => {
      this.#isParted = false;
      network.heal();
      this.#note(() => 'the network is whole again');
    });
  }

  #crash(): void {
    const node = pick(this.#random, this.#cluster.running);
    if (node === undefined) return;
    this.#cluster.crash(node.name);
    this.#later(() => {
      if (this.#cluster.at(node.name) === node) this.#cluster.start(node.name);
    });
  }

  #pause(): void {
    const node = pick(this.#random, this.#cluster.reachable);
    if (node === undefined) return;
    this.#cluster.pause(node.name);
    this.#later(() => {
      if (node.life.alive) this.#cluster.resume(node.name);
    });
  }

  #note(text: () => string): void {
    this.#history.note(this.#schedule.now, '', text);
  }
}
