/**
 * What passivation knows of one application's sessions on this node, and the guide's conditions (8.2.2): least recently used
 * first, a session goes to the disk if it was not used for longer than `maxIdleMs`, or if there are more than `maxActive` in
 * memory and it was not used for longer than `minIdleMs`. Copies that are held for other nodes count like one's own.
 */

import type { PassivationSettings } from '../options/passivation.ts';
import { LastUse } from './last-use.ts';

export class Residents {
  settings: PassivationSettings;
  /** Those in memory, without what is on its way to the disk. */
  readonly active = new LastUse();
  /** On their way to the disk: chosen, or being written. One that is used meanwhile is active again, and stays. */
  readonly leaving = new Set<string>();
  /** How many lie on the disk. */
  passivated = 0;

  constructor(settings: PassivationSettings) {
    this.settings = settings;
  }

  /** Whether there are more in memory than there should be. `more`: that are about to come. */
  isCrowded(more = 0): boolean {
    return this.active.size + more > this.settings.maxActive;
  }

  /** Whether one that was not used for so long, and is the least recently used, is to be passivated now. */
  isDue(idleMs: number, more = 0): boolean {
    const { passivates, minIdleMs, maxIdleMs } = this.settings;
    return passivates && (idleMs > maxIdleMs || (this.isCrowded(more) && idleMs > minIdleMs));
  }
}
