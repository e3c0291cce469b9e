/** What the registry asks the members, once and bounded: for an entry it does not know, and for uses it may not have seen. */

import { SsoError } from '../errors.ts';
import type { Asked } from '../gossip/copies.ts';
import type { SsoId } from '../token.ts';
import type { RegistryParts } from './parts.ts';

export class Asking {
  readonly #parts: Pick<RegistryParts, 'entries' | 'subjects' | 'links'>;

  constructor(parts: Pick<RegistryParts, 'entries' | 'subjects' | 'links'>) {
    this.#parts = parts;
  }

  /** An entry that comes by asking is followed by its subject: it must not outrun the end of its user. */
  async fetch(id: SsoId): Promise<Asked> {
    const { entries, subjects } = this.#parts;
    const asked = await entries.ask([id]);
    const entry = entries.get(id);
    if (entry?.state === 'open') await subjects.ask([entry.principal.name]);
    return asked;
  }

  /**
   * A receipt for what was not ended would lie (check 22).
   * @throws SsoError ERR_NOT_SIGNED_IN nobody knows it · ERR_UNAVAILABLE it is unknown here, and not everybody could be asked
   */
  async requireKnown(id: SsoId): Promise<void> {
    const { everybody } = await this.fetch(id);
    if (this.#parts.entries.get(id) !== undefined) return;
    if (everybody) throw new SsoError('ERR_NOT_SIGNED_IN', 'there is no such sign-on');
    throw new SsoError('ERR_UNAVAILABLE', 'the sign-on is unknown here, and not every node could be asked for it');
  }

  /** Whether entries that seem unused were used elsewhere: they and their sessions are asked for. */
  async refresh(ids: readonly SsoId[]): Promise<Asked> {
    const { entries, links } = this.#parts;
    const keys = ids.flatMap((id) => links.keysOf(id));
    const answers = await Promise.all([entries.ask(ids), ...(keys.length === 0 ? [] : [links.ask(keys)])]);
    return { everybody: answers.every(({ everybody }) => everybody), living: answers.every(({ living }) => living) };
  }
}
