/**
 * An HTTP server with the limits that a public one needs (T14, check 76): Node's own are 60 s for
 * headers and 300 s for a request, and it looks every 30 s only.
 */

import { createServer, type RequestListener, type Server } from 'node:http';
import { UsageError } from './usage.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface WebServer {
  readonly server: Server;
  /** Takes no connections any more, lets answers under way finish for `graceMs` (default 2000), then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

const limits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  keepAliveTimeout: 5_000,
} as const;
const headersAtMost = 100;

/** Resolves once it listens. @throws UsageError the address can't be listened on */
export function listen(listener: RequestListener, { host, port }: Address): Promise<WebServer> {
  const server = createServer(limits, listener);
  server.maxHeadersCount = headersAtMost;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new UsageError(listenProblem(error, { host, port }))),
    );
    server.listen(port, host, () => resolve({ server, close: (graceMs = 2_000) => close(server, graceMs) }));
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

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
