/**
 * Getting the data of a session that another node serves or served: one question to its living holders, and, where they
 * have nothing, one to everybody else, within a bound. The owner's living life has all there is; of the others each may
 * have what another lacks, so all of them are heard, for a moment; later the first one's word is enough. Nobody's silence
 * is taken for a no.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Cancel, Clock } from '../../clock.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import { hasData, type SessionRecord } from '../record.ts';
import { isSamePeer } from './company.ts';
import type { Fetched } from './depot.ts';
import { fetchAtMost } from './frames.ts';
import { listedOf, type PlacedSession, placedOf } from './holders.ts';

export interface FetchesParts {
  readonly self: Peer;
  readonly record: (key: string) => SessionRecord | undefined;
  /** Who can be reached now. */
  readonly peers: () => ReadonlyMap<string, Peer>;
  /** All members that have not left, this node or others, by name. */
  readonly staying: () => readonly string[];
  /** Whether every configured node has been met in this life. */
  readonly hasMetAll: () => boolean;
  readonly say: (to: Peer, id: number, keys: readonly string[]) => void;
  readonly clock: Pick<Clock, 'after' | 'soon'>;
  /** So long all are heard, milliseconds: one that hangs delays no request for longer. */
  readonly allMs: number;
  /** The longest that one takes, milliseconds. */
  readonly ms: number;
  readonly nextId: () => number;
}

type Word = 'asked' | 'data' | 'none' | 'gone';

interface Fetch {
  readonly key: string;
  readonly words: Map<string, Word>;
  readonly promise: Promise<Fetched>;
  resolve: (fetched: Fetched) => void;
  cancel: Cancel;
  /** The moment in which all are heard is over, and nobody who is to have the data has given it. */
  isLate: boolean;
}

export class Fetches {
  readonly #parts: FetchesParts;
  readonly #life: string;
  readonly #open = new Map<string, Fetch>();
  /** Keys whose fetch ended in this turn: whoever waited for it has not gone on yet. */
  readonly #ended = new Set<string>();
  /** Keys to ask for in this turn. */
  readonly #toAsk = new Map<Peer, string[]>();
  readonly #questions = new Map<number, { readonly peer: Peer; readonly keys: Set<string> }>();

  constructor(parts: FetchesParts) {
    this.#parts = parts;
    this.#life = lifeOf(parts.self);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether somebody is about to take the session over: what came for that must not go again. */
  isBusy(key: string): boolean {
    return this.#open.has(key) || this.#ended.has(key);
  }

  fetch(key: string): Promise<Fetched> {
    const known = this.#open.get(key);
    if (known !== undefined) return known.promise;
    let resolve: (fetched: Fetched) => void = () => {};
    const promise = new Promise<Fetched>((done) => {
      resolve = done;
    });
    const fetch: Fetch = { key, words: new Map(), promise, resolve, cancel: () => {}, isLate: false };
    this.#open.set(key, fetch);
    this.#advance(fetch);
    if (this.#open.has(key)) fetch.cancel = this.#parts.clock.after(this.#parts.allMs, () => this.#late(fetch));
    return promise;
  }

  /** Part of a peer's answer, after what came with it was merged. */
  fetched(from: Peer, id: number, given: Iterable<string>, missing: Iterable<string>): void {
    const question = this.#questions.get(id);
    if (question === undefined || !isSamePeer(question.peer, from)) return;
    const note = (key: string, word: Word) => {
      if (!question.keys.delete(key)) return;
      const fetch = this.#open.get(key);
      if (fetch === undefined) return;
      fetch.words.set(from.node, word);
      this.#advance(fetch);
    };
    for (const key of given) note(key, 'data');
    for (const key of missing) note(key, 'none');
    if (question.keys.size === 0) this.#questions.delete(id);
  }

  down(peer: Peer): void {
    for (const [id, question] of this.#questions) if (isSamePeer(question.peer, peer)) this.#questions.delete(id);
    for (const fetch of [...this.#open.values()]) {
      if (fetch.words.get(peer.node) === 'asked') fetch.words.set(peer.node, 'gone');
      this.#advance(fetch);
    }
  }

  close(): void {
    for (const fetch of [...this.#open.values()]) this.#end(fetch, 'out of reach');
    this.#questions.clear();
  }

  /** A holder that is busy, as when another has just died, is better waited for than a request refused. */
  #late(fetch: Fetch): void {
    const { clock, ms, allMs } = this.#parts;
    const fetched = this.#last(fetch);
    const session = placedOf(this.#parts.record(fetch.key));
    const isAwaited = session !== undefined && listedOf(session).some((node) => fetch.words.get(node) === 'asked');
    if (fetched !== 'out of reach' || !isAwaited) return void this.#end(fetch, fetched);
    fetch.isLate = true;
    fetch.cancel = clock.after(ms - allMs, () => this.#end(fetch, this.#last(fetch)));
  }

  #advance(fetch: Fetch): void {
    const fetched = this.#next(fetch);
    if (fetched !== undefined) this.#end(fetch, fetched);
  }

  /** Asks whoever is to be asked next; `undefined`: an answer is waited for. */
  #next(fetch: Fetch): Fetched | undefined {
    const session = placedOf(this.#parts.record(fetch.key));
    if (session === undefined || this.#isServed(session)) return 'here';
    const { words } = fetch;
    const peers = this.#parts.peers();
    const owner = peers.get(nodeOf(session.owner));
    if (owner !== undefined && lifeOf(owner) === session.owner && words.get(owner.node) === 'data') return 'here';
    const listed = listedOf(session);
    if (fetch.isLate && this.#isAtListed(fetch, session, listed)) return 'here';
    if (this.#askAll(fetch, listed, peers)) return undefined;
    if (this.#isAtListed(fetch, session, listed)) return 'here';
    return this.#askAll(fetch, peers.keys(), peers) ? undefined : this.#last(fetch);
  }

  /** Whether it is this node's own, and its disk has not lost what was put there. */
  #isServed({ owner, data }: PlacedSession): boolean {
    return owner === this.#life && !data.isLost;
  }

  /** Whether one that is to hold the data has given it, or is this node. */
  #isAtListed({ words }: Fetch, session: PlacedSession, listed: readonly string[]): boolean {
    return (
      listed.some((node) => words.get(node) === 'data') || (hasData(session) && listed.includes(this.#parts.self.node))
    );
  }

  /** Returns whether an answer of one of them is waited for. */
  #askAll({ key, words }: Fetch, nodes: Iterable<string>, peers: ReadonlyMap<string, Peer>): boolean {
    let waits = false;
    for (const node of nodes) {
      const peer = peers.get(node);
      if (peer !== undefined && !words.has(node)) {
        words.set(node, 'asked');
        this.#ask(peer, key);
      }
      waits ||= words.get(node) === 'asked';
    }
    return waits;
  }

  /** What is to be said of it, now that no more is waited for. */
  #last(fetch: Fetch): Fetched {
    const { self, record, hasMetAll } = this.#parts;
    const session = placedOf(record(fetch.key));
    if (session === undefined || this.#isServed(session)) return 'here';
    const listed = listedOf(session);
    if (this.#isAtListed(fetch, session, listed)) return 'here';
    const staying = this.#parts.staying();
    const answered = (node: string) => node === self.node || isAnswer(fetch.words.get(node));
    const isGone = (node: string) => hasMetAll() && !staying.includes(node);
    // A copy of somebody who is not to have one may be older than what a holder has that cannot be asked.
    if (!listed.every((node) => answered(node) || isGone(node))) return 'out of reach';
    if (hasData(session)) return 'here';
    return hasMetAll() && staying.every(answered) ? 'lost' : 'out of reach';
  }

  #end(fetch: Fetch, fetched: Fetched): void {
    if (!this.#open.delete(fetch.key)) return;
    if (this.#ended.size === 0) this.#parts.clock.soon(() => this.#ended.clear());
    this.#ended.add(fetch.key);
    fetch.cancel();
    fetch.resolve(fetched);
  }

  #ask(peer: Peer, key: string): void {
    if (this.#toAsk.size === 0) this.#parts.clock.soon(() => this.#flush());
    const keys = this.#toAsk.get(peer);
    if (keys === undefined) this.#toAsk.set(peer, [key]);
    else keys.push(key);
  }

  #flush(): void {
    const toAsk = [...this.#toAsk];
    this.#toAsk.clear();
    for (const [peer, keys] of toAsk) {
      for (let from = 0; from < keys.length; from += fetchAtMost) {
        const some = keys.slice(from, from + fetchAtMost);
        const id = this.#parts.nextId();
        this.#questions.set(id, { peer, keys: new Set(some) });
        this.#parts.clock.after(this.#parts.ms, () => void this.#questions.delete(id));
        this.#parts.say(peer, id, some);
      }
    }
  }
}

const isAnswer = (word: Word | undefined): boolean => word === 'data' || word === 'none';
