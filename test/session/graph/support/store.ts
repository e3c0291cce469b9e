/** A session that is written by one request after the other, over what is plainly stored. */

import { type Class, Classes } from '../../../../sso/session/graph/classes.ts';
import type { Granularity } from '../../../../sso/session/graph/stored.ts';
import { type Found, readAll, removed, Tracker } from '../../../../sso/session/graph/tracker.ts';
import { NaiveFields } from './naive-fields.ts';

let prefixes = 0;

export class Store {
  stored = new NaiveFields();
  readonly classes: Classes;
  readonly granularity: Granularity;
  readonly #maxLength: number;

  constructor(granularity: Granularity, classes: readonly Class[] = [], maxLength = 100_000) {
    this.granularity = granularity;
    this.classes = new Classes(classes);
    this.#maxLength = maxLength;
  }

  tracker(granularity = this.granularity): Tracker {
    return new Tracker(this.stored, {
      granularity,
      classes: this.classes,
      partPrefix: () => `p${prefixes++}`,
      maxLength: this.#maxLength,
    });
  }

  /** One request: what `work` does to its attributes is found and written. All that it got or set counts as touched. */
  request(work: (session: Record<string, Anything>) => void, granularity = this.granularity): Found {
    const tracker = this.tracker(granularity);
    const touched = new Map<string, unknown>();
    const session = new Proxy({} as Record<string, Anything>, {
      get: (_, name: string) => {
        if (!touched.has(name)) touched.set(name, tracker.read(name));
        return touched.get(name);
      },
      set: (_, name: string, value) => {
        touched.set(name, value);
        return true;
      },
      deleteProperty: (_, name: string) => touched.set(name, removed) !== undefined,
    });
    work(session);
    const found = tracker.compare(touched);
    this.stored = this.stored.change(found.changes);
    return found;
  }

  /** As another node reads it. */
  all(): Record<string, Anything> {
    return readAll(this.stored, this) as Record<string, Anything>;
  }
}

/** What an application knows of its own attributes. */
// biome-ignore lint/suspicious/noExplicitAny: tests read deep into sessions, as applications do
type Anything = any;

export const granularities: readonly Granularity[] = ['SESSION', 'ATTRIBUTE', 'FIELD'];
