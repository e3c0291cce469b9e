/**
 * What is said at the start of settings of an application and of the cluster that do not go together: only the node has both. It
 * waits until this turn is over, since what one application makes no use of another one that is mounted with it may need.
 */

import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { buddiesWanted } from '../buddies/choice.ts';
import type { CopiesWanted } from '../buddies/depot.ts';

export interface PlacementParts {
  readonly clock: Pick<Clock, 'soon'>;
  readonly log: Log;
  /** The nodes of the cluster as they are known now, this one included; Infinity: they cannot be counted. */
  readonly nodes: () => number;
  /** The node's `cluster.buddyPool`; '': none. */
  readonly buddyPool: string;
}

export class Placement {
  readonly #parts: PlacementParts;
  readonly #wanted = new Map<string, CopiesWanted | undefined>();
  readonly #told = new Set<string>();
  #isDue = false;

  constructor(parts: PlacementParts) {
    this.#parts = parts;
  }

  /** An application has been mounted whose sessions are to be on so many nodes beside their own. */
  note(app: string, wanted: CopiesWanted | undefined): void {
    const { clock, buddyPool } = this.#parts;
    this.#wanted.set(app, wanted);
    if (this.#isDue || (typeof wanted !== 'number' && buddyPool === '')) return;
    this.#isDue = true;
    clock.soon(() => this.#advise());
  }

  #advise(): void {
    this.#isDue = false;
    const { nodes, buddyPool } = this.#parts;
    const known = nodes();
    for (const [app, wanted] of this.#wanted)
      if (typeof wanted === 'number' && wanted >= known)
        this.#tell(
          { app, buddies: wanted, nodes: known },
          known === 1
            ? 'sessions: buddies has no effect, this node is alone'
            : `sessions: buddies is ${wanted}, and beside a session's own the cluster has ${known - 1} as far as is known: its data is on every node`,
        );
    if (buddyPool === '' || [...this.#wanted.values()].some((wanted) => buddiesWanted(wanted, known) !== undefined))
      return;
    const everywhere = [...this.#wanted.values()].every((wanted) => wanted === 'total');
    const why = everywhere
      ? 'all applications say buddies: "total"'
      : 'in a cluster of up to three nodes that is usual, and no more are known';
    this.#tell({ buddyPool }, `cluster.buddyPool has no effect: the data of all sessions is on every node (${why})`);
  }

  /** Each advice once, however often an application is mounted. */
  #tell(about: object, advice: string): void {
    const all = JSON.stringify([about, advice]);
    if (this.#told.has(all)) return;
    this.#told.add(all);
    this.#parts.log.warn(about, advice);
  }
}
