/**
 * The cluster port. Nothing that comes here is parsed before TLS has proven that it comes from a member;
 * until then a connection is a stranger: few at a time, the oldest gives way to the newest (a member
 * needs milliseconds, so whoever holds connections open keeps no member out), and each under a deadline.
 */

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';
import type { Complaints } from './complaints.ts';
import type { Credentials } from './credentials.ts';

export interface ListenerParts {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly protocol: string;
  readonly complaints: Complaints;
  readonly maxStrangers: number;
  readonly handshakeMs: number;
  /** A member dialled; `trusted` takes the connection out of the strangers and off the deadline. */
  secured(socket: TLSSocket, trusted: Cancel): void;
}

export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: Server;
  readonly #strangers = new Map<string, Stranger>();

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.#server = createServer(parts.credentials.server);
    this.#server.prependListener('connection', (socket: Socket) => this.#meet(socket));
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const from = socket.remoteAddress ?? 'gone';
      const why = error.code ?? error.message;
      const claim = parts.credentials.claimOf(socket, why);
      const message = endings.has(why) ? 'a connection to the cluster port ended in its handshake' : undefined;
      parts.complaints.stranger('handshake', { from, claim, why }, message);
      socket.destroy();
    });
  }

  /** Resolves with the port. @throws SsoError ERR_CHANNEL_FAILED */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException) => {
        reject(
          new SsoError(
            'ERR_CHANNEL_FAILED',
            `cannot listen on ${host}:${port} for the cluster: ${cause.code ?? cause.message}`,
            { cause },
          ),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed);
        this.#server.on('error', () => this.#parts.complaints.count('listener'));
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Resolves once no connection is left, those of members included: end these first. */
  close(): Promise<void> {
    for (const stranger of this.#strangers.values()) stranger.drop();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #meet(socket: Socket): void {
    const { clock, complaints, handshakeMs, maxStrangers } = this.#parts;
    const name = nameOf(socket);
    const [oldest] = this.#strangers.values();
    if (oldest !== undefined && this.#strangers.size >= maxStrangers) {
      complaints.stranger('crowd', { from: oldest.from });
      oldest.drop();
    }
    const drop = () => {
      forget();
      socket.destroy();
    };
    const cancel = clock.after(handshakeMs, () => {
      complaints.stranger('slow', { from: socket.remoteAddress ?? 'gone' });
      drop();
    });
    const forget = () => {
      cancel();
      if (this.#strangers.get(name)?.drop === drop) this.#strangers.delete(name);
    };
    socket.once('close', forget);
    this.#strangers.set(name, { from: socket.remoteAddress ?? 'gone', drop, forget });
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => {});
    const stranger = this.#strangers.get(nameOf(socket));
    if (stranger === undefined) return void socket.destroy();
    if (socket.alpnProtocol !== this.#parts.protocol) {
      this.#parts.complaints.stranger('protocol', { from: stranger.from });
      return void stranger.drop();
    }
    this.#parts.secured(socket, stranger.forget);
  }
}

/** The other end went away, or the way to it broke: nobody was refused. */
const endings = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED']);

interface Stranger {
  readonly from: string;
  readonly drop: () => void;
  readonly forget: () => void;
}

/** The same for a connection before and after TLS took it. */
function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
