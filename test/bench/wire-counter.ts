/** Counts what goes over connections: a TCP proxy in front of an address. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface WireCounter {
  /** Connect here instead. */
  readonly address: string;
  /** So far, TLS and all: from who connects, and to it. */
  readonly bytes: { readonly up: number; readonly down: number };
  stop(): void;
}

/** @param target `address:port` */
export function wireCounter(target: string): Promise<WireCounter> {
  const bytes = { up: 0, down: 0 };
  const open = new Set<Socket>();
  const at = target.lastIndexOf(':');
  const server = createServer((near) => {
    const far = connect(Number(target.slice(at + 1)), target.slice(0, at));
    carry(near, far, (length) => (bytes.up += length));
    carry(far, near, (length) => (bytes.down += length));
  });
  const carry = (from: Socket, to: Socket, count: (length: number) => void) => {
    open.add(from.setNoDelay(true));
    from.on('data', (chunk: Buffer) => {
      count(chunk.length);
      to.write(chunk);
    });
    from.on('error', () => {});
    from.once('close', () => {
      open.delete(from);
      to.destroy();
    });
  };
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
        bytes,
        stop() {
          server.close();
          for (const socket of open) socket.destroy();
        },
      }),
    ),
  );
}
