/**
 * Clients that take their time (check 76): some hundreds or thousands of connections at once, each in one of the ways in
 * which a server's patience is used up. All of them are driven by one timer, so that they cost their own process little.
 */

import { connect, type Socket } from 'node:net';

/** What a connection sends at once, what it goes on with each second, and whether it reads. */
export interface Way {
  readonly name: string;
  /** Seconds after it was opened by which the server is to have ended it: SECURITY.md's 10 for headers and 15 for a request. */
  readonly cutInSeconds: number;
  readonly first: string;
  /** Sent each second, or so often. */
  readonly more?: string;
  readonly everyMs?: number;
  /** Takes nothing from the socket, so that it learns of its end by sending alone. */
  readonly readsNothing?: true;
  /** A flood rather than a slow client: there are few of it. */
  readonly isCostly?: true;
}

const host = 'Host: sso.xyz.test\r\nX-Forwarded-Proto: https\r\n';
const post = `POST /login HTTP/1.1\r\n${host}Content-Type: application/x-www-form-urlencoded\r\n`;
const answered = `GET /livez HTTP/1.1\r\n${host}\r\n`;
const questions = (count: number) => `GET /style.css HTTP/1.1\r\n${host}\r\n`.repeat(count);

export const ways: readonly Way[] = [
  { name: 'says nothing', cutInSeconds: 10, first: '' },
  { name: 'sends a request line, a byte a second', cutInSeconds: 10, first: 'GET /', more: 'a' },
  { name: 'sends blank lines', cutInSeconds: 10, first: '\r\n', more: '\r\n' },
  { name: 'sends one header, a byte a second', cutInSeconds: 10, first: `GET / HTTP/1.1\r\n${host}X: `, more: 'x' },
  { name: 'sends headers, a line a second', cutInSeconds: 10, first: `GET / HTTP/1.1\r\n${host}`, more: 'A: b\r\n' },
  { name: 'asks, and says nothing more', cutInSeconds: 10, first: answered },
  { name: 'asks, then begins another question', cutInSeconds: 10, first: `${answered}GET /`, more: 'a' },
  {
    name: 'sends a form, a byte a second',
    cutInSeconds: 15,
    first: `${post}Content-Length: 4000\r\n\r\nusername=`,
    more: 'a',
  },
  {
    name: 'sends a form, a chunk a second',
    cutInSeconds: 15,
    first: `${post}Transfer-Encoding: chunked\r\n\r\n`,
    more: '1\r\na\r\n',
  },
  { name: 'promises a form, and sends none', cutInSeconds: 15, first: `${post}Content-Length: 40\r\n\r\n` },
  { name: 'asks a thousand times in one breath', cutInSeconds: 10, first: questions(1_000), isCostly: true },
  // After some megabytes both kernels have taken all that they keep for it, and the server has to wait.
  {
    name: 'asks on and on, and reads no answer',
    cutInSeconds: 15,
    first: '',
    more: questions(10),
    everyMs: 50,
    readsNothing: true,
    isCostly: true,
  },
];

/** A process that waits is late itself, and so is one that is asked by thousands: what a cut may be late by. */
export const graceMs = 3_000;

export interface SlowConnection {
  readonly way: Way;
  /** Milliseconds from its opening until the server ended it; `undefined` while it has not. */
  readonly cutAfterMs: number | undefined;
  /** Whether it was ever open. */
  readonly isConnected: boolean;
}

export interface SlowClients {
  readonly connections: readonly SlowConnection[];
  /** Resolves when the server has ended all of them, or after so long. */
  ended(withinMs: number): Promise<void>;
  stop(): void;
}

/** To twenty connections of each other way there is one of the costly. */
const fewer = 20;
const tickMs = 50;
const perSecond = 2_000;

/** Opens `count` connections, two thousand a second; resolves when all are opened. */
export async function slowClients(port: number, count: number, chosen = ways): Promise<SlowClients> {
  const rounds = Array.from({ length: fewer }, (_, round) => chosen.filter((way) => !way.isCostly || round === 0));
  const order = rounds.flat();
  const connections: Connection[] = [];
  let open = 0;
  let settle = () => {};
  const ticker = setInterval(() => {
    const now = performance.now();
    for (const one of connections) one.goOn(now);
  }, tickMs);
  for (let i = 0; i < count; i++) {
    open++;
    connections.push(new Connection(port, order[i % order.length]!, () => --open === 0 && settle()));
    if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 100_000 / perSecond));
  }
  return {
    connections,
    ended: (withinMs) =>
      new Promise((resolve) => {
        const limit = setTimeout(resolve, withinMs);
        settle = () => {
          clearTimeout(limit);
          resolve();
        };
        if (open === 0) settle();
      }),
    stop: () => {
      clearInterval(ticker);
      for (const one of connections) one.end();
    },
  };
}

class Connection implements SlowConnection {
  readonly way: Way;
  readonly #socket: Socket;
  readonly #openedAt = performance.now();
  #nextAt = this.#openedAt;
  cutAfterMs: number | undefined;
  isConnected = false;

  constructor(port: number, way: Way, onEnd: () => void) {
    this.way = way;
    this.#socket = connect({ port, host: '127.0.0.1' }, () => {
      this.isConnected = true;
      if (way.first !== '') this.#socket.write(way.first);
    });
    if (way.readsNothing !== true) this.#socket.resume();
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      this.cutAfterMs = performance.now() - this.#openedAt;
      onEnd();
    });
  }

  goOn(now: number): void {
    const { more, everyMs = 1_000 } = this.way;
    if (more === undefined || now < this.#nextAt || !this.#socket.writable) return;
    this.#nextAt = now + everyMs;
    this.#socket.write(more);
  }

  end(): void {
    this.#socket.destroy();
  }
}
