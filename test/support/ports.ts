/**
 * Ports for the processes that tests start. Test files run side by side, and a port that is free now is another's a moment later, or
 * was only left by a node that is being started again. So each process of tests has places of its own, which are its as long as it
 * lives: it listens on their last port. All lie below the range from which systems take ports by themselves.
 */

import { createServer } from 'node:net';

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export interface Places {
  readonly first: number;
  /** Ports of each. */
  readonly size: number;
  readonly count: number;
}

/** The first port of a place that is this process' own from now on. @throws Error there is none left */
export async function ownPlace({ first, size, count }: Places): Promise<number> {
  // Most find a place at once: processes of one run have numbers near to each other.
  for (let tried = 0; tried < count; tried++) {
    const place = first + ((process.pid + tried) % count) * size;
    if (await claims(place + size - 1)) return place;
  }
  throw new Error('no free ports were found');
}

function claims(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
}
