/**
 * The gossip of one node as a state machine: what is put, what arrives and what time it is go in, and a
 * `Step` comes out that says what changed and what is to be sent. No clock, no socket, no chance of its
 * own, so a lost, doubled, late or replayed frame is an argument in a test. Every change goes at once to
 * all members as numbered batches; comparisons (comparison.ts) repair whatever that missed; a peer's
 * batches are confirmed when all up to one are merged, and keys may be asked for. Nothing a peer sends throws.
 */

import type { Peer } from '../channel/channel.ts';
import { Comparer } from './comparer.ts';
import { differsJson, pageJson } from './comparison.ts';
import type { Counters } from './counters.ts';
import type { Change, Lattice } from './lattice.ts';
import { frameOf, type Items, type Message, maxKeyLength, maxValueBytes, parseFrame } from './message.ts';
import { fits, Outbox } from './outbox.ts';
import { PeerState } from './peer.ts';
import { answerJsons, Questions, questionJsons } from './questions.ts';
import type { Replica } from './replica.ts';
import { SharedMaps, written } from './shared-maps.ts';
import { type Moment, type Step, Steps } from './steps.ts';

/** From so many nodes on a round compares with two peers, so that news spreads as fast as in a small cluster. */
const manyNodes = 9;
/** The id of questions and answers that nobody keeps account of. */
const unsolicited = 0;

/** What became of a value that was put. */
export interface Put<V> {
  readonly change: Change<V> | undefined;
  /** Something waits to be sent. */
  readonly noted: boolean;
}

const nothingPut = { change: undefined, noted: false };

export class Core {
  readonly #counters: Counters;
  readonly #maps: SharedMaps;
  readonly #peers = new Map<string, PeerState>();
  #reachable: readonly PeerState[] = [];
  readonly #outbox = new Outbox();
  readonly #questions = new Questions();
  readonly #comparer: Comparer;
  readonly #mark: () => number;

  /** `mark` is told in answers to comparisons (message.ts, differs); `latest` is the time beyond which a peer's value claims too much (shared-maps.ts). */
  constructor(node: string, counters: Counters, mark: () => number = () => 0, latest?: () => number) {
    this.#counters = counters;
    this.#mark = mark;
    this.#maps = new SharedMaps(counters, latest);
    this.#comparer = new Comparer(node, this.#maps, counters);
  }

  /** Shares a map. All of them are declared before the first peer comes up. */
  declare<V>(lattice: Lattice<V>): Replica<V> {
    this.#outbox.declare(lattice.name);
    return this.#maps.declare(lattice);
  }

  /** Peers that can be reached, in the order in which they came. */
  get reachable(): readonly PeerState[] {
    return this.#reachable;
  }

  /** All maps, in the order of their declaration. */
  get replicas(): Iterable<Replica<unknown>> {
    return this.#maps.all;
  }

  /** All peers of which anything is remembered, reachable or not. */
  get peers(): Iterable<PeerState> {
    return this.#peers.values();
  }

  /** The number of the last batch that left. */
  get number(): number {
    return this.#outbox.number;
  }

  /** Whether something waits for `flush`. */
  get isWaiting(): boolean {
    return !this.#outbox.isEmpty;
  }

  /** When `wake` has something to do, by the monotonic clock. */
  get wakeAt(): number | undefined {
    return this.#comparer.wakeAt;
  }

  /** When the comparison that goes on last came forward; `undefined` while none does. */
  get comparingSince(): number | undefined {
    return this.#comparer.touchedAt;
  }

  /** Why `put` would refuse a value. */
  refuses<V>(replica: Replica<V>, key: string, value: V, now: number): 'over' | 'too-large' | undefined {
    if (replica.refuses(key, value, now)) return 'over';
    return key.length > maxKeyLength || !fits(written(replica, value)) ? 'too-large' : undefined;
  }

  /**
   * Merges a value of this node's own; the outcome waits for `flush`, or `told` in its place (copies.ts). No change: it was
   * known, or is refused. `noted`: something waits to be sent.
   */
  put<V>(replica: Replica<V>, key: string, value: V, now: number, told?: V, alone = false): Put<V> {
    const json = told === undefined || !isSurelySmall(replica, value) ? written(replica, value) : undefined;
    if (key.length > maxKeyLength || (json !== undefined && !fits(json))) {
      this.#counters.count('values-too-large');
      return nothingPut;
    }
    const change = replica.merge(key, value, now, true);
    if (change === undefined && (told === undefined || replica.get(key) === undefined)) return nothingPut;
    const { name } = replica.lattice;
    const after = change === undefined ? replica.get(key)! : change.after;
    const whole = () => (after === value && json !== undefined ? json : written(replica, after));
    // What is patient waits for more than a turn: what follows a large one goes as little as it would have gone by itself.
    const mayFollow = () => !this.#outbox.has(name, key) || (isLargeAndPatient(replica, value) && this.#outbox.split());
    const part = told !== undefined && (alone || mayFollow()) ? written(replica, told) : undefined;
    // A delta says of each thing whose change it is: of very many at once it is longer than all that they make up.
    const isWhole = part === undefined || !fits(part);
    const outcome = isWhole ? whole() : part;
    if (!fits(outcome)) {
      this.#counters.count('values-too-large');
      return { change, noted: false };
    }
    if (alone) this.#outbox.noteAlone(name, key, outcome);
    else this.#outbox.note(name, key, outcome);
    if (!isWhole && replica.lattice.isDelta?.(told!)) this.#counters.count('deltas-sent');
    return { change, noted: true };
  }

  /** What was put since the last time, to everybody. `confirm`: somebody waits for the members to have it. */
  flush(confirm: boolean): Step {
    const step = new Steps();
    if (this.reachable.length === 0) this.#outbox.discard();
    for (const frame of this.#outbox.flush(confirm)) step.send.push({ to: 'all', frame });
    this.#counters.count('batches-sent', step.send.length);
    return step;
  }

  /** Asks those who have not confirmed our batches up to `number` to do so, or to say by comparing what they miss. */
  confirm(number: number): Step {
    const step = new Steps();
    const frame = frameOf('confirm', `[${number}]`);
    for (const { peer, acked } of this.reachable) if (acked < number) step.send.push({ to: peer, frame });
    return step;
  }

  /** Tells one peer what is held under these keys. */
  tell(to: Peer, replica: Replica<unknown>, keys: readonly string[]): Step {
    const step = new Steps();
    sendAnswers(step, to, unsolicited, replica, keys);
    return step;
  }

  /** Opens a question to every peer that can be reached. */
  ask(replica: Replica<unknown>, keys: readonly string[]): { readonly id: number; readonly step: Step } {
    const step = new Steps();
    const peers = this.reachable;
    const everyWord = keys.some((key) => replica.get(key) !== undefined);
    const nodes = peers.map(({ peer }) => peer.node);
    const possible = keys.filter((key) => key.length <= maxKeyLength);
    const { id, jsons } = this.#questions.ask(replica.lattice.name, possible, nodes, everyWord);
    for (const json of jsons) {
      const frame = frameOf('question', json);
      for (const { peer } of peers) step.send.push({ to: peer, frame });
    }
    if (this.#questions.isSettled(id)) step.settled.push(id);
    return { id, step };
  }

  /** Ends a question. Returns the nodes that answered in full. */
  closeQuestion(id: number): ReadonlySet<string> {
    return this.#questions.close(id);
  }

  /** A peer can be reached: whatever either side missed is compared at once. */
  up(peer: Peer, moment: Moment): Step {
    const state = this.#stateOf(peer);
    state.reachable = true;
    this.#countReachable();
    this.#comparer.want(state);
    return this.wake(moment);
  }

  down(peer: Peer, moment: Moment): Step {
    const state = this.#peers.get(peer.node);
    if (state?.peer.incarnation !== peer.incarnation) return this.wake(moment);
    state.reachable = false;
    this.#countReachable();
    this.#comparer.drop(state);
    const step = new Steps();
    step.settled.push(...this.#questions.gone(peer.node));
    return this.#wake(step, moment);
  }

  /** A node that nobody knows any more: what it confirmed is of no use either. */
  forgetPeer(node: string): void {
    if (this.#peers.get(node)?.reachable === false) this.#peers.delete(node);
  }

  /** Frames of this peer may be missing. */
  gap(peer: Peer, moment: Moment): Step {
    this.#counters.count('gaps');
    this.#comparer.want(this.#stateOf(peer));
    return this.wake(moment);
  }

  /** The regular comparison, with a peer by chance. */
  round(moment: Moment, chance: () => number): Step {
    const peers = [...this.reachable];
    for (let count = peers.length + 1 >= manyNodes ? 2 : 1; count > 0 && peers.length > 0; count--) {
      this.#comparer.want(peers.splice(Math.floor(chance() * peers.length), 1)[0]!);
    }
    return this.wake(moment);
  }

  /** With this peer, as soon as none goes on. */
  compare(peer: Peer, moment: Moment): Step {
    const state = this.#peers.get(peer.node);
    if (state?.peer.incarnation === peer.incarnation) this.#comparer.want(state);
    return this.wake(moment);
  }

  /** Merges what a peer sent in a frame of a room above. */
  take(map: string, items: Items, moment: Moment): Step {
    const step = new Steps();
    this.#maps.merge(step, map, items, moment.now);
    return step;
  }

  /** What is held under a key, as frames carry it: `key,data` as JSON text; '' if nothing is. */
  told(map: string, key: string): string {
    const replica = this.#maps.get(map);
    const value = replica?.get(key);
    return replica === undefined || value === undefined ? '' : `${JSON.stringify(key)},${written(replica, value)}`;
  }

  /** After a time in which this process stood still: with everybody. */
  compareAll(moment: Moment): Step {
    for (const peer of this.reachable) this.#comparer.want(peer);
    return this.wake(moment);
  }

  /** Goes on with what waited for this instant: to be called when `wakeAt` has come. */
  wake(moment: Moment): Step {
    return this.#wake(new Steps(), moment);
  }

  /** Takes a frame of a peer. Whatever it holds, this returns. */
  receive(from: Peer, frame: Uint8Array, moment: Moment): Step {
    const step = new Steps();
    const message = parseFrame(frame);
    if (typeof message === 'string') {
      this.#counters.count(`frame-${message}`);
      step.bogus = message !== 'version' && message !== 'type';
    } else this.#handle(step, this.#stateOf(from), message, moment);
    return this.#wake(step, moment);
  }

  #handle(step: Steps, from: PeerState, message: Message, moment: Moment): void {
    switch (message.type) {
      case 'batch': {
        let lacked = false;
        for (const [map, items] of message.maps) {
          const { lacking } = this.#maps.merge(step, map, items, moment.now);
          if (lacking.length === 0) continue;
          lacked = true;
          this.#askFor(step, from, map, lacking, message.number, moment);
        }
        this.#counters.count(
          message.number === 0 ? 'values-repaired' : 'batches-received',
          message.number === 0 ? step.changes.length : 1,
        );
        if (message.number > 0 && !lacked && from.received(message.number)) this.#comparer.want(from);
        // What was lacked comes with the answer, and with it the word on earlier ones.
        if (message.confirm && from.wants(message.number) && !lacked) this.#comparer.want(from);
        this.#acknowledge(step, from);
        return;
      }
      case 'ack':
        from.acked = Math.max(from.acked, Math.min(message.number, this.number));
        step.acked = true;
        return;
      case 'confirm':
        if (from.wants(message.number)) this.#comparer.want(from);
        this.#acknowledge(step, from);
        return;
      case 'compare': {
        from.size = message.size;
        step.sees.push(...message.sees);
        const { json, equal } = differsJson(this.#maps, message, this.number, this.#sees(), this.#mark(), moment.now);
        if (!equal) from.askedAt = moment.monotonic;
        step.send.push({ to: from.peer, frame: frameOf('differs', json) });
        return;
      }
      case 'differs':
        from.size = message.size;
        step.sees.push(...message.sees);
        this.#comparer.differs(step, from, message, moment);
        this.#acknowledge(step, from);
        return;
      case 'keys': {
        from.askedAt = moment.monotonic;
        const replica = this.#maps.get(message.map);
        if (replica !== undefined)
          step.send.push({ to: from.peer, frame: frameOf('page', pageJson(replica, message)) });
        return;
      }
      case 'page':
        this.#comparer.page(step, from, message, moment);
        this.#acknowledge(step, from);
        return;
      case 'question': {
        const replica = this.#maps.get(message.map);
        if (replica !== undefined) sendAnswers(step, from.peer, message.id, replica, message.keys);
        return;
      }
      case 'answer': {
        const { read: given } = this.#maps.merge(step, message.map, message.items, moment.now);
        for (const key of [...given, ...message.unknown])
          for (const number of from.lacking.answered(message.map, key))
            if (from.received(number)) this.#comparer.want(from);
        this.#acknowledge(step, from);
        if (this.#questions.answered(from.peer.node, message, given)) step.settled.push(message.id);
        return;
      }
      default:
        message satisfies never;
    }
  }

  /** What a peer's deltas build on is not here: it is asked for all it holds under these keys. */
  #askFor(step: Steps, from: PeerState, map: string, keys: readonly string[], number: number, moment: Moment): void {
    const asked = keys.filter((key) => from.lacking.note(map, key, number, moment.monotonic));
    this.#counters.count('deltas-asked', asked.length);
    if (asked.length === 0) return;
    for (const json of questionJsons(unsolicited, map, asked))
      step.send.push({ to: from.peer, frame: frameOf('question', json) });
  }

  #acknowledge(step: Steps, peer: PeerState): void {
    const number = peer.takeAck();
    if (number !== undefined) step.send.push({ to: peer.peer, frame: frameOf('ack', `[${number}]`) });
  }

  #wake(step: Steps, moment: Moment): Step {
    this.#comparer.begin(step, this.#sees(), moment);
    return step;
  }

  #sees(): string[] {
    return this.reachable.map(({ peer }) => peer.node);
  }

  /** The state of a peer's life; another life of the node begins anew. */
  #stateOf(peer: Peer): PeerState {
    const known = this.#peers.get(peer.node);
    if (known?.peer.incarnation === peer.incarnation) return known;
    if (known !== undefined) this.#comparer.drop(known);
    const state = new PeerState(peer);
    this.#peers.set(peer.node, state);
    this.#countReachable();
    return state;
  }

  #countReachable(): void {
    this.#reachable = [...this.#peers.values()].filter((peer) => peer.reachable);
  }
}

/** From a bound of so many bytes on, in which all its names count manifold, one frame more costs less than the whole value. */
const largeBytes = 12 * 1024;

function isLargeAndPatient<V>(replica: Replica<V>, value: V): boolean {
  return replica.lattice.isPatient === true && mostBytes(replica, value) > largeBytes;
}

/** Whether a frame can carry it in any case, without a look. */
function isSurelySmall<V>(replica: Replica<V>, value: V): boolean {
  return mostBytes(replica, value) <= maxValueBytes;
}

/** A bound, without a look; infinite where none is known. */
function mostBytes<V>({ lattice }: Replica<V>, value: V): number {
  return lattice.mostBytes?.(value) ?? Number.POSITIVE_INFINITY;
}

function sendAnswers(step: Steps, to: Peer, id: number, replica: Replica<unknown>, keys: readonly string[]): void {
  for (const json of answerJsons(replica, id, keys)) step.send.push({ to, frame: frameOf('answer', json) });
}
