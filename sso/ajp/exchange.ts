/**
 * One request and its answer. The request goes through Node's own HTTP server, over a connection inside
 * the process, and the answer through Node's own client: so the application gets a request and a response
 * that are Node's in every respect, and none of HTTP's rules (HEAD, 204, 304, chunks, early hints) is
 * written a second time here. What this adds is AJP's: a body is asked for piece by piece, and the answer
 * goes out in packets.
 *
 * `isOwed`: the balancer is about to send a body packet, unasked (the first) or asked. Until it has come
 * the answer is not ended, or the packet would be taken for the next request.
 */

import { type ClientRequest, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { Cancel, Clock } from '../clock.ts';
import type { Message } from './admission.ts';
import { bodyChunks, flush, getBodyChunk, sendHeaders } from './answers.ts';
import type { BrowserSocket } from './browser-socket.ts';
import { End } from './pair.ts';

/** How an exchange ended. */
export type Outcome =
  /** The answer was sent; its end was not. */
  | 'answered'
  /** The application gave up, before its answer or within it. */
  | 'cut'
  /** What the application wants to answer does not fit into one packet; nothing was sent. */
  | 'too-large';

/** What the balancer's body packet was. */
export type BodyFault = 'more than it said' | 'less than it said' | 'a body packet that is none';

export interface ExchangeParts {
  readonly clock: Clock;
  readonly server: Server;
  readonly maxPacketSize: number;
  readonly message: Message;
  readonly socket: BrowserSocket;
  /** To the balancer; `false`: more than it takes at the moment, `resume` is called when it goes on. */
  send(bytes: Buffer): boolean;
  /** Called once, when nothing is owed any more. */
  over(outcome: Outcome): void;
}

export class Exchange {
  readonly #parts: ExchangeParts;
  readonly #request: ClientRequest;
  readonly #bodyless: boolean;
  #response: IncomingMessage | undefined;
  /** Bytes of the body that have not come; `undefined`: unknown. */
  #missing: number | undefined;
  #isBodyWhole: boolean;
  #isOwed: boolean;
  #outcome: Outcome | undefined;
  #isOver = false;
  #cancelFlush: Cancel | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { server, message, socket, maxPacketSize } = parts;
    const { body, method, target, headers } = message;
    this.#bodyless = method === 'HEAD';
    this.#isOwed = body.kind === 'sized';
    this.#isBodyWhole = body.kind === 'none';
    this.#missing = body.kind === 'sized' ? body.bytes : undefined;
    const near = new End();
    End.join(near, socket);
    this.#request = httpRequest({
      createConnection: () => near as never,
      method,
      path: target,
      headers: [...headers],
      // The application's own: whether they fit is seen when they are packed.
      maxHeaderSize: headroom * maxPacketSize,
    });
    this.#request.maxHeadersCount = 0;
    this.#request.on('response', (response) => this.#answer(response));
    this.#request.on('error', () => this.#end('cut'));
    this.#request.on('close', () => this.#end('cut'));
    server.emit('connection', socket);
    // The application begins before the body does.
    this.#request.flushHeaders();
    if (this.#isBodyWhole) this.#request.end();
    else if (!this.#isOwed) this.#ask();
  }

  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** A body packet has come. `undefined`: as it should be. */
  take(payload: Buffer): BodyFault | undefined {
    this.#isOwed = false;
    const length = payload.length < 2 ? 0 : payload.readUInt16BE(0);
    if (payload.length === 1 || (payload.length > 0 && payload.length !== length + 2))
      return 'a body packet that is none';
    if (this.#missing !== undefined && length > this.#missing) return 'more than it said';
    if (length === 0 && this.#missing !== undefined && this.#missing > 0 && this.#outcome === undefined)
      return 'less than it said';
    if (this.#missing !== undefined) this.#missing -= length;
    this.#isBodyWhole = this.#missing === undefined ? length === 0 : this.#missing === 0;
    if (this.#outcome !== undefined) this.#tell();
    else this.#pass(payload.subarray(2));
    return undefined;
  }

  /** The balancer takes more. */
  resume(): void {
    this.#response?.resume();
  }

  /** The balancer is gone, or has broken the rules: the application sees its browser go. `over` is not called any more. */
  abort(): void {
    this.#isOver = true;
    this.#cancelFlush?.();
    this.#request.destroy();
    this.#parts.socket.destroy();
  }

  #pass(data: Buffer): void {
    const takesMore = data.length === 0 || this.#request.write(data);
    if (this.#isBodyWhole) this.#request.end();
    else if (takesMore) this.#ask();
    else this.#request.once('drain', () => this.#ask());
  }

  #ask(): void {
    if (this.#outcome !== undefined || this.#isOwed || this.#isOver) return;
    this.#isOwed = true;
    this.#parts.send(getBodyChunk(this.#parts.maxPacketSize));
  }

  #answer(response: IncomingMessage): void {
    const { statusCode = 500, statusMessage = '', rawHeaders } = response;
    const { maxPacketSize, send } = this.#parts;
    const head = sendHeaders(statusCode, statusMessage, ofTheAnswer(rawHeaders), maxPacketSize);
    if (head === undefined) {
      this.#end('too-large');
      this.#request.destroy();
      return;
    }
    this.#response = response;
    send(head);
    this.#flushSoon();
    response.on('data', (data: Buffer) => {
      let takesMore = true;
      for (const packet of bodyChunks(data, maxPacketSize)) takesMore = send(packet);
      if (!takesMore) response.pause();
      this.#flushSoon();
    });
    response.on('end', () => this.#end('answered'));
    response.on('error', () => this.#end('cut'));
  }

  /** What an application writes is on its way at once, as over HTTP, even if it then pauses; a balancer would keep it back. */
  #flushSoon(): void {
    if (this.#bodyless || this.#cancelFlush !== undefined) return;
    this.#cancelFlush = this.#parts.clock.after(flushAfterMs, () => {
      this.#cancelFlush = undefined;
      if (this.#outcome === undefined && !this.#isOver) this.#parts.send(flush);
    });
  }

  #end(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#cancelFlush?.();
    this.#tell();
  }

  #tell(): void {
    if (this.#isOver || (this.#isOwed && this.#outcome !== 'cut')) return;
    this.#isOver = true;
    this.#parts.over(this.#outcome!);
  }
}

/** An answer's headers as text are longer than as a packet by less than this. */
const headroom = 2;
/** Long enough that an answer in one piece goes out in one, short enough that nobody notices. */
const flushAfterMs = 5;

/** Of the connection inside the process, not of the answer. */
const ofTheHop = /^(?:connection|keep-alive|transfer-encoding|trailer|upgrade|proxy-connection)$/i;

function ofTheAnswer(raw: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) if (!ofTheHop.test(raw[i]!)) kept.push(raw[i]!, raw[i + 1]!);
  return kept;
}
