/**
 * Closes what is over by its limits or its epoch, in slices, so that memory of sessions is freed and
 * listeners hear of it. Judging needs no sweep: a use is judged when it happens (V51, V56).
 */

import type { Clock } from '../clock.ts';
import type { Cause, OpenEntry, SsoEntry } from '../entry.ts';
import type { Copies } from '../gossip/copies.ts';
import type { SsoId } from '../token.ts';
import type { Look } from './look.ts';

export interface SweeperParts {
  readonly entries: Pick<Copies<SsoEntry>, 'entries'>;
  readonly clock: Clock;
  readonly look: (id: SsoId) => Look;
  readonly closeOver: (id: SsoId, entry: OpenEntry, cause: Cause) => void;
  /** Asks the members for what seems unused, and closes what nobody used. */
  readonly closeDoubtful: (ids: readonly SsoId[]) => Promise<void>;
}

/** Entries that a sweep judges in one go before other work gets its turn. */
const slice = 1_000;
/** Entries that a sweep asks the members for at once. */
const asks = 256;

export class Sweeper {
  readonly #parts: SweeperParts;
  #sweeping = false;
  #ending: Promise<void> | undefined;
  #endAgain = false;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      let doubtful: SsoId[] = [];
      await this.#each(async (id, entry, look) => {
        if (look.state === 'over') this.#parts.closeOver(id, entry, look.cause);
        else if (look.state === 'doubtful') doubtful.push(id);
        if (doubtful.length < asks) return;
        await this.#parts.closeDoubtful(doubtful);
        doubtful = [];
      });
      if (doubtful.length > 0) await this.#parts.closeDoubtful(doubtful);
    } finally {
      this.#sweeping = false;
    }
  }

  /** A later epoch has begun: closes the entries of those before it, without asking anybody. */
  endEpochs(): Promise<void> {
    this.#endAgain = true;
    return (this.#ending ??= this.#endAll().finally(() => (this.#ending = undefined)));
  }

  async #endAll(): Promise<void> {
    while (this.#endAgain) {
      this.#endAgain = false;
      await this.#each((id, entry, look) => {
        if (look.state === 'over') this.#parts.closeOver(id, entry, look.cause);
      });
    }
  }

  async #each(visit: (id: SsoId, entry: OpenEntry, look: Look) => Promise<void> | void): Promise<void> {
    const { entries, clock, look } = this.#parts;
    let judged = 0;
    for (const [key, entry] of entries.entries()) {
      const id = key as SsoId;
      if (entry.state === 'open') {
        const visiting = visit(id, entry, look(id));
        if (visiting !== undefined) await visiting;
      }
      if (++judged % slice === 0) await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }
}
