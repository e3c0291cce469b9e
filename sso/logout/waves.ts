/**
 * Closings on their way to everybody. Those of one turn of the event loop make a wave, which is asked
 * about in one frame and asked again, ever more slowly, until every node has confirmed it. Who was away
 * is asked as soon as it is back, many waves at once.
 */

import type { Peer } from '../channel/channel.ts';
import type { Cancel, Clock } from '../clock.ts';
import { nameOf } from './closings.ts';
import { type Confirmation, Confirmations, type Expected, type Life } from './confirmations.ts';
import type { Closing, EndedApp, Seal } from './finality.ts';
import type { Message } from './message.ts';
import { OpenSeal } from './open-seal.ts';
import type { Voters } from './voters.ts';

export interface WavesParts {
  /** This node's name. */
  readonly node: string;
  readonly voters: Voters;
  readonly clock: Clock;
  /** The corrected clock, milliseconds since 1970. */
  readonly now: () => number;
  /** Nodes that have not left, oneself included, with the votes that are known. */
  readonly expected: () => readonly Expected[];
  readonly lives: () => Iterable<Life>;
  readonly peers: () => readonly Peer[];
  /** Asks a member, or all, to confirm these closings. */
  readonly ask: (to: Peer | 'all', id: number, closings: readonly Closing[]) => void;
  /** This node's own confirmation, once it is durable; `undefined`: it may not confirm now. */
  readonly own: (closings: readonly Closing[]) => Promise<Confirmation | undefined>;
  /** What this node itself ended with a closing. */
  readonly endedHere: (closing: Closing) => readonly EndedApp[];
}

type Sealed = Extract<Message, { type: 'sealed' }>;

interface Wave {
  readonly closings: Closing[];
  readonly seals: OpenSeal[];
  /** By the place of the closing. */
  readonly ended: Map<string, readonly EndedApp[]>[];
  readonly confirmations: Confirmations;
  /** The earliest of the sign-ons that are closed. */
  epoch: number;
  tries: number;
  askAt: number;
  /** Not while closings of the same turn may join it. */
  isAsked: boolean;
  isComplete: boolean;
  cancelFinal: Cancel;
}

const firstRetryMs = 100;
const lastRetryMs = 5_000;
/** Closings in one frame that asks again. */
const closingsPerFrame = 200;
/** Questions whose answers are still understood. */
const questionsAtMost = 1_024;

export class Waves {
  readonly #parts: WavesParts;
  readonly #open = new Set<Wave>();
  readonly #asked = new Map<number, readonly Wave[]>();
  #ids = 0;
  #next: Wave | undefined;
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(parts: WavesParts) {
    this.#parts = parts;
  }

  /** Closings that not everybody has confirmed. */
  get size(): number {
    let size = 0;
    for (const { seals } of this.#open) size += seals.length;
    return size;
  }

  seal(closing: Closing, epoch = 0): Seal {
    if ((this.#next?.closings.length ?? 0) >= closingsPerFrame) this.#next = undefined;
    const wave = (this.#next ??= this.#begin());
    wave.closings.push(closing);
    wave.epoch = Math.min(wave.epoch, epoch);
    wave.ended.push(new Map());
    const seal = new OpenSeal(
      this.#parts.expected().map(({ node }) => node),
      () => this.#drop(wave, seal),
    );
    wave.seals.push(seal);
    return seal;
  }

  /** A member confirms what it was asked about. */
  sealed(from: Peer, said: Sealed): void {
    const waves = this.#asked.get(said.id);
    if (waves === undefined) return;
    const at = this.#parts.clock.monotonic();
    for (const wave of waves) {
      this.#note(wave, { ...said, ...from }, at, (closing) =>
        said.ended.flatMap(([name, ended]) => (name === nameOf(closing) ? [ended] : [])),
      );
    }
  }

  /** A member can be reached: it is asked about all that it has not confirmed. */
  up(peer: Peer): void {
    const waves = [...this.#open].filter((wave) => wave.isAsked && !wave.confirmations.hasConfirmed(peer.node));
    this.#ask(peer, waves);
  }

  /** This node's own word may have become possible, or another's void: all are counted anew. */
  recount(): void {
    for (const wave of this.#open) {
      if (!wave.isAsked) continue;
      wave.confirmations.heardOf(this.#parts.lives());
      void this.#confirm(wave);
      this.#count(wave);
    }
  }

  /** Ends all timers; nothing resolves any more. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    for (const wave of this.#open) wave.cancelFinal();
    this.#open.clear();
  }

  #begin(): Wave {
    const { clock, voters } = this.#parts;
    const wave: Wave = {
      closings: [],
      seals: [],
      ended: [],
      confirmations: new Confirmations(voters),
      epoch: Number.POSITIVE_INFINITY,
      tries: 0,
      askAt: 0,
      isAsked: false,
      isComplete: false,
      cancelFinal: () => {},
    };
    this.#open.add(wave);
    clock.soon(() => {
      if (this.#next === wave) this.#next = undefined;
      wave.isAsked = true;
      if (wave.seals.every(({ isDropped }) => isDropped)) this.#open.delete(wave);
      if (this.#closed || !this.#open.has(wave)) return;
      wave.confirmations.heardOf(this.#parts.lives());
      this.#ask('all', [wave]);
      void this.#confirm(wave);
      this.#count(wave);
      this.#arm();
    });
    return wave;
  }

  async #confirm(wave: Wave): Promise<void> {
    const { node, own, clock, endedHere } = this.#parts;
    if (wave.confirmations.hasConfirmed(node)) return;
    const confirmation = await own(wave.closings);
    if (confirmation === undefined || this.#closed) return;
    this.#note(wave, confirmation, clock.monotonic(), endedHere);
  }

  #note(wave: Wave, said: Confirmation, at: number, endedOf: (closing: Closing) => readonly EndedApp[]): void {
    if (!this.#open.has(wave)) return;
    wave.confirmations.add(said, at);
    wave.ended.forEach((ended, place) => {
      ended.set(said.node, endedOf(wave.closings[place]!));
    });
    this.#count(wave);
  }

  #count(wave: Wave): void {
    const { clock, now, expected } = this.#parts;
    const { finalAt, confirmed, outstanding } = wave.confirmations.count(expected(), wave.epoch);
    const monotonic = clock.monotonic();
    wave.isComplete ||= finalAt !== undefined && monotonic >= finalAt;
    wave.cancelFinal();
    if (!wave.isComplete && finalAt !== undefined)
      wave.cancelFinal = clock.after(finalAt - monotonic, () => this.#count(wave));
    const isPromised = finalAt !== undefined && this.#parts.voters.mode === 'refuse';
    const finalAtWall = isPromised && !wave.isComplete ? Math.ceil(now() + finalAt - monotonic) : undefined;
    const isEverywhere = wave.isComplete && outstanding.length === 0;
    if (isEverywhere) this.#open.delete(wave);
    wave.seals.forEach((seal, place) => {
      seal.came({
        state: wave.isComplete ? 'complete' : 'pending',
        finalAt: finalAtWall,
        confirmed,
        outstanding,
        ended: wave.ended[place]!,
      });
      if (isEverywhere) seal.cameEverywhere();
    });
  }

  #drop(wave: Wave, seal: OpenSeal): void {
    seal.isDropped = true;
    if (!wave.isAsked || !wave.seals.every(({ isDropped }) => isDropped)) return;
    wave.cancelFinal();
    this.#open.delete(wave);
  }

  /** Asks about these waves, in as many frames as it takes. */
  #ask(to: Peer | 'all', waves: readonly Wave[]): void {
    let part: Wave[] = [];
    let closings: Closing[] = [];
    const send = () => {
      if (part.length === 0) return;
      const id = ++this.#ids;
      this.#asked.set(id, part);
      this.#asked.delete(id - questionsAtMost);
      this.#parts.ask(to, id, closings);
      part = [];
      closings = [];
    };
    for (const wave of waves) {
      if (closings.length + wave.closings.length > closingsPerFrame) send();
      part.push(wave);
      closings.push(...wave.closings);
    }
    send();
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#open.size === 0 || this.#closed) return;
    this.#cancel = this.#parts.clock.after(firstRetryMs, () => {
      this.#cancel = undefined;
      this.#retry();
      this.#arm();
    });
  }

  #retry(): void {
    const monotonic = this.#parts.clock.monotonic();
    const due: Wave[] = [];
    for (const wave of this.#open) {
      if (!wave.isAsked || wave.askAt > monotonic) continue;
      wave.askAt = monotonic + Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(wave.tries++, 10));
      if (wave.tries > 1) due.push(wave);
    }
    if (due.length === 0) return;
    for (const peer of this.#parts.peers())
      this.#ask(
        peer,
        due.filter(({ confirmations }) => !confirmations.hasConfirmed(peer.node)),
      );
    for (const wave of due) {
      wave.confirmations.heardOf(this.#parts.lives());
      void this.#confirm(wave);
      this.#count(wave);
    }
  }
}
