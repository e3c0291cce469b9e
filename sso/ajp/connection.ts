/**
 * One connection of a balancer, which carries one request after the other. What comes in between is kept,
 * at most a packet of it, so that a balancer that leaves is noticed while the application works. Nothing
 * that comes can throw: it is answered, or the connection ends, and it is counted.
 */

import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { type AdmissionRules, admit, type Message, type Reason } from './admission.ts';
import { remember } from './ajp-of.ts';
import { bodyChunks, cpong, endAndClose, endAndReuse, sendHeaders } from './answers.ts';
import { BrowserSocket } from './browser-socket.ts';
import type { Complaints } from './complaints.ts';
import type { Counter, Counters } from './counters.ts';
import { Exchange, type Outcome } from './exchange.ts';
import { decodeForwardRequest, type ForwardRequest } from './forward-request.ts';
import type { Limits } from './options.ts';
import { PacketSplitter } from './packets.ts';
import { incoming } from './tables.ts';
import { Waiting } from './waiting.ts';

export interface ConnectionParts {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly rules: AdmissionRules;
  readonly server: Server;
  readonly counters: Counters;
  readonly complaints: Complaints;
  isReady(): boolean;
}

const counterOf: Readonly<Record<Reason, Counter>> = {
  secret: 'wrongSecret',
  attribute: 'strangeAttribute',
  method: 'unknownMethod',
  upgrade: 'upgrades',
  request: 'badRequests',
};

/** What a balancer still sends after a refusal is read, so that the answer is not lost in a reset; never more than this. */
const ignoredAtMost = 1_048_576;

export class Connection {
  readonly #socket: Duplex;
  readonly #parts: ConnectionParts;
  readonly #packets: PacketSplitter;
  readonly #waiting: Waiting;
  readonly #from: string | undefined;
  #exchange: Exchange | undefined;
  #isEnding = false;
  #isDraining = false;
  #ignored = 0;

  constructor(socket: Duplex & { readonly remoteAddress?: string | undefined }, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#from = socket.remoteAddress;
    this.#packets = new PacketSplitter(parts.limits.maxPacketSize);
    this.#waiting = new Waiting(parts.limits, parts.clock.monotonic());
    parts.counters.connections++;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#left());
    socket.on('error', () => this.#left());
    socket.on('close', () => this.#left());
  }

  /** Nothing is under way, not even the first bytes of a request. */
  get #isIdle(): boolean {
    return this.#exchange === undefined && !this.#isEnding && this.#packets.buffered === 0;
  }

  /** Called now and then: ends what has waited too long. */
  sweep(now: number): void {
    const why = this.#waiting.late(now, {
      isOwed: this.#exchange?.isOwed === true,
      isWorking: this.#exchange !== undefined,
      hasPart: this.#packets.buffered > 0,
      isStalled: this.#socket.writableNeedDrain,
      isEnding: this.#isEnding,
    });
    if (why === undefined) return;
    if (why !== 'idle' && why !== 'ending') {
      this.#parts.counters.late++;
      this.#parts.complaints.warn('late', { from: this.#from, why }, 'a connection of an AJP balancer was too slow');
    }
    this.destroy();
  }

  /** Ends after the answer under way, or now if there is none. */
  drain(): void {
    this.#isDraining = true;
    if (this.#isIdle) this.#close();
  }

  destroy(): void {
    this.#abandon();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#isEnding) {
      this.#ignored += chunk.length;
      if (this.#ignored > ignoredAtMost) this.#socket.destroy();
      return;
    }
    if (this.#packets.buffered === 0) this.#waiting.began(this.#parts.clock.monotonic());
    this.#packets.push(chunk);
    this.#turn();
  }

  #turn(): void {
    // Nothing new for whoever does not take what was said: answers, even to a CPing, would heap up here.
    const takesMore = () => this.#exchange?.isOwed ?? !this.#socket.writableNeedDrain;
    while (!this.#isEnding && takesMore()) {
      const split = this.#packets.next();
      if (split.kind === 'malformed') {
        this.#malformed(split.why);
        return;
      }
      if (split.kind === 'more') break;
      this.#waiting.began(this.#parts.clock.monotonic());
      if (this.#exchange === undefined) this.#begin(split.payload);
      else this.#body(this.#exchange, split.payload);
    }
    // A balancer asks one thing at a time. To let it wait would be not to notice when it leaves.
    if (!this.#isEnding && this.#packets.buffered > this.#parts.limits.maxPacketSize) this.#malformed('too much ahead');
  }

  #begin(payload: Buffer): void {
    const code = payload[0];
    if (code === incoming.forwardRequest) {
      this.#request(payload);
    } else if (code === incoming.cping && payload.length === 1) {
      this.#pinged();
    } else {
      // Shutting down is for whoever runs the node, not for whoever reaches this port.
      if (code === incoming.shutdown) this.#parts.counters.shutdowns++;
      this.#malformed(code === incoming.shutdown ? 'asked to shut down' : 'no request');
    }
  }

  #pinged(): void {
    if (this.#isDraining || !this.#parts.isReady()) {
      this.#parts.counters.unready++;
      this.#close();
    } else {
      this.#parts.counters.pings++;
      this.#send(cpong);
    }
  }

  #request(payload: Buffer): void {
    const decoded = decodeForwardRequest(payload);
    if (decoded.kind === 'malformed') {
      this.#refuse('malformed', decoded.why, 400);
      return;
    }
    const admission = admit(decoded.request, this.#parts.rules);
    if (admission.kind === 'refused') {
      this.#refuse(counterOf[admission.reason], admission.why, admission.status);
      return;
    }
    this.#parts.counters.requests++;
    this.#waiting.trusted(this.#parts.clock.monotonic());
    this.#open(decoded.request, admission.message);
  }

  #open(request: ForwardRequest, message: Message): void {
    const { clock, limits, server } = this.#parts;
    const socket = new BrowserSocket(request, clock);
    remember(socket, request);
    try {
      this.#exchange = new Exchange({
        ...{ clock, server, message, socket },
        maxPacketSize: limits.maxPacketSize,
        send: (bytes) => this.#send(bytes),
        over: (outcome) => this.#over(outcome),
      });
    } catch (error) {
      // Node's own client looks again at what `fields.ts` has let through.
      this.#refuse('badRequests', (error as NodeJS.ErrnoException).code ?? 'unknown', 400);
    }
  }

  #body(exchange: Exchange, payload: Buffer): void {
    const fault = exchange.take(payload);
    if (fault === undefined) return;
    this.#complain('badBodies', fault);
    this.destroy();
  }

  #over(outcome: Outcome): void {
    this.#exchange = undefined;
    this.#waiting.idle(this.#parts.clock.monotonic());
    if (outcome === 'cut') {
      // As over HTTP: the browser has to see that there is no more to come, and an end would be one.
      this.#parts.counters.cut++;
      this.destroy();
    } else if (outcome === 'too-large') {
      this.#refuse('answersTooLarge', 'the headers of an answer do not fit into one packet of maxPacketSize', 500);
    } else {
      this.#parts.counters.answers++;
      this.#send(this.#isDraining ? endAndClose : endAndReuse);
      if (this.#isDraining) this.#close();
      else this.#turn();
    }
  }

  #refuse(counter: Counter, why: string, status: number): void {
    this.#complain(counter, why);
    this.#answerAndClose(status);
  }

  #answerAndClose(status: number): void {
    const reason = STATUS_CODES[status] ?? '';
    const text = Buffer.from(`${reason}\n`);
    const headers = ['Content-Type', 'text/plain', 'Content-Length', String(text.length), 'Cache-Control', 'no-store'];
    this.#send(sendHeaders(status, reason, headers, this.#parts.limits.maxPacketSize)!);
    for (const packet of bodyChunks(text, this.#parts.limits.maxPacketSize)) this.#send(packet);
    this.#send(endAndClose);
    this.#close();
  }

  /** Ends, and reads on for a moment: a reset would take back what was said last. */
  #close(): void {
    this.#isEnding = true;
    this.#waiting.ending(this.#parts.clock.monotonic());
    this.#socket.end();
  }

  #malformed(why: string): void {
    this.#complain('malformed', why);
    this.destroy();
  }

  #complain(counter: Counter, why: string): void {
    this.#parts.counters[counter]++;
    this.#parts.complaints.warn(counter, { from: this.#from, why }, 'refused what came by AJP');
  }

  /** Several packets of a turn go out in one piece. */
  #send(bytes: Buffer): boolean {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    const takesMore = this.#socket.write(bytes);
    if (!takesMore) this.#waiting.stalled(this.#parts.clock.monotonic());
    return takesMore;
  }

  #drained(): void {
    this.#exchange?.resume();
    this.#turn();
  }

  #left(): void {
    if (this.#exchange !== undefined) this.#parts.counters.left++;
    this.#abandon();
    this.#socket.destroy();
  }

  #abandon(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.abort();
  }
}
