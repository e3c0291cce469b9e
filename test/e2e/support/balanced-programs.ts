/**
 * Debian's HAProxy, nginx and Caddy, run with printed files and nothing of the system's own: files and process ids in
 * the cluster's directory, in the foreground, as children of the test.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { PrintedFile } from '../../../server/balancer/installation.ts';
import type { Balanced } from './balanced.ts';
import { type Watched, watch } from './demo.ts';
import { noHttpd, startHttpd } from './httpd.ts';

/** httpd is started by `httpd.ts`: its files go into a place of their own, with modules around them. */
type OwnProgram = 'haproxy' | 'nginx' | 'caddy';
export type BalancerName = OwnProgram | 'apache' | 'mod_jk';

interface Program {
  readonly path: string;
  /** The arguments; writes what stands around the printed files. */
  readonly args: (directory: string, files: readonly PrintedFile[]) => readonly string[];
}

const programs: Readonly<Record<OwnProgram, Program>> = {
  haproxy: {
    path: '/usr/sbin/haproxy',
    args: (directory, [file]) => ['-db', '-f', join(directory, file!.name)],
  },
  nginx: { path: '/usr/sbin/nginx', args: nginxArgs },
  caddy: {
    path: '/usr/bin/caddy',
    args: (directory, [file]) => ['run', '--config', join(directory, file!.name), '--adapter', 'caddyfile'],
  },
};

/** Why it cannot be run here, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export function noBalancer(name: BalancerName): string | false {
  if (isHttpd(name)) return noHttpd(name === 'mod_jk');
  const missing = [programs[name].path, '/usr/bin/openssl'].filter((file) => !existsSync(file));
  if (missing.length === 0 || process.env['LATCHKEY_REQUIRE_ALL'] === '1') return false;
  return `${missing.join(', ')} is not installed (apt-get install ${name} openssl)`;
}

const isHttpd = (name: BalancerName): name is 'apache' | 'mod_jk' => name === 'apache' || name === 'mod_jk';

export interface RunningBalancer extends Watched {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Writes the files and runs the program; resolves when it listens. Standard output and error are watched. */
export async function startBalancer(
  name: BalancerName,
  files: readonly PrintedFile[],
  { directory, port }: Pick<Balanced, 'directory' | 'port'>,
): Promise<RunningBalancer> {
  if (isHttpd(name)) {
    const { child, stop, log } = await startHttpd({ files, directory, modJk: name === 'mod_jk' });
    const output = () => ['error.log', 'mod_jk.log', 'latchkey.log'].map(log).join('\n');
    return { ...watch(child), child, stop, output };
  }
  for (const file of files) writeFileSync(join(directory, file.name), file.text);
  const { path, args } = programs[name];
  const child = spawn(path, args(directory, files), {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
    env: {
      ...process.env,
      HOME: directory,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
      LATCHKEY_RUN: directory,
      LATCHKEY_LOG: 'stdout',
    },
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const watched = watch(child);
  let ended = false;
  void watched.exit.then(() => (ended = true));
  const stop = async () => {
    child.kill('SIGTERM');
    await watched.exit;
  };
  for (let asked = 0; asked < 400 && !ended; asked++) {
    if (await listens(port)) return { ...watched, child, stop };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await stop();
  throw new Error(`${name} does not listen on ${port}:\n${watched.output()}`);
}

/** Around what is printed, only what keeps it away from the system's own nginx. */
function nginxArgs(directory: string, files: readonly PrintedFile[]): readonly string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const includes = files.map(({ name }) => `include ${join(directory, name)};`);
  const main = join(directory, 'nginx.conf');
  writeFileSync(
    main,
    `daemon off; worker_processes 1; pid ${join(directory, 'nginx.pid')}; error_log stderr;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {} http { access_log off; ${temporary.join(' ')} ${includes.join(' ')} }`,
  );
  return ['-c', main, '-e', 'stderr'];
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}
