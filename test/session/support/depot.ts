/** Where data is that only some nodes have, without a network: what is put is with the buddies at once, and is fetched from whoever is said to hold it. */

import { nodeOf } from '../../../sso/life.ts';
import type { CopiesWanted, Depot, Fetched } from '../../../sso/session/buddies/depot.ts';
import { listedOf, withoutData } from '../../../sso/session/buddies/holders.ts';
import { changeOf, hasData, type LiveSession, type SessionRecord } from '../../../sso/session/record.ts';
import type { Alteration } from '../../../sso/session/teller.ts';
import type { TestCopies } from './world.ts';

export interface DepotPut {
  readonly key: string;
  readonly session: LiveSession;
  readonly altered: Alteration;
  readonly silent: boolean;
}

export class TestDepot implements Depot {
  readonly #life: string;
  readonly #copies: TestCopies;
  readonly #nodes: ReadonlyMap<string, TestCopies>;
  readonly puts: DepotPut[] = [];
  readonly chosen: { readonly wanted: CopiesWanted | undefined; readonly present: readonly string[] | undefined }[] =
    [];
  /** Keys that were fetched. */
  readonly fetched: string[] = [];
  /** What a fetch finds; the data comes along with `here`. */
  finds: Fetched = 'here';
  /** What happens while one is under way. */
  meanwhile: () => void = () => {};
  waits = 0;
  isFull = false;
  /** The buddies that are chosen where a number is wanted. */
  buddies: readonly string[] = [];

  constructor(life: string, copies: TestCopies, nodes: ReadonlyMap<string, TestCopies>) {
    this.#life = life;
    this.#copies = copies;
    this.#nodes = nodes;
  }

  choose(_key: string, wanted: CopiesWanted | undefined, present?: readonly string[]): readonly string[] | undefined {
    this.chosen.push({ wanted, present });
    if (wanted === undefined || wanted === 'total') return undefined;
    return present?.join() === this.buddies.join() ? present : this.buddies;
  }

  put(key: string, session: LiveSession, altered: Alteration, silent: boolean): SessionRecord | undefined {
    if (this.isFull) return undefined;
    this.puts.push({ key, session, altered, silent });
    const written = silent
      ? this.#copies.settle(key, session, true)
      : this.#copies.put(key, session, altered === 'all' ? undefined : changeOf(session, undefined));
    if (written?.state === 'live')
      for (const node of listedOf({ ...written, buddies: written.buddies ?? [] }))
        if (node !== nodeOf(this.#life)) this.#nodes.get(node)?.settle(key, written);
    return written;
  }

  refuses(): 'too-large' | undefined {
    return this.isFull ? 'too-large' : undefined;
  }

  async fetch(key: string): Promise<Fetched> {
    this.fetched.push(key);
    await Promise.resolve();
    this.meanwhile();
    if (this.finds !== 'here') return this.finds;
    for (const copies of this.#nodes.values()) {
      const theirs = copies.get(key);
      if (copies !== this.#copies && theirs?.state === 'live' && hasData(theirs)) this.#copies.settle(key, theirs);
    }
    return 'here';
  }

  async stored(): Promise<void> {
    this.waits++;
  }

  /** Lets go of data here that is neither this life's nor to be held. */
  shed(key: string): void {
    const session = this.#copies.get(key);
    if (session?.state !== 'live' || session.owner === this.#life) return;
    if (session.buddies?.includes(nodeOf(this.#life)) === false) this.#copies.shed(key, withoutData(session));
  }
}
