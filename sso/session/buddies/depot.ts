/**
 * What the table of sessions asks and tells the room that keeps data with some nodes only (JBoss guide, buddy
 * replication): whom to choose, what changed, and to fetch what is not here.
 */

import type { LiveSession, SessionRecord } from '../record.ts';
import type { Alteration } from '../teller.ts';

/** So many nodes beside the owner's hold the data of an application's sessions; `total`: every node. */
export type CopiesWanted = 'total' | number;

/** What became of data that was looked for. */
export type Fetched =
  /** What living holders have is merged: this node may take the session over. */
  | 'here'
  /** Everybody who could hold it answered, or is gone for good, and nobody has it. */
  | 'lost'
  /** Somebody may hold it who cannot be asked now. */
  | 'out of reach';

export interface Depot {
  /**
   * The buddies of a session that this node serves: those of `present` that live, and others in their place. The same list
   * (the same reference) where nothing is to change; `undefined`: every node is to have the data.
   */
  choose(key: string, wanted: CopiesWanted | undefined, present?: readonly string[]): readonly string[] | undefined;
  /**
   * Keeps what this node made of a record that it serves and that has buddies, tells them what was altered, and the others
   * what is theirs to know. As `Copies.put`. `silent`: nothing but the data changed, and the others need not hear of it. `alone`: what was
   * altered goes to the buddies in a frame of its own, as long as they keep up.
   */
  put(
    key: string,
    session: LiveSession,
    altered: Alteration,
    silent: boolean,
    alone?: boolean,
  ): SessionRecord | undefined;
  /** Why `put` refuses a session: it is over already and nothing is held under the key, or no frame can carry its data. */
  refuses(key: string, session: LiveSession): 'over' | 'too-large' | undefined;
  /**
   * Asks the holders of a session that another node serves or served, once, for at most a second, and merges what comes. `here` also where
   * the record ended meanwhile, or this node came to serve it: look again. Parallel ones of a key are one.
   */
  fetch(key: string, session: LiveSession): Promise<Fetched>;
  /** Resolves once a living buddy has what was put of this session, or there is none, at the latest after `ms`. */
  stored(key: string, ms: number): Promise<void>;
}
