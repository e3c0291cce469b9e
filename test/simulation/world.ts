/** A cluster with everything that watches it, put together: for seeds, where chance decides what happens, and for scripted histories. */

import type { Random } from '../../sso/random.ts';
import { Checkers } from './checkers.ts';
import type { Climate } from './climate.ts';
import { Cluster, type ClusterParts } from './cluster.ts';
import { History } from './history.ts';
import { Losses } from './losses.ts';
import { Model } from './model.ts';
import { type Plant, plants } from './plants.ts';
import { Promises } from './promises.ts';
import { Reach } from './reach.ts';
import { Schedule } from './schedule.ts';
import { Spread } from './spread.ts';
import { Workload } from './workload.ts';

export interface WorldParts {
  readonly climate: Climate;
  readonly chance: (purpose: string) => Random;
  readonly plant?: Plant;
  readonly fate?: ClusterParts['fate'];
}

/** Between two looks at who could do what, though nothing happened, milliseconds. */
const lookMs = 200;
/** Events between two looks at the operating system: other work of this process gets its turn. */
const breathEvents = 500;

export class World {
  readonly climate: Climate;
  readonly schedule = new Schedule();
  readonly history = new History();
  readonly model: Model;
  readonly checkers: Checkers;
  readonly losses: Losses;
  readonly cluster: Cluster;
  readonly promises: Promises;
  readonly reach: Reach;
  readonly workload: Workload;
  readonly #spread: Spread;
  /** Called every 200 ms. */
  onLook: () => void = () => {};
  /** Who can do what may have become another. */
  #hasShifted = false;

  constructor({ climate, chance, plant = plants.none, fate }: WorldParts) {
    const { schedule, history } = this;
    const now = () => schedule.now;
    this.climate = climate;
    this.model = new Model(climate.lifeMs);
    this.checkers = new Checkers(this.model, climate, now);
    this.losses = new Losses(this.model, this.checkers, now, climate.whenCutOff);
    const { model, checkers, losses } = this;
    this.cluster = new Cluster({
      climate,
      schedule,
      model,
      checkers,
      losses,
      history,
      chance,
      plant,
      fate,
      shifted: () => {
        this.#hasShifted = true;
      },
    });
    const { cluster } = this;
    this.promises = new Promises({
      model,
      checkers,
      now,
      running: () => cluster.running,
      holds: (openedAt) => climate.whenCutOff === 'refuse' || losses.lastAt < openedAt,
    });
    this.reach = new Reach(climate, cluster, checkers, now);
    this.#spread = new Spread(climate, cluster, model, checkers, now);
    const { promises, reach } = this;
    checkers.onHeld = (node, signOn) => promises.held(node, signOn);
    checkers.clocksAgree = () => reach.clocksAgree;
    const random = chance('workload');
    this.workload = new Workload({
      cluster,
      climate,
      model,
      checkers,
      promises,
      reach,
      history,
      schedule,
      random,
      plant,
    });
    cluster.onLeaving = (node) => this.workload.leaving(node);
    cluster.onLeft = (node, lost, began) => this.workload.left(node, lost, began);
    this.#lookAgain();
  }

  /** Lets time pass until that instant (true time), until a rule is broken or until it is over. Every change of who can do what is judged at once. */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    await this.schedule.settle();
    while (this.checkers.breach === undefined && !isOver()) {
      if (this.#hasShifted) this.#look();
      if (!(await this.schedule.step(until))) break;
      if (this.schedule.steps % breathEvents === 0) await breath();
    }
    if (this.#hasShifted) this.#look();
  }

  #look(): void {
    this.#hasShifted = false;
    this.reach.update();
    this.workload.probeAll();
  }

  #lookAgain(): void {
    this.#hasShifted = true;
    this.#spread.look();
    this.onLook();
    this.schedule.after(lookMs, () => this.#lookAgain());
  }
}

const breath = () => new Promise<void>((resolve) => void setImmediate(resolve));
