/**
 * One life of a node, from its start to its end: it joins, drains, leaves, and ends every timer, socket
 * and file; or gives way to a later process of its name, since two of one name must not both answer.
 */

import type { Audit } from '../audit/audit.ts';
import { type Cancel, type Clock, every } from '../clock.ts';
import type { HandedOver } from '../gossip/gossip.ts';
import type { Heart } from '../heart.ts';
import type { LongLived } from '../valve/long-lived.ts';
import type { Ended } from './actor.ts';

export type LifecycleState = 'starting' | 'up' | 'draining' | 'stopped';

export interface LifecycleParts {
  readonly heart: Pick<Heart, 'start' | 'drain' | 'leave' | 'kill' | 'registry'>;
  readonly longLived: Pick<LongLived, 'restart' | 'abandon'>;
  readonly audit: Pick<Audit, 'nodeEnds'>;
  readonly clock: Clock;
  /** Between two sweeps of what is over, milliseconds. */
  readonly sweepMs: number;
  /** It was up, and has ended because another process has started under its name. */
  readonly onReplaced: () => void;
}

export class Lifecycle {
  readonly #parts: LifecycleParts;
  #state: LifecycleState = 'starting';
  #cancelSweep: Cancel = () => {};
  #drained: Promise<HandedOver> = Promise.resolve({ handedOver: 0, lost: 0 });
  #stopped: Promise<void> | undefined;
  /** The incarnation that it gave way to. */
  #latest = 0;
  #gaveWay: Promise<void> = Promise.resolve();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Joins the cluster. Resolves with an incarnation if a later life of this node is known: this one has stopped. */
  async start(): Promise<number | undefined> {
    const { heart, clock, sweepMs } = this.#parts;
    await heart.start();
    if (this.#state !== 'starting') {
      // The next life opens the same data directory.
      await this.#gaveWay;
      return this.#latest;
    }
    this.#state = 'up';
    this.#cancelSweep = every(clock, sweepMs, () => void heart.registry.sweep());
    return undefined;
  }

  drain(why: Ended): Promise<HandedOver> {
    const { heart, longLived, audit } = this.#parts;
    if (this.#state === 'up') {
      this.#state = 'draining';
      audit.nodeEnds({ act: 'drain', ...why });
      longLived.restart();
      this.#drained = heart.drain();
    }
    return this.#drained;
  }

  stop(why: Ended): Promise<void> {
    const { heart, audit } = this.#parts;
    return (this.#stopped ??= this.drain(why)
      .then(() => audit.nodeEnds({ act: 'stop', ...why }))
      .then(() => heart.leave())
      .then(() => this.kill()));
  }

  /** Ends at once, telling nobody. */
  async kill(): Promise<void> {
    const { heart, longLived } = this.#parts;
    this.#state = 'stopped';
    this.#cancelSweep();
    longLived.abandon();
    await heart.kill();
  }

  /** A later process goes by this node's name. */
  async giveWay(latest: number): Promise<void> {
    const { longLived, onReplaced } = this.#parts;
    const wasUp = this.#state !== 'starting';
    if (this.#state === 'stopped') return;
    this.#latest = latest;
    longLived.restart();
    this.#gaveWay = this.kill();
    await this.#gaveWay;
    if (wasUp) onReplaced();
  }
}
