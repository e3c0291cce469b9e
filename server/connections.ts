/**
 * What Node's server does not see by itself (check 76). It has limits for headers, for requests and for idle connections; but it
 * waits for ever for a client that takes nothing of its answer, it takes in all of a body that was refused, and
 * thousands of requests that come in one piece (RFC 9112, 9.3.2 allows it; no browser or proxy does it) are worked on before
 * anybody else's. So: once a second a look at every connection, a number for each, and no timers.
 */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** How long nothing of an answer may be taken. Too small: telephones in tunnels are cut. Too large: who reads nothing holds a connection. */
  readonly stalledMs: number;
  /** Bytes of a body; far above every limit of a route, which answers in its own words. */
  readonly bodyBytes: number;
  /** Requests of a connection that are not answered yet; one more ends it. */
  readonly pipelined: number;
}

const lookMs = 1_000;

interface Seen {
  unanswered: number;
  /** Bytes that had come when the last request began. */
  requestFrom: number;
  /** Bytes of answers that had been taken at the last look, and since when it was so many. */
  taken: number;
  takenAt: number;
}

/** Looks after the connections of a server until it is closed; hands on to `listener` what is within the limits. */
export function watchConnections(server: Server, listener: RequestListener, limits: ConnectionLimits): void {
  const { stalledMs, bodyBytes, pipelined } = limits;
  const connections = new Map<Socket, Seen>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { unanswered: 0, requestFrom: 0, taken: 0, takenAt: performance.now() });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    const seen = connections.get(socket);
    if (seen === undefined || socket.destroyed) return;
    if (seen.unanswered === pipelined) return void socket.destroy();
    seen.unanswered++;
    seen.requestFrom = socket.bytesRead;
    res.once('close', () => seen.unanswered--);
    if (Number(req.headers['content-length'] ?? 0) > bodyBytes) return tooLarge(res);
    listener(req, res);
  });
  // What is upgraded is no HTTP any more. Only where somebody else takes upgrades: a listener of ours would make Node expect that.
  let seesUpgrades = false;
  server.on('newListener', (name) => {
    if (name !== 'upgrade' || seesUpgrades) return;
    seesUpgrades = true;
    server.prependListener('upgrade', ({ socket }: IncomingMessage) => connections.delete(socket));
  });
  const look = () => {
    const now = performance.now();
    for (const [socket, seen] of connections) {
      const taken = socket.bytesWritten - socket.writableLength;
      if (taken !== seen.taken || socket.writableLength === 0) Object.assign(seen, { taken, takenAt: now });
      if (now - seen.takenAt >= stalledMs || socket.bytesRead - seen.requestFrom > bodyBytes) socket.destroy();
    }
  };
  const timer = setInterval(look, lookMs).unref();
  server.once('close', () => clearInterval(timer));
}

/** Without reading any of it. */
function tooLarge(res: ServerResponse): void {
  res.writeHead(413, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', Connection: 'close' });
  res.end('That is too much.\n');
}
