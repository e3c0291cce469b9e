/**
 * One secured connection, from its handshake to its end: greeting → up → retired → ended. It knows which
 * frames may come when, and nothing of the other connections; what a frame means for the mesh is told
 * to its events. Anything out of order ends it: a peer that errs once is not argued with.
 *
 *     greeting  hello, accept or refuse; small frames only, under the deadline of the handshake
 *     up        data and pings, both ways
 *     retired   another connection took its place, or it was refused: what still comes is ignored
 */

import type { TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../clock.ts';
import type { Peer } from './channel.ts';
import { type FrameKind, FrameReader, following } from './frame.ts';
import {
  encodeHello,
  encodeRefusal,
  greetingBytes,
  type Hello,
  parseHello,
  parseRefusal,
  type Refusal,
} from './hello.ts';
import { Outbox } from './outbox.ts';

export interface LinkEvents {
  hello(link: Link, hello: Hello): void;
  /** The member with the lesser name takes this connection; a greater number outdoes a lesser one. */
  accepted(link: Link, number: number): void;
  refused(link: Link, refusal: Refusal): void;
  /** Returns false if the frame is not what a member sends. */
  data(link: Link, payload: Uint8Array): boolean;
  /** The peer dropped frames, or there is room again after we did. */
  gap(link: Link): void;
  /** Once, whatever the reason. */
  ended(link: Link): void;
}

export interface LinkParts {
  readonly clock: Clock;
  readonly events: LinkEvents;
  readonly maxFrameBytes: number;
  readonly maxQueueBytes: number;
  /** The address that we dialled; `undefined`: the peer dialled us. */
  readonly dialled: string | undefined;
  /** Stops the handshake's clock. */
  readonly deadline: Cancel;
}

const nothing = new Uint8Array(0);

export class Link {
  readonly dialled: string | undefined;
  /** Known from the hello on. */
  peer: Peer | undefined;
  /** The number of the accept that put it up. */
  number = 0;
  state: 'greeting' | 'up' | 'retired' | 'ended' = 'greeting';
  /** Why it ended, for the operator. */
  why = 'closed by the other side';
  /** Whether a hello came. */
  greeted = false;
  /** The peer broke the protocol. */
  faulty = false;
  /** Whether data went either way: then a change of connection may have swallowed some. */
  carried = false;
  /** Heartbeats since it is up. */
  age = 0;
  /** Heartbeats since a whole frame came. */
  silentBeats = 0;
  readonly #parts: LinkParts;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader(greetingBytes);
  readonly #socket: TLSSocket;
  #expected = 0;

  constructor(socket: TLSSocket, parts: LinkParts) {
    this.dialled = parts.dialled;
    this.#parts = parts;
    this.#socket = socket;
    this.#outbox = new Outbox(
      socket,
      parts.clock,
      parts.maxQueueBytes,
      () => this.state === 'up' && parts.events.gap(this),
    );
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => {
      this.why = error.message;
    });
    socket.on('close', () => this.#ended());
  }

  get socket(): TLSSocket {
    return this.#socket;
  }

  /** Resolves once its socket is closed. */
  closed(): Promise<void> {
    return new Promise((resolve) => (this.#socket.closed ? resolve() : this.#socket.once('close', () => resolve())));
  }

  sayHello(hello: Hello): void {
    this.#outbox.put('hello', encodeHello(hello));
  }

  /** The member with the lesser name takes this connection. */
  accept(number: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(number);
    this.#outbox.put('accept', payload);
    this.raise(number);
  }

  /** From now on data goes both ways. */
  raise(number: number): void {
    this.#parts.deadline();
    this.number = number;
    this.state = 'up';
    this.#reader.limit = this.#parts.maxFrameBytes;
  }

  /** Says why and ends it; the deadline of the handshake, or the second heartbeat, sees to a peer that does not. */
  refuse(refusal: Refusal): void {
    this.#outbox.put('refuse', encodeRefusal(refusal));
    this.retire(refusal.code);
  }

  /** Ends our side once what waits is written. */
  retire(why: string): void {
    if (this.state === 'ended') return;
    this.#leave(why);
    this.#outbox.end();
  }

  /** Sends nothing more; the peer, which takes another connection too, ends this one. */
  supersede(): void {
    this.#leave('superseded');
    this.#outbox.drop();
  }

  #leave(why: string): void {
    this.why = why;
    this.state = 'retired';
    this.silentBeats = 0;
  }

  /** `false`: dropped, there was no room. */
  send(payload: Uint8Array): boolean {
    this.carried = true;
    return this.#outbox.put('data', payload);
  }

  /** Once a heartbeat. Counts beats rather than time, so a process that was held up itself accuses nobody. */
  beat(silentBeatsAtMost: number): void {
    this.silentBeats += 1;
    if (this.state === 'retired' && this.silentBeats >= 2) return void this.destroy(this.why);
    if (this.state !== 'up') return;
    this.age += 1;
    if (this.silentBeats > silentBeatsAtMost) return void this.destroy('silent for too long');
    if (this.#outbox.restful()) this.#outbox.put('ping', nothing);
  }

  /** Ends it at once. */
  destroy(why: string): void {
    if (this.state === 'ended') return;
    this.why = why;
    this.#socket.destroy();
    this.#ended();
  }

  #ended(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.#outbox.drop();
    this.#parts.deadline();
    this.#parts.events.ended(this);
  }

  #read(chunk: Buffer): void {
    if (this.state === 'retired' || this.state === 'ended') return;
    const fault = this.#reader.read(chunk, (kind, sequence, payload) => {
      this.silentBeats = 0;
      const missed = sequence !== this.#expected;
      this.#expected = following(sequence);
      if (!this.#take(kind, payload)) this.#fault(kind);
      else if (missed && this.state === 'up') this.#parts.events.gap(this);
      return this.state === 'greeting' || this.state === 'up';
    });
    if (fault !== undefined) this.#fault(fault);
  }

  /** `false`: not what a member sends, or not now. */
  #take(kind: FrameKind, payload: Uint8Array): boolean {
    const { events } = this.#parts;
    if (kind === 'refuse') {
      const refusal = parseRefusal(payload);
      if (refusal === undefined) return false;
      events.refused(this, refusal);
      return true;
    }
    if (this.state === 'up') {
      if (kind !== 'data') return kind === 'ping';
      this.carried = true;
      return events.data(this, payload);
    }
    if (kind === 'hello' && !this.greeted) {
      this.greeted = true;
      const hello = parseHello(payload);
      if (hello === undefined) return false;
      events.hello(this, hello);
      return true;
    }
    if (kind !== 'accept' || this.peer === undefined || payload.length !== 4) return false;
    events.accepted(this, Buffer.from(payload).readUInt32BE(0));
    return true;
  }

  #fault(what: string): void {
    this.faulty = true;
    this.destroy(`sent what no member sends (${what})`);
  }
}
