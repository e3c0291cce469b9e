/** What peers send: it is merged, confirmed, answered, or given to whoever waits for it. Of a life that is gone nothing is believed. */

import type { Peer } from '../../channel/channel.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Counters } from '../../gossip/counters.ts';
import type { Lattice } from '../../gossip/lattice.ts';
import { lifeOf } from '../../life.ts';
import { hasData, type SessionRecord } from '../record.ts';
import type { Turns } from '../turns.ts';
import type { Answers } from './answers.ts';
import type { CoHeld } from './co-held.ts';
import { answerBuckets, answerDigest } from './comparing.ts';
import { readRecord } from './content.ts';
import type { Fetches } from './fetches.ts';
import { type BuddyMessage, fetchAtMost } from './frames.ts';
import { placedOf } from './holders.ts';
import type { Lines } from './lines.ts';
import type { Offers } from './offers.ts';

/** Buckets of an answer that are looked at in one turn; fewer if they take long. */
const slice = 1_024;

export interface ArrivalsParts {
  readonly life: string;
  readonly copies: Copies<SessionRecord>;
  /** That of `copies`. */
  readonly lattice: Lattice<SessionRecord>;
  /** The time of a majority, milliseconds: what claims to be far beyond it is capped. */
  readonly latest: () => number;
  readonly lines: Lines;
  readonly coHeld: CoHeld;
  readonly turns: Pick<Turns, 'run' | 'runFirst'>;
  readonly answers: Answers;
  readonly fetches: Fetches;
  readonly offers: Offers;
  /** Peers have these now. */
  readonly confirmed: (keys: readonly string[]) => void;
  readonly say: (to: Peer, frame: Uint8Array) => void;
  readonly counters: Counters;
}

type Of<T extends BuddyMessage['type']> = BuddyMessage & { readonly type: T };

export class Arrivals {
  readonly #parts: ArrivalsParts;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  handle(from: Peer, message: BuddyMessage): void {
    const { answers, fetches, offers, coHeld, copies, say } = this.#parts;
    const line = this.#parts.lines.at(from);
    if (line === undefined) return;
    switch (message.type) {
      case 'carry':
        this.#carry(from, message);
        return;
      case 'carried':
        this.#carried(from, message);
        return;
      case 'fetch':
        this.#parts.turns.runFirst(
          answers.fetched(message.id, message.keys, (frame) => say(from, frame)),
          fetchAtMost,
        );
        return;
      case 'fetched':
        fetches.fetched(from, message.id, this.#given(from, message), message.missing);
        return;
      case 'offer': {
        const { frame, ended } = answers.offered(message.id, message.versions);
        say(from, frame);
        // As the answer to a question: whoever gets that merges it first, asked or not.
        if (ended.length > 0)
          this.#parts.turns.run(
            answers.fetched(message.id, ended, (told) => say(from, told)),
            fetchAtMost,
          );
        return;
      }
      case 'offered':
        offers.offered(from, message.id, message.kept, message.wanted);
        return;
      case 'digest':
        this.#answer(from, answerDigest(coHeld.kept(from.node), message, copies.size));
        return;
      case 'differs':
        line.comparing.differs(message.id, message.next, message.groups);
        return;
      case 'buckets': {
        const { id, minute, buckets } = message;
        const pair = coHeld.kept(from.node);
        const isHere = (key: string) => this.#isHere(key, from);
        this.#answer(from, answerBuckets(pair, id, minute, buckets, isHere));
        return;
      }
      case 'keys':
        line.comparing.keys(message.id, message.done, message.hashes);
        return;
      default:
        message satisfies never;
    }
  }

  /** Works on an answer in turns, and then says it. */
  #answer(to: Peer, answer: Generator<undefined, Uint8Array>): void {
    const { turns, say } = this.#parts;
    const steps = function* () {
      say(to, yield* answer);
    };
    turns.run(steps(), slice);
  }

  /** Merges what a peer holds or changed, then confirms it. */
  #carry(from: Peer, { number, items }: Of<'carry'>): void {
    const lacking: string[] = [];
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index] as string;
      if (this.#merge(from, key, items[index + 1]) === 'lacking') lacking.push(key);
    }
    this.#parts.counters.count('buddy-received', items.length / 2);
    this.#parts.lines.confirm(from, number, lacking);
  }

  #carried(from: Peer, { numbers, lacking }: Of<'carried'>): void {
    const { lines, counters, confirmed } = this.#parts;
    const { lane } = lines.at(from)!;
    counters.count('buddy-lacked', lacking.length);
    confirmed(lane.carried(numbers, lacking));
    if (lane.canSend) lines.flushSoon();
  }

  /** Merges what came of what was asked for. Returns the keys. */
  #given(from: Peer, { items }: Of<'fetched'>): readonly string[] {
    const given: string[] = [];
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index] as string;
      if (this.#merge(from, key, items[index + 1]) !== 'lacking') given.push(key);
    }
    return given;
  }

  /** `lacking`: it was not merged, since what it builds on is not here, or cannot be read. */
  #merge(from: Peer, key: string, data: unknown): 'lacking' | undefined {
    const { copies, lattice, latest, counters, offers, life } = this.#parts;
    const value = readRecord(lattice, data, latest());
    if (value === undefined) {
      counters.count('buddy-dropped');
      return 'lacking';
    }
    if (lattice.lacks?.(copies.get(key), value) === true) return 'lacking';
    const held = placedOf(copies.settle(key, value));
    // This node has what the sender has not, or what the owner may not have: its frame may be lost, and with it the sender.
    if (held !== undefined && held.owner !== life && value.state === 'live' && hasData(held))
      if (held.data.version !== value.data.version || held.owner !== lifeOf(from)) offers.stray(key);
    return undefined;
  }

  /** Whether a buddy has what an owner's node asks about; whose life is over that node may lack it, and gets it offered. */
  #isHere(key: string, asker: Peer): boolean {
    const { copies, offers } = this.#parts;
    const session = placedOf(copies.get(key));
    if (session === undefined || !hasData(session)) return false;
    offers.refillOne(key, session, [asker.node]);
    return true;
  }
}
