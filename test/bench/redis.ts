/** A Redis server of our own on a free loopback port, if the machine has one, in plain or by TLS: it keeps nothing and ends with the benchmark. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { Authority, hasOpenssl } from '../channel/certificates.ts';

/** Where a Redis server is. */
export interface RedisPlace {
  readonly port: number;
  /** PEM of the authority to believe: it is spoken to by TLS. Default in plain. */
  readonly ca?: string;
}

export interface PrivateRedis extends RedisPlace {
  stop(): Promise<void>;
}

export interface PrivateRedisOptions {
  /** Default false. */
  readonly hasTls?: boolean;
}

export function redisClient({ port, ca }: RedisPlace) {
  if (ca === undefined) return createClient({ url: `redis://127.0.0.1:${port}` });
  return createClient({ url: `rediss://127.0.0.1:${port}`, socket: { tls: true, ca } });
}

/** `undefined`: no `redis-server` is installed, or with TLS no `openssl`. @throws Error it is, and does not start within 5 s */
export async function privateRedis({ hasTls = false }: PrivateRedisOptions = {}): Promise<PrivateRedis | undefined> {
  if (hasTls && !hasOpenssl()) return undefined;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  const certificates = hasTls ? certificatesOnce() : undefined;
  const server = spawn(
    'redis-server',
    [...wires(), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
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
    if (await reaches(port)) return { port, ...(certificates && { ca: certificates.ca }), stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error('redis-server did not start');

  function wires(): readonly string[] {
    if (certificates === undefined) return ['--port', String(port)];
    const files = Object.entries(certificates).map(([name, text]) => {
      const path = join(folder, `${name}.pem`);
      writeFileSync(path, text, { mode: 0o600 });
      return [name === 'ca' ? '--tls-ca-cert-file' : `--tls-${name}-file`, path];
    });
    return ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...files.flat()];
  }
}

function certificatesOnce() {
  const authority = new Authority();
  try {
    return authority.issue({ san: 'IP:127.0.0.1' });
  } finally {
    authority.remove();
  }
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
