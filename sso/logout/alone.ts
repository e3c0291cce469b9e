/** A node without a cluster: nobody else can accept what it has closed, so it may always accept, and what it has stored is final. */

import type { Clock } from '../clock.ts';
import { nameOf } from './closings.ts';
import type { Closing, EndedApp, Finality, FinalityView, Seal } from './finality.ts';
import { OpenSeal } from './open-seal.ts';

export interface AloneParts {
  readonly node: string;
  readonly clock: Clock;
  /** Makes durable what is stored, where there is a disk. @throws SsoError ERR_DISK_FAILED */
  readonly flush?: (() => Promise<void>) | undefined;
}

/** Until it tries again to write what is not durable yet, milliseconds. */
const retryMs = 1_000;

export class Alone implements Finality {
  readonly #parts: AloneParts;
  readonly #ended = new Map<string, readonly EndedApp[]>();
  readonly #open = new Set<OpenSeal>();
  #closed = false;
  readonly epoch = 0;

  constructor(parts: AloneParts) {
    this.#parts = parts;
  }

  mayAccept(): boolean {
    return !this.#closed;
  }

  waitToAccept(): Promise<boolean> {
    return Promise.resolve(this.mayAccept());
  }

  onEpoch(): void {}

  onChange(): void {}

  ended(closing: Closing, apps: readonly EndedApp[]): void {
    if (apps.length > 0) this.#ended.set(nameOf(closing), apps);
  }

  seal(closing: Closing): Seal {
    const name = nameOf(closing);
    const ended = new Map([[this.#parts.node, this.#ended.get(name) ?? []]]);
    this.#ended.delete(name);
    const seal = new OpenSeal([this.#parts.node], () => this.#open.delete(seal));
    this.#open.add(seal);
    void this.#store(seal, ended);
    return seal;
  }

  view(): FinalityView {
    return {
      mode: 'alone',
      leaseMs: 0,
      voters: [],
      quorum: 0,
      vote: undefined,
      standing: 'up',
      waitsFor: undefined,
      leases: [],
      accepting: this.mayAccept(),
      epoch: 0,
      outstanding: this.#open.size,
    };
  }

  close(): void {
    this.#closed = true;
    this.#open.clear();
  }

  async #store(seal: OpenSeal, ended: ReadonlyMap<string, readonly EndedApp[]>): Promise<void> {
    try {
      await this.#parts.flush?.();
    } catch {
      if (this.#open.has(seal)) this.#parts.clock.after(retryMs, () => void this.#store(seal, ended));
      return;
    }
    this.#open.delete(seal);
    seal.came({ state: 'complete', finalAt: undefined, confirmed: [this.#parts.node], outstanding: [], ended });
    seal.cameEverywhere();
  }
}
