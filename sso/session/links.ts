/**
 * Which sessions live off which sign-on: an index over the replicated sessions, kept by key alone. A
 * link *is* a session that names its sign-on; there is no second list that could disagree. Most
 * sign-ons have one to three sessions, so a single key is kept as a string and only more as an array:
 * 102 bytes a link, and the string of the sign-on where nobody else has that very one.
 */

import { BucketedMap } from '../bucketed-map.ts';
import type { SsoId } from '../token.ts';

export class LinkIndex {
  readonly #keys = new BucketedMap<string | string[]>();

  add(signOn: SsoId, key: string): void {
    const known = this.#keys.get(signOn);
    if (known === undefined) this.#keys.set(signOn, key);
    else if (typeof known === 'string') {
      if (known !== key) this.#keys.set(signOn, [known, key]);
    } else if (!known.includes(key)) known.push(key);
  }

  remove(signOn: SsoId, key: string): void {
    const known = this.#keys.get(signOn);
    if (known === key) this.#keys.delete(signOn);
    else if (Array.isArray(known)) {
      const left = known.filter((one) => one !== key);
      if (left.length > 1) this.#keys.set(signOn, left);
      else this.#keys.set(signOn, left[0]!);
    }
  }

  /** The keys of this sign-on's sessions, oldest first. */
  of(signOn: SsoId): readonly string[] {
    const known = this.#keys.get(signOn);
    if (known === undefined) return none;
    return typeof known === 'string' ? [known] : known;
  }
}

const none: readonly string[] = [];
