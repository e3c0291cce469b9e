/** What this node answers when others ask for data, or whether theirs is still needed. */

import type { Copies } from '../../gossip/copies.ts';
import { targetFrameBytes } from '../../gossip/message.ts';
import { fits } from '../../gossip/outbox.ts';
import { hasData, type SessionRecord } from '../record.ts';
import type { Company } from './company.ts';
import { includes, wholeText } from './content.ts';
import { fetchedFrame, offeredFrame, type Versions } from './frames.ts';
import { isListed, type PlacedSession, placedOf } from './holders.ts';
import type { Lane } from './lane.ts';

export interface AnswersParts {
  readonly node: string;
  readonly life: string;
  readonly copies: Pick<Copies<SessionRecord>, 'get'>;
  readonly company: Pick<Company, 'isOver' | 'lives'>;
  /** The lane to a node that can be reached. */
  readonly laneTo: (node: string) => Lane | undefined;
  /** Gives a session of this life buddies in the place of those that are gone. */
  readonly replace: (key: string, session: PlacedSession) => void;
}

/** What is to be said of data that a peer offers. */
export interface Offered {
  /** What of it is kept where it is to be, and what is wanted here: neither, of what has ended, and where nothing can be said. */
  readonly frame: Uint8Array;
  /**
   * Sessions that have ended, which the peer does not know: the end is what it is to be told. Were their data called kept, and
   * this node gone before anybody has heard of the end, they would go on without what the peer alone had.
   */
  readonly ended: readonly string[];
}

export class Answers {
  readonly #parts: AnswersParts;

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  /** Says what is here of these sessions, a session in a step. Of the owner's living life that is all there is, were it nothing. */
  *fetched(id: number, keys: readonly string[], say: (frame: Uint8Array) => void): Generator<undefined> {
    let items: string[] = [];
    let missing: string[] = [];
    let length = 0;
    const close = () => {
      say(fetchedFrame(id, items, missing));
      [items, missing, length] = [[], [], 0];
    };
    for (const key of new Set(keys)) {
      const record = this.#parts.copies.get(key);
      const text = record !== undefined && this.#isHere(record) ? wholeText(record) : undefined;
      if (text === undefined) missing.push(key);
      else if (fits(text)) {
        if (length > 0 && length + text.length > targetFrameBytes) close();
        items.push(JSON.stringify(key), text);
        length += text.length;
      }
      // No frame can carry it: that is no answer, rather than "not here".
      yield;
    }
    if (items.length > 0 || missing.length > 0) close();
  }

  offered(id: number, versions: Versions): Offered {
    const { node, life, copies, company } = this.#parts;
    const kept: string[] = [];
    const wanted: string[] = [];
    const ended: string[] = [];
    for (let index = 0; index < versions.length; index += 2) {
      const key = versions[index]!;
      const record = copies.get(key);
      if (record?.state === 'ended') ended.push(key);
      const session = placedOf(record);
      if (session === undefined) continue;
      const isMine = session.owner === life;
      if (!isMine && !(isListed(session, node) && company.isOver(session.owner))) continue;
      if (!includes(session, versions[index + 1]!)) wanted.push(key);
      else if (!isMine || this.#isKept(key, session)) kept.push(key);
    }
    // Also where nothing can be said: an offer without an answer would stand in the way of others for seconds.
    return { frame: offeredFrame(id, kept, wanted), ended };
  }

  #isHere(record: SessionRecord): boolean {
    if (record.state !== 'live') return record.state === 'ended';
    return record.owner === this.#parts.life || hasData(record);
  }

  /** Whether all buddies of a session of this life have what is here, as far as they live, and one does. Where none lives others are chosen. */
  #isKept(key: string, session: PlacedSession): boolean {
    const { laneTo, company, replace } = this.#parts;
    const living = session.buddies.filter((node) => company.lives(node));
    if (living.length === 0) replace(key, session);
    return living.length > 0 && living.every((node) => laneTo(node)?.hasAll(key) === true);
  }
}
