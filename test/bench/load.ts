/**
 * Requests at a fixed rate over connections that are kept alive: what a server process costs per
 * request is compared at the same, moderate load, not at the point where it breaks down.
 */

import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** The Cookie header of every request, or '' for none; of several, each request takes the next. */
  readonly cookie: string | readonly string[];
  /** Default `/orders`. */
  readonly path?: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Milliseconds from sending to the last byte, one a request. */
  readonly latencies: readonly number[];
}

/** Between two looks at what is due, milliseconds: many small bursts, as from many browsers. */
const tickMs = 4;

/** Sends the load and waits for all answers. @throws Error an answer that is not 200 */
export async function drive(load: Load): Promise<LoadResult> {
  const { port, cookie, path = '/orders', perSecond, seconds, connections } = load;
  const requests = (typeof cookie === 'string' ? [cookie] : cookie).map((one) =>
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: app1.xyz.localhost:${port}\r\nAccept: text/html\r\n${one === '' ? '' : `Cookie: ${one}\r\n`}\r\n`,
    ),
  );
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const latencies: number[] = [];
  const total = Math.round(perSecond * seconds);
  const begun = performance.now();
  let sent = 0;
  /** The connections take turns: a server closes one that nobody uses for seconds. */
  let turn = 0;
  await new Promise<void>((resolve, reject) => {
    const onAnswer = (ms: number) => {
      latencies.push(ms);
      if (latencies.length === total) {
        clearInterval(timer);
        resolve();
      }
    };
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * perSecond));
      for (let tried = 0; tried < lines.length && sent < due; tried++) {
        const line = lines[turn++ % lines.length]!;
        if (!line.busy) line.ask(requests[sent++ % requests.length]!, onAnswer, reject);
      }
    }, tickMs);
  });
  for (const line of lines) line.close();
  return { requests: total, latencies };
}

/** One connection with one question at a time. */
class Line {
  busy = false;
  #text = '';
  #askedAt = 0;
  #answered: (ms: number) => void = () => {};
  #failed: (error: Error) => void = () => {};
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#heard(text));
    socket.on('error', (error) => this.#failed(error));
  }

  static open(port: number): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Line(socket)));
      socket.once('error', reject);
    });
  }

  ask(request: Buffer, answered: (ms: number) => void, failed: (error: Error) => void): void {
    this.busy = true;
    this.#answered = answered;
    this.#failed = failed;
    this.#askedAt = performance.now();
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #heard(text: string): void {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)?.[1] ?? Number.NaN);
    if (this.#text.length < head + 4 + length) return;
    const status = this.#text.slice(9, 12);
    this.#text = '';
    this.busy = false;
    if (status !== '200') this.#failed(new Error(`an answer was ${status}`));
    else this.#answered(performance.now() - this.#askedAt);
  }
}
