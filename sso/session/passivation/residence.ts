/** What the table of sessions tells and asks passivation, which knows what is in memory and what lies on the disk. */

import type { LiveSession } from '../record.ts';

export interface Residence {
  /**
   * Before a session is made that takes no other one's place: makes room for it among those of its application that are in
   * memory, where there is a limit. @throws SsoError ERR_LIMIT_REACHED there is none to be had; nothing was changed
   */
  admit(app: string): void;
  /** A request of this node used the session, just now. */
  used(key: string): void;
  /**
   * Before what is in a session is used: brings it back into memory, if it lies on the disk. False: what was found there cannot
   * be believed, and the session is to be had from another member or not at all.
   */
  activate(key: string, session: LiveSession): boolean;
}
