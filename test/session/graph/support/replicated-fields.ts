/**
 * What is stored as it really is: a session's data, written on one node and carried to the other by a delta
 * or as a whole, through the codecs; the next request is the other node's.
 */

import type { Changes } from '../../../../sso/session/data/changes.ts';
import { applyDelta, canApply, decodeDelta, encodeDelta } from '../../../../sso/session/data/delta.ts';
import { decodeData, SessionData } from '../../../../sso/session/data/session-data.ts';
import type { Fields } from './program.ts';

export class ReplicatedFields implements Fields {
  readonly #here: SessionData;
  readonly #there: SessionData;
  readonly #stamp: number;

  constructor(here = SessionData.empty, there = SessionData.empty, stamp = 1) {
    this.#here = here;
    this.#there = there;
    this.#stamp = stamp;
  }

  get length(): number {
    return this.#here.length;
  }

  fitsInto(bytes: number, changes: Changes): boolean {
    return this.#here.fitsInto(bytes, changes);
  }

  get(part: string, field: string): string | undefined {
    return this.#here.get(part, field);
  }

  fields(part: string): Iterable<readonly [string, string]> {
    return this.#here.fields(part);
  }

  lines(part: string): { readonly names: readonly string[]; readonly text: string } | undefined {
    return this.#here.lines(part);
  }

  parts(): Iterable<string> {
    return this.#here.parts();
  }

  change(changes: Changes): Fields {
    if (changes.fields.length === 0 && changes.gone.length === 0) return this;
    const { data, delta } = this.#here.change(changes, 'n1', this.#stamp);
    const arrived = decodeDelta(carried(encodeDelta(delta)));
    if (arrived === undefined || !canApply(this.#there, arrived)) throw new Error('the delta does not apply');
    const there = this.#stamp % 3 === 0 ? decodeData(carried(data.encode())) : applyDelta(this.#there, arrived);
    if (there?.version !== data.version) throw new Error('the nodes differ');
    if (this.#stamp % 5 === 0) there.pack();
    return new ReplicatedFields(there, data, this.#stamp + 1);
  }

  toJSON(): unknown {
    return this.#here.encode();
  }
}

const carried = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
