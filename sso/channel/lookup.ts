/**
 * Members by a DNS name, as orchestrators give it: looked up again and again, often until somebody is
 * found and seldom after that. An answer that fails changes nothing.
 */

import { lookup as systemLookup } from 'node:dns/promises';
import type { Cancel, Clock } from '../clock.ts';
import { formatAddress } from './address.ts';

/** The IP addresses that `name` stands for. Rejects with the code `ENOTFOUND` if there is no such name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** As the operating system resolves it, its hosts file included. */
export const systemResolve: Resolve = async (name) =>
  (await systemLookup(name, { all: true })).map(({ address }) => address);

export interface LookupParts {
  readonly clock: Clock;
  readonly name: string;
  readonly port: number;
  readonly resolve: Resolve;
  /** Between two look-ups, milliseconds, once something was found. */
  readonly everyMs: number;
  /** Between two look-ups until then. */
  readonly firstMs: number;
  found(addresses: readonly string[]): void;
  failed(error: Error): void;
}

/** More addresses than this of one name are left out. */
const addressesAtMost = 1_000;

export class Lookup {
  readonly #parts: LookupParts;
  #cancel: Cancel = () => {};
  #stopped = false;
  #found = false;
  /** Whether the name was answered for at least once, be it that it does not exist. */
  answered = false;

  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, name, resolve, everyMs, firstMs } = this.#parts;
    const again = () => {
      if (!this.#stopped) this.#cancel = clock.after(this.#found ? everyMs : firstMs, () => this.start());
    };
    resolve(name)
      .then(
        (ips) => this.#take(ips),
        (error: NodeJS.ErrnoException) => this.#fail(error),
      )
      .finally(again);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #take(ips: readonly string[]): void {
    if (this.#stopped) return;
    this.answered = true;
    this.#found = ips.length > 0;
    this.#parts.found(ips.slice(0, addressesAtMost).map((ip) => formatAddress(ip, this.#parts.port)));
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#stopped) return;
    this.answered ||= error.code === 'ENOTFOUND';
    this.#parts.failed(error);
  }
}
