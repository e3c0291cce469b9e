/**
 * Applications of one node that check their users in different ways, and take each other's sign-ons: a role
 * of one means what the other made of it, which Tomcat warns of at its start, and so do we (V32). A role
 * mapping is the answer to it: an application that has one is not warned about.
 */

import type { Log } from '../log.ts';

export class Realms {
  readonly #log: Log;
  /** By name, how its users are checked. */
  readonly #checks = new Map<string, unknown>();
  readonly #mapped = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** An application asks for Basic credentials of this realm. */
  note(realm: string, check: unknown, isMapped: boolean): void {
    if (isMapped) this.#mapped.add(realm);
    if (this.#checks.has(realm)) return;
    const other = [...this.#checks].find(([name, known]) => known !== check && !this.#mapped.has(name))?.[0];
    this.#checks.set(realm, check);
    if (other === undefined || isMapped) return;
    this.#log.warn(
      { realm, other },
      'two realms of this node check their users in different ways and share their sign-ons, with the roles as they are: protect({ mapRoles }) says what they mean in each',
    );
  }
}
