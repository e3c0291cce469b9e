/** A Redis server of our own on a free loopback port, if the machine has one: it keeps nothing and ends with the benchmark. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PrivateRedis {
  readonly port: number;
  stop(): Promise<void>;
}

/** `undefined`: no `redis-server` is installed. @throws Error it is, and does not start within 5 s */
export async function privateRedis(): Promise<PrivateRedis | undefined> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: 'ignore' },
  );
  const missing = new Promise<'missing'>((resolve) => server.once('error', () => resolve('missing')));
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async () => {
    server.kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  for (const until = performance.now() + 5_000; performance.now() < until; ) {
    if ((await Promise.race([missing, reaches(port)])) === 'missing') {
      rmSync(folder, { recursive: true, force: true });
      return undefined;
    }
    if (await reaches(port)) return { port, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error('redis-server did not start');
}

function reaches(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
