/** A balancer's connection: sends packets, gives the body when it is asked for, and tells what came. */

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { bodyPacket, type Forwarded, forward, readSent, type Sent } from './packets.ts';

export interface AjpAnswer {
  readonly status: number;
  readonly message: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly reuse: boolean;
  /** How often more of the body was asked for. */
  readonly asked: number;
  /** How often it was told to pass on what it has. */
  readonly flushes: number;
}

export interface Upload {
  /** Sent in pieces of at most `pieceBytes` (default 8184), the first unasked if `headers` has a content-length. */
  readonly body?: Buffer;
  readonly pieceBytes?: number;
  readonly onSent?: (sent: Sent) => void;
}

export class AjpClient {
  readonly socket: Duplex;
  /** Resolves when the node has closed the connection, with what it had sent that nobody took. */
  readonly closed: Promise<readonly Sent[]>;
  #rest: Buffer = Buffer.alloc(0);
  readonly #arrived: Sent[] = [];
  #wake = () => {};
  #isClosed = false;

  /** @param to a port of 127.0.0.1, or a connection */
  constructor(to: number | Duplex) {
    this.socket = typeof to === 'number' ? connect({ port: to, host: '127.0.0.1', noDelay: true }) : to;
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve(this.#arrived);
      }),
    );
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next packet of the node. @throws Error the connection closed first */
  async next(): Promise<Sent> {
    for (;;) {
      const sent = this.#arrived.shift();
      if (sent !== undefined) return sent;
      if (this.#isClosed) throw new Error('closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** One request and its whole answer. @throws Error closed before its end */
  async ask(given: Forwarded, upload: Upload = {}): Promise<AjpAnswer> {
    this.write(forward(given));
    return this.answer(given, upload);
  }

  /** The answer to a request that was sent. */
  async answer(
    given: Forwarded,
    { body = Buffer.alloc(0), pieceBytes = 8_184, onSent }: Upload = {},
  ): Promise<AjpAnswer> {
    let at = 0;
    const give = () => {
      this.write(bodyPacket(body.subarray(at, at + pieceBytes)));
      at += pieceBytes;
    };
    const length = given.headers?.find(([header]) => String(header).toLowerCase() === 'content-length')?.[1];
    if (Number(length ?? 0) > 0) give();
    let head: Extract<Sent, { kind: 'headers' }> | undefined;
    const chunks: Buffer[] = [];
    let asked = 0;
    let flushes = 0;
    for (;;) {
      const sent = await this.next();
      onSent?.(sent);
      if (sent.kind === 'headers') head = sent;
      else if (sent.kind === 'chunk') sent.data.length > 0 ? chunks.push(sent.data) : flushes++;
      else if (sent.kind === 'get-body') {
        asked++;
        give();
      } else if (sent.kind === 'end') {
        if (head === undefined) throw new Error('an end without headers');
        const { status, message, headers } = head;
        return { status, message, headers, body: Buffer.concat(chunks), reuse: sent.reuse, asked, flushes };
      } else throw new Error('a CPong within an answer');
    }
  }

  end(): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4) {
      if (this.#rest.toString('latin1', 0, 2) !== 'AB') throw new Error('not AJP');
      const end = 4 + this.#rest.readUInt16BE(2);
      if (this.#rest.length < end) break;
      this.#arrived.push(readSent(this.#rest.subarray(4, end)));
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }
}

/** The values of a header, in order. */
export const valuesOf = ({ headers }: AjpAnswer, name: string): readonly string[] =>
  headers.filter(([header]) => header.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
