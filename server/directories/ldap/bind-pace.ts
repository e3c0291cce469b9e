/**
 * How long checking a password takes at the server, so that a name that nobody has takes as long: there is
 * no entry to bind, and the service account's own must not collect wrong passwords. A name that cannot exist
 * is bound, which costs the way there and back, and then the rest of one of the latest real durations is
 * waited for.
 */

import { randomBytes } from 'node:crypto';
import type { LdapConnection } from './connection.ts';

const samplesAtMost = 64;

export class BindPace {
  readonly #samples: number[] = [];
  #next = 0;

  async timed<T>(bind: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await bind();
    this.#samples[this.#next++ % samplesAtMost] = performance.now() - started;
    return result;
  }

  async standIn(connection: LdapConnection, base: string, password: string): Promise<void> {
    const started = performance.now();
    const sample = this.#samples[Math.floor(Math.random() * this.#samples.length)] ?? 0;
    const nobody = `cn=${randomBytes(16).toString('hex')}`;
    await connection.bind(base === '' ? nobody : `${nobody},${base}`, password);
    const restMs = sample - (performance.now() - started);
    // A timer is no finer than this.
    if (restMs >= 1) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}
