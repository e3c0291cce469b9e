/**
 * How many sessions there are. A number that is kept as records change, since nobody can go through a million of them to
 * answer a request: it is told of every change and of every record that is let go of, and then agrees with what is held.
 */

import { isElsewhere, type SessionRecord } from './record.ts';

export class Census {
  readonly #life: string;
  #live = 0;
  /** By application; none that has no session. */
  readonly #byApp = new Map<string, number>();

  /** @param life this life of this node */
  constructor(life: string) {
    this.#life = life;
  }

  /** Live sessions of all applications and nodes. Records of ends are no sessions. */
  get live(): number {
    return this.#live;
  }

  /** Live sessions of one application, but for those whose data stays on another node. */
  of(app: string): number {
    return this.#byApp.get(app) ?? 0;
  }

  /** To be told of each record that changes. `before` is `undefined` for one that is new here, `after` for one that is let go of. */
  changed(before: SessionRecord | undefined, after: SessionRecord | undefined): void {
    this.#live += Number(after?.state === 'live') - Number(before?.state === 'live');
    const was = this.#appOf(before);
    const is = this.#appOf(after);
    if (was === is) return;
    if (is !== undefined) this.#byApp.set(is, this.of(is) + 1);
    if (was === undefined) return;
    const left = this.of(was) - 1;
    if (left > 0) this.#byApp.set(was, left);
    else this.#byApp.delete(was);
  }

  /** For which application it counts, if it does. */
  #appOf(session: SessionRecord | undefined): string | undefined {
    return session?.state === 'live' && !isElsewhere(session, this.#life) ? session.app : undefined;
  }
}
