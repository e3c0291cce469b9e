/**
 * Which addresses are dialled, and when: those that the operator configured, those that a DNS name gives
 * and those that members name. An address rests while its member is connected, whoever dialled whom; it
 * is tried again with a back-off that doubles, and with jitter, so that a cluster which comes back does
 * not knock in step. The first redial comes within half a second: most outages are a restart.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { DialFailure } from './dial-failure.ts';

export interface DialerParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The longest wait before the first redial, milliseconds; at least half of it is waited. */
  readonly redialMs: number;
  /** The longest wait before any redial. */
  readonly redialAtMostMs: number;
  /** Opens a connection; ends in `reached` or `failed`. `attempt` counts the refusals of our credentials. */
  dial(address: string, attempt: number): void;
  /** Whether this node's member is connected. */
  connected(node: string): boolean;
}

/** Who named an address. The first two are the operator's. */
export type AddressSource = 'configured' | 'dns' | 'members';

interface Target {
  readonly address: string;
  /** Reached or refused at least once: something, or certainly nothing, is there. */
  tried: boolean;
  /** Who was met there last. */
  node: string | undefined;
  failures: number;
  /** Times that our credentials were refused. */
  attempt: number;
  state: 'resting' | 'waiting' | 'dialling';
  cancel: Cancel;
}

export class Dialer {
  readonly #parts: DialerParts;
  readonly #named = new Map<AddressSource, readonly string[]>();
  readonly #targets = new Map<string, Target>();
  /** This node's own. */
  readonly #own = new Set<string>();
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(parts: DialerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#state = 'started';
    for (const target of this.#targets.values()) this.#dial(target);
  }

  stop(): void {
    this.#state = 'stopped';
    for (const target of this.#targets.values()) target.cancel();
  }

  /** From now on `source` names these addresses, and no others. */
  name(source: AddressSource, addresses: readonly string[]): void {
    this.#named.set(source, addresses);
    const named = new Set([...this.#named.values()].flat().filter((address) => !this.#own.has(address)));
    for (const address of this.#targets.keys()) if (!named.has(address)) this.#leave(address);
    for (const address of named) {
      if (this.#targets.has(address)) continue;
      const target: Target = {
        address,
        tried: false,
        node: undefined,
        failures: 0,
        attempt: 0,
        state: 'resting',
        cancel: () => {},
      };
      this.#targets.set(address, target);
      if (this.#state === 'started') this.#dial(target);
    }
  }

  /** `address` is this node's own: it is not dialled again, whoever names it. */
  own(address: string): void {
    this.#own.add(address);
    this.#leave(address);
  }

  /** `node` was met at `address`, or says that it listens there. */
  met(address: string, node: string): void {
    const target = this.#targets.get(address);
    if (target === undefined) return;
    target.tried = true;
    target.node = node;
  }

  /** The connection of `node` proved lasting: should it end, the next back-off begins anew. */
  settled(node: string): void {
    for (const target of this.#targets.values()) if (target.node === node) target.failures = 0;
  }

  /** A connection that we dialled never began, or `over`: it ended. */
  failed(address: string, why: DialFailure['kind'] | 'over'): void {
    const target = this.#targets.get(address);
    if (target === undefined) return;
    target.state = 'resting';
    target.tried ||= why !== 'unknown';
    if (why === 'credentials') target.attempt += 1;
    this.#wait(target);
  }

  /** The member's connection ended. */
  lost(node: string): void {
    for (const target of this.#targets.values()) if (target.node === node) this.#wait(target);
  }

  /** The operator's addresses that nobody was met at, nor a refusal. */
  pending(): readonly string[] {
    const addresses = new Set([...(this.#named.get('configured') ?? []), ...(this.#named.get('dns') ?? [])]);
    return [...addresses].filter((address) => this.#targets.get(address)?.tried === false);
  }

  #leave(address: string): void {
    this.#targets.get(address)?.cancel();
    this.#targets.delete(address);
  }

  #wait(target: Target): void {
    if (this.#state !== 'started' || target.state !== 'resting') return;
    const { clock, random, redialMs, redialAtMostMs } = this.#parts;
    const most = Math.min(redialMs * 2 ** Math.min(target.failures, 20), redialAtMostMs);
    target.failures += 1;
    target.state = 'waiting';
    const cancel = clock.after(most * (0.5 + random.fraction() / 2), () => this.#dial(target));
    target.cancel = () => {
      cancel();
      target.state = 'resting';
    };
  }

  #dial(target: Target): void {
    if (target.state === 'dialling' || this.#state !== 'started') return;
    target.state = 'resting';
    if (target.node !== undefined && this.#parts.connected(target.node)) return;
    target.state = 'dialling';
    this.#parts.dial(target.address, target.attempt);
  }
}
