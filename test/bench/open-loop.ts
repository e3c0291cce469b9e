/**
 * Requests that come when they come, whatever became of those before, as a crowd sends them: what cannot
 * be sent because every connection still waits is counted, not forgotten. Answers of any status.
 */

import { connect, type Socket } from 'node:net';

export interface Stream {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** At most so many requests wait for an answer at once. */
  readonly connections: number;
  /** The n-th request, all of it. */
  readonly request: (n: number) => Buffer;
}

export interface Answered {
  readonly status: number;
  /** From sending to the last byte, milliseconds. */
  readonly ms: number;
}

export interface Streamed {
  readonly answers: readonly Answered[];
  /** Found no connection that was free. */
  readonly unsent: number;
}

/** Between two looks at what is due, milliseconds. */
const tickMs = 2;

/** Resolves when everything that was sent is answered. @throws Error a connection broke */
export async function openLoop({ port, perSecond, seconds, connections, request }: Stream): Promise<Streamed> {
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const free = [...lines];
  const answers: Answered[] = [];
  const total = Math.round(perSecond * seconds);
  let [sent, due, unsent] = [0, 0, 0];
  await new Promise<void>((resolve, reject) => {
    const begun = performance.now();
    const isOver = () => due >= total && answers.length + unsent >= total;
    const timer = setInterval(() => {
      const now = Math.min(total, Math.floor(((performance.now() - begun) / 1_000) * perSecond));
      for (; due < now; due++) {
        const line = free.pop();
        if (line === undefined) unsent++;
        else
          line.ask(request(sent++)).then(
            (answered) => {
              answers.push(answered);
              free.push(line);
              if (isOver()) done();
            },
            (error) => {
              clearInterval(timer);
              reject(error);
            },
          );
      }
      if (isOver()) done();
    }, tickMs);
    const done = () => {
      clearInterval(timer);
      resolve();
    };
  });
  for (const line of lines) line.close();
  return { answers, unsent };
}

/** One connection with one question at a time. */
class Line {
  readonly #socket: Socket;
  #text = '';
  #askedAt = 0;
  #settle: { readonly resolve: (answered: Answered) => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#heard(text));
    socket.on('error', (error) => this.#settle?.reject(error));
    socket.on('close', () => this.#settle?.reject(new Error('a connection was closed')));
  }

  static open(port: number): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Line(socket)));
      socket.once('error', reject);
    });
  }

  ask(request: Buffer): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#askedAt = performance.now();
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #heard(text: string): void {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    const status = Number(this.#text.slice(9, 12));
    this.#text = '';
    const { resolve } = this.#settle!;
    this.#settle = undefined;
    resolve({ status, ms: performance.now() - this.#askedAt });
  }
}
