/**
 * Requests at a fixed rate over connections that are kept alive: what a server process costs per
 * request is compared at the same, moderate load; or as many as are answered, which is where it breaks down.
 */

import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** The Cookie header of every request, or '' for none; of several, each request takes the next. */
  readonly cookie: string | readonly string[];
  /** Default `/orders`. */
  readonly path?: string;
  /** `Infinity`: every connection asks again as soon as it is answered. */
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
export async function drive({ port, cookie, path = '/orders', connections, ...pace }: Load): Promise<LoadResult> {
  const requests = (typeof cookie === 'string' ? [cookie] : cookie).map((one) =>
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: app1.xyz.localhost:${port}\r\nAccept: text/html\r\n${one === '' ? '' : `Cookie: ${one}\r\n`}\r\n`,
    ),
  );
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  let sent = 0;
  const latencies: number[] = [];
  const ask = async (line: Line) => latencies.push(await line.ask(requests[sent++ % requests.length]!));
  await (pace.perSecond === Number.POSITIVE_INFINITY ? unpaced(lines, ask, pace) : paced(lines, ask, pace));
  for (const line of lines) line.close();
  return { requests: latencies.length, latencies };
}

type Pace = Pick<Load, 'perSecond' | 'seconds'>;
type Ask = (line: Line) => Promise<unknown>;

async function unpaced(lines: readonly Line[], ask: Ask, { seconds }: Pace): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  await Promise.all(
    lines.map(async (line) => {
      while (performance.now() < until) await ask(line);
    }),
  );
}

function paced(lines: readonly Line[], ask: Ask, { perSecond, seconds }: Pace): Promise<void> {
  const total = Math.round(perSecond * seconds);
  const begun = performance.now();
  let sent = 0;
  let answered = 0;
  /** The connections take turns: a server closes one that nobody uses for seconds. */
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;
  return new Promise<void>((resolve, reject) => {
    const onAnswer = () => {
      if (++answered === total) resolve();
    };
    timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - begun) / 1_000) * perSecond));
      for (let tried = 0; tried < lines.length && sent < due; tried++) {
        const line = lines[turn++ % lines.length]!;
        if (line.busy) continue;
        sent++;
        ask(line).then(onAnswer, reject);
      }
    }, tickMs);
  }).finally(() => clearInterval(timer));
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

  /** Resolves with the milliseconds until the last byte. @throws Error it is not 200 */
  ask(request: Buffer): Promise<number> {
    this.busy = true;
    this.#askedAt = performance.now();
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
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
