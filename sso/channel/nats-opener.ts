/**
 * Opens what members sealed. The keys of stays that have proven themselves once are kept, so a frame costs
 * one decryption; a stranger's costs a derivation too, leaves nothing behind, and is counted.
 */

import type { MeshKey } from '../keys.ts';
import { open, type Sealed, stayKey } from './nats-envelope.ts';

/** Stays whose keys are kept. */
const keptAtMost = 1_024;

/** Why a message is nobody's: sealed with a secret unknown here, or made or changed by somebody without one. */
export type NotOpened = 'key' | 'forged';

export class NatsOpener {
  readonly #cluster: string;
  readonly #keys: (node: string) => readonly MeshKey[];
  readonly #kept = new Map<string, Buffer>();

  constructor(cluster: string, keys: (node: string) => readonly MeshKey[]) {
    this.#cluster = cluster;
    this.#keys = keys;
  }

  open(sealed: Sealed): Buffer | NotOpened {
    const { stay, keyId } = sealed;
    const name = `${stay.node} ${stay.incarnation} ${stay.count} ${stay.salt} ${keyId}`;
    const kept = this.#kept.get(name);
    const key = kept ?? this.#derive(sealed);
    if (key === undefined) return 'key';
    const payload = open(this.#cluster, key, sealed);
    if (payload === undefined) return 'forged';
    if (kept === undefined) {
      if (this.#kept.size >= keptAtMost) this.#kept.clear();
      this.#kept.set(name, key);
    }
    return payload;
  }

  #derive({ stay, keyId }: Sealed): Buffer | undefined {
    const found = this.#keys(stay.node).find((one) => one.keyId === keyId);
    return found === undefined ? undefined : stayKey(found.key, stay);
  }
}
