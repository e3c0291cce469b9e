/**
 * Questions to the other nodes about tokens that are genuine but not known here, or known here only as
 * unused: one at a time for each, and "nobody knows" holds for a second, so that a replayed dead token
 * costs the cluster one question a second and not one a request.
 */

import type { Clock } from '../clock.ts';
import type { Inquiry } from '../registry.ts';
import type { SsoId } from '../token.ts';
import { DerivedCache } from './derived-cache.ts';
import type { ValveRegistry } from './settings.ts';

/** How long an answer holds that found nothing, milliseconds. What arrives by itself meanwhile is seen at once. */
const holdMs = 1_000;
const maxHeld = 20_000;

export class Inquiries {
  readonly #registry: Pick<ValveRegistry, 'inquire'>;
  readonly #held: DerivedCache<Inquiry>;
  readonly #asking = new Map<SsoId, Promise<Inquiry>>();

  constructor(registry: Pick<ValveRegistry, 'inquire'>, clock: Clock) {
    this.#registry = registry;
    this.#held = new DerivedCache(clock, maxHeld);
  }

  /** What a question less than a second ago gave, if it found nothing. */
  held(id: SsoId): Inquiry | undefined {
    return this.#held.get(id);
  }

  ask(id: SsoId): Promise<Inquiry> {
    const asking = this.#asking.get(id);
    if (asking !== undefined) return asking;
    const answer = this.#ask(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }

  async #ask(id: SsoId): Promise<Inquiry> {
    const inquiry = await this.#registry.inquire(id);
    if (inquiry.state === 'unknown' || inquiry.state === 'undecided') this.#held.set(id, inquiry, holdMs);
    return inquiry;
  }
}
