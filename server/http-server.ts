/**
 * An HTTP server with the limits that a public one needs (T14, check 76): Node's own are 60 s for
 * headers and 300 s for a request, and it looks every 30 s only; who takes no answer is waited for by it for ever.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { watchConnections } from './connections.ts';
import { UsageError } from './usage.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface WebServer {
  readonly server: Server;
  /**
   * Takes no connections any more; resolves when the answers under way are finished, or after `graceMs` (default 2000). What
   * outlives its request, as WebSockets do, stays until `close`.
   */
  leave(graceMs?: number): Promise<void>;
  /** Takes no connections any more, lets answers under way finish for `graceMs` (default 2000), then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

/** Headers are to be there within 10 s, a request within 15 s: it looks once a second, and a loaded process is late. */
const limits = {
  headersTimeout: 8_500,
  requestTimeout: 13_500,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  keepAliveTimeout: 5_000,
} as const;
const headersAtMost = 100;
/** Connections that wait to be taken; the system may allow fewer. Beyond it a browser tries again after a second. */
const backlog = 4_096;

/** Of bodies, forms of 16 kB and passwords of 4096 characters are the largest that a route takes. */
const connectionLimits = { stalledMs: 12_000, bodyBytes: 4 * 1_048_576, pipelined: 64 } as const;

/** From a connection's beginning to its first request, where the client does not dawdle. */
const lookMs = 100;

/** A turn of the event loop that takes less has had nothing to do. */
const quietMs = 0.1;

/** Resolves once it listens. @throws UsageError the address can't be listened on */
export function listen(listener: RequestListener, { host, port }: Address): Promise<WebServer> {
  const server = createServer(limits);
  server.maxHeadersCount = headersAtMost;
  watchConnections(server, listener, connectionLimits);
  const underWay = new UnderWay(server);
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new UsageError(listenProblem(error, { host, port }))),
    );
    server.listen(port, host, backlog, () =>
      resolve({
        server,
        async leave(graceMs = 2_000) {
          await quietMoment();
          if (server.listening) server.close();
          // Time to read what came by connections that were taken last.
          await new Promise((resolve) => setTimeout(resolve, lookMs));
          await underWay.over(graceMs);
        },
        close: (graceMs = 2_000) => close(server, graceMs),
      }),
    );
  });
}

/** `host:port`, an IPv6 address in brackets, as the configuration has checked it. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function listenProblem({ code, message }: NodeJS.ErrnoException, { host, port }: Address): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use by another program`;
  if (code === 'EACCES') return `port ${port} on ${host} may not be listened on by this user`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine`;
  return `${host}:${port} cannot be listened on: ${message}`;
}

/**
 * Resolves right after a turn of the event loop in which next to nothing had to be done. Connections that the system has taken
 * for us, and we have not yet, are reset when the listener closes; each turn takes all that there are, so after a
 * short one there is hardly time for another. On a machine that is never quiet it gives up after some tenths of a second.
 */
async function quietMoment(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    const from = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - from < quietMs) return;
  }
}

/** Answers that were begun and are not finished. Of a connection that is gone none is: those that waited their turn on it tell nobody. */
class UnderWay {
  readonly #answers = new Map<Socket, Set<ServerResponse>>();
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => socket.once('close', () => this.#forget(socket)));
    server.on('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
      if (socket.destroyed) return;
      const answers = this.#answers.get(socket) ?? new Set();
      this.#answers.set(socket, answers.add(res));
      res.once('close', () => {
        answers.delete(res);
        if (answers.size === 0) this.#forget(socket);
      });
    });
  }

  #forget(socket: Socket): void {
    this.#answers.delete(socket);
    if (this.#answers.size === 0) for (const done of this.#waiting.splice(0)) done();
  }

  /** Resolves when there are none, or after so long. */
  over(graceMs: number): Promise<void> {
    if (this.#answers.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const late = setTimeout(resolve, graceMs);
      this.#waiting.push(() => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    const closed = () => {
      clearTimeout(cut);
      resolve();
    };
    // It may have been told to listen no more, and still have connections: then the last one's end is the end.
    if (server.listening) server.close(closed);
    else server.getConnections((_error, open) => (open === 0 ? closed() : server.once('close', closed)));
    server.closeIdleConnections();
  });
}
