/** A real NATS server on loopback, with a password: Debian's `nats-server`. Missing, the tests are skipped, unless everything is required. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
const binary = folders.map((folder) => join(folder, 'nats-server')).find((path) => existsSync(path));

/** Why there is no server, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export const noNats: string | false =
  binary !== undefined || process.env['LATCHKEY_REQUIRE_ALL'] === '1'
    ? false
    : 'nats-server is not installed (apt-get install nats-server)';

export const natsUser = 'latchkey';
export const natsPassword = 'carries-frames';

export class NatsTestServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'latchkey-nats-'));
  readonly #settings: string;
  #child: ChildProcess | undefined;
  port = 0;

  /** `settings`: lines of the server's configuration beside address and user. */
  constructor(settings = '') {
    this.#settings = settings;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Started again it listens on the same port. */
  async start(settings = this.#settings): Promise<this> {
    if (this.port === 0) this.port = await freePort();
    const user = `authorization { user: ${natsUser}, password: "${natsPassword}" }`;
    const file = this.write(
      'server.conf',
      `listen: "127.0.0.1:${this.port}"\n${settings.includes('authorization') ? '' : user}\n${settings}\n`,
    );
    const child = spawn(binary ?? 'nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}: ${said}`)));
      child.stderr!.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Server is ready')) resolve();
      });
    });
    return this;
  }

  /** Writes a file beside the configuration; returns its path. */
  write(name: string, content: string): string {
    const file = join(this.#folder, name);
    writeFileSync(file, content);
    return file;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  /** Nothing is answered any more, and nothing ends. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
