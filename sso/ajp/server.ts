/** The listener: accepts balancers' connections up to a number, looks after them, and closes without losing an answer. */

import type { RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { bounded, type Clock, every } from '../clock.ts';
import { SsoError } from '../errors.ts';
import { Connection, type ConnectionParts } from './connection.ts';
import { type AjpOptions, checkAjpOptions, type Limits } from './options.ts';
import { connectionParts } from './parts.ts';

export interface AjpServer {
  readonly address: { readonly host: string; readonly port: number };
  /** What happened since it listens; the names are in `counters.ts`. */
  readonly counters: Readonly<Record<string, number>>;
  /** Takes no connections any more, ends those that are idle and the others after the answer under way; resolves when none is left, or after `graceMs` (default 2000). */
  leave(graceMs?: number): Promise<void>;
  /** Takes no connections any more, ends those that are idle, lets answers under way finish for `graceMs` (default 2000), then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Lets mod_jk and mod_proxy_ajp reach a Node application as they reach a servlet container. `handler` is
 * an Express application, or whatever listens to requests. Resolves once it listens.
 * @throws SsoError ERR_CONFIG_INVALID, ERR_CHANNEL_FAILED
 */
export async function ajpServer(handler: RequestListener, options: AjpOptions): Promise<AjpServer> {
  const checked = checkAjpOptions(options);
  const { host, port, limits } = checked;
  if (options.secret === undefined)
    options.log?.warn(
      { listen: options.listen },
      'AJP without a secret: every user of this machine can be any browser',
    );
  const parts = connectionParts(handler, options, checked);
  const { clock, counters, complaints } = parts;
  const connections = new Set<Connection>();
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    if (connections.size >= limits.maxConnections) {
      counters.crowded++;
      complaints.warn('crowded', { maxConnections: limits.maxConnections }, 'too many AJP connections');
      socket.destroy();
    } else {
      accept(socket, connections, parts);
    }
  });
  await listen(server, host, port);
  const stopSweeping = every(clock, sweepEachMs(limits), () => sweep(connections, clock));
  const bound = server.address();
  let left: Promise<void> | undefined;
  const leave = () => {
    for (const connection of [...connections]) connection.drain();
    left ??= new Promise((resolve) => server.close(() => resolve()));
    return left;
  };
  return {
    address: { host, port: typeof bound === 'object' && bound !== null ? bound.port : port },
    counters,
    leave: (graceMs = 2_000) => bounded(clock, graceMs, leave(), undefined),
    close: async (graceMs = 2_000) => {
      await bounded(clock, graceMs, leave(), undefined);
      for (const connection of [...connections]) connection.destroy();
      await leave().finally(stopSweeping);
    },
  };
}

function accept(socket: Socket, connections: Set<Connection>, parts: ConnectionParts): void {
  const connection = new Connection(socket, parts);
  connections.add(connection);
  socket.once('close', () => connections.delete(connection));
}

function sweep(connections: ReadonlySet<Connection>, clock: Clock): void {
  const now = clock.monotonic();
  for (const connection of connections) connection.sweep(now);
}

function sweepEachMs({ idleMs, packetMs, requestMs, stalledMs }: Limits): number {
  return Math.max(5, Math.min(1_000, Math.min(idleMs, packetMs, requestMs, stalledMs) / 4));
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const message = `cannot listen on ${host}:${port} for AJP: ${cause.code ?? cause.message}`;
      reject(new SsoError('ERR_CHANNEL_FAILED', message, { cause }));
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      // A connection that could not be accepted (EMFILE) is not the end of the listener.
      server.on('error', () => {});
      resolve();
    });
  });
}
