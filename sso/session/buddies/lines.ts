/**
 * The lines to the nodes that can be reached: what each is owed (lane.ts), and the comparison with it (comparing.ts). What
 * is owed goes out at the end of the turn, and as much of it in one turn as takes no longer than a part of it; what was not
 * answered is looked after as long as anything is open.
 */

import type { Peer } from '../../channel/channel.ts';
import { type Cancel, type Clock, every } from '../../clock.ts';
import type { Counters } from '../../gossip/counters.ts';
import type { Talk } from '../../gossip/talk.ts';
import { type Turns, turnMs } from '../turns.ts';
import type { CoHeld } from './co-held.ts';
import { Comparing } from './comparing.ts';
import { carriedFrame } from './frames.ts';
import { type Content, Lane, type Load } from './lane.ts';

export interface LinesParts {
  readonly talk: Pick<Talk, 'say'>;
  readonly clock: Clock;
  readonly coHeld: CoHeld;
  readonly turns: Pick<Turns, 'run'>;
  readonly counters: Counters;
  /** Sessions of this node. */
  readonly sessions: () => number;
  readonly contentOf: Content;
  readonly nextId: () => number;
  /** What a peer did not confirm for so long is sent again, milliseconds. */
  readonly resendMs: number;
  /** Between comparisons with each, milliseconds. */
  readonly digestMs: number;
  /** What else waits for something. */
  readonly isOpen: () => boolean;
  /** A look at that. */
  readonly look: (now: number) => void;
}

interface Line {
  readonly peer: Peer;
  readonly lane: Lane;
  readonly comparing: Comparing;
}

/** Between looks at what was not answered in time, milliseconds. */
const tickMs = 250;

export class Lines {
  readonly #parts: LinesParts;
  readonly #lines = new Map<string, Line>();
  readonly #peers = new Map<string, Peer>();
  /** What is to be confirmed at the end of the turn. */
  readonly #acks = new Map<Peer, { readonly numbers: number[]; readonly lacking: string[] }>();
  #flushing = false;
  #tick: Cancel | undefined;
  #digests: Cancel | undefined;
  #closed = false;

  constructor(parts: LinesParts) {
    this.#parts = parts;
  }

  /** Who can be reached, by name. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  laneTo(node: string): Lane | undefined {
    return this.#lines.get(node)?.lane;
  }

  /** That of this very life of a node. */
  at(peer: Peer): Line | undefined {
    const line = this.#lines.get(peer.node);
    return line?.peer.incarnation === peer.incarnation ? line : undefined;
  }

  /** Changes that peers have not confirmed; one that two of them have not, twice. */
  get unconfirmed(): number {
    let unconfirmed = 0;
    for (const { lane } of this.#lines.values()) unconfirmed += lane.size;
    return unconfirmed;
  }

  up(peer: Peer): void {
    const { clock, talk, coHeld, turns, sessions, nextId, resendMs, digestMs, counters } = this.#parts;
    const lane = new Lane(peer, resendMs, nextId);
    const comparing = new Comparing({
      lane,
      coHeld,
      sessions,
      turns,
      say: (frame) => talk.say(peer, frame),
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      nextId,
      found: () => {
        counters.count('buddy-differed');
        this.flushSoon();
      },
    });
    this.#lines.set(peer.node, { peer, lane, comparing });
    this.#peers.set(peer.node, peer);
    comparing.begin();
    this.#digests ??= every(clock, digestMs, () => this.#compareAll());
    this.arm();
  }

  /** Returns what was owed to it. */
  down({ node }: Peer): readonly string[] {
    const owed = this.#lines.get(node)?.lane.owed ?? [];
    this.#lines.delete(node);
    this.#peers.delete(node);
    return owed;
  }

  /** A frame of a peer's is merged, but for these keys. */
  confirm(peer: Peer, number: number, lacking: readonly string[]): void {
    const acks = this.#acks.get(peer);
    if (acks === undefined) this.#acks.set(peer, { numbers: [number], lacking: [...lacking] });
    else {
      acks.numbers.push(number);
      acks.lacking.push(...lacking);
    }
    this.flushSoon();
  }

  /** These nodes may lack all of it. */
  repair(key: string, nodes: Iterable<string>): void {
    for (const node of nodes) {
      const lane = this.laneTo(node);
      if (lane === undefined) continue;
      lane.repair(key);
      this.flushSoon();
    }
  }

  /** These are told a change before anything that repairs. */
  put(key: string, load: Load, nodes: Iterable<string>): void {
    for (const node of nodes) {
      const lane = this.laneTo(node);
      if (lane === undefined) continue;
      lane.put(key, load);
      this.flushSoon();
    }
  }

  /** What is owed goes out at the end of the turn. */
  flushSoon(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    this.#parts.clock.soon(() => {
      this.#flushing = false;
      if (!this.#closed) this.flush();
    });
  }

  /** Confirmations first; then one frame for each peer, more where one is not enough. */
  flush(): void {
    const { talk, clock, contentOf, counters } = this.#parts;
    for (const [peer, { numbers, lacking }] of this.#acks) talk.say(peer, carriedFrame(numbers, lacking));
    this.#acks.clear();
    const now = clock.monotonic();
    const isLate = () => clock.monotonic() - now >= turnMs;
    for (const [node, line] of [...this.#lines]) {
      if (!line.lane.canSend) continue;
      for (const frame of line.lane.fill(contentOf, now, isLate)) {
        counters.count('buddy-frames-sent');
        counters.count('buddy-bytes-sent', frame.length);
        talk.say(line.peer, frame);
      }
      if (!isLate()) continue;
      // Who had none of this turn has the next one.
      this.#lines.delete(node);
      this.#lines.set(node, line);
      break;
    }
    for (const { lane } of this.#lines.values()) if (lane.canSend) this.flushSoon();
    this.arm();
  }

  /** A look at what is open, as long as anything is. */
  arm(): void {
    if (this.#tick !== undefined || this.#closed) return;
    let isOpen = this.#parts.isOpen();
    for (const { lane, comparing } of this.#lines.values()) isOpen ||= lane.isWaiting || comparing.isOpen;
    if (!isOpen) return;
    this.#tick = this.#parts.clock.after(tickMs, () => {
      this.#tick = undefined;
      this.#look();
      this.arm();
    });
  }

  /** This process stood still: nobody was late. */
  stalled(): void {
    for (const { lane } of this.#lines.values()) lane.excuse(this.#parts.clock.monotonic());
  }

  /** Ends every timer; tells nobody. */
  close(): void {
    this.#closed = true;
    this.#tick?.();
    this.#digests?.();
    this.#lines.clear();
    this.#peers.clear();
  }

  #compareAll(): void {
    for (const { comparing } of this.#lines.values()) comparing.begin();
    this.arm();
  }

  #look(): void {
    const { clock, counters, look } = this.#parts;
    const now = clock.monotonic();
    for (const { lane, comparing } of this.#lines.values()) {
      if (lane.resend(now)) counters.count('buddy-resent');
      if (lane.canSend) this.flushSoon();
      comparing.check();
    }
    look(now);
  }
}
