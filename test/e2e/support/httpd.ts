/**
 * Debian's Apache httpd in the foreground, with files of its own in a temporary directory: modules and
 * logs stand around what a test gives, and the system's own httpd is not touched.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const program = '/usr/sbin/apache2';
export const moduleDirectory = '/usr/lib/apache2/modules';

/** All that Latchkey's files and examples use. */
const modules = [
  ...['mpm_event', 'authn_core', 'authz_core', 'authz_host', 'access_compat', 'alias', 'env', 'setenvif', 'mime'],
  ...['headers', 'reqtimeout', 'rewrite', 'remoteip', 'http2', 'ssl', 'socache_shmcb', 'status', 'slotmem_shm'],
  ...['proxy', 'proxy_http', 'proxy_ajp', 'proxy_balancer', 'proxy_hcheck', 'lbmethod_byrequests'],
];

export interface HttpdFiles {
  /** Named from `directory` on. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** The one that httpd includes; default: the only one, or the one that ends in `.conf`. */
  readonly main?: string;
  /** What stands before it, as in `Listen 127.0.0.1:8080`. */
  readonly before?: string;
  /** Loads mod_jk too. */
  readonly modJk?: boolean;
  /** The memory that a request gets holds nothing of the requests before it. */
  readonly cleanMemory?: boolean;
  /** Where the files are written; default: a new temporary directory, removed at the end. */
  readonly directory?: string;
}

export interface Httpd {
  readonly child: ChildProcess;
  readonly directory: string;
  /** A file of its logs: `error.log`, `latchkey.log`, `mod_jk.log`. */
  log(name: string): string;
  /** Resolves when a log has this: httpd writes it after the answer. */
  logged(name: string, pattern: RegExp): Promise<void>;
  stop(): Promise<void>;
}

/** Why it cannot be run here, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export function noHttpd(modJk = false): string | false {
  const wanted = [program, ...(modJk ? [`${moduleDirectory}/mod_jk.so`] : [])].filter((path) => !existsSync(path));
  if (wanted.length === 0 || process.env['LATCHKEY_REQUIRE_ALL'] === '1') return false;
  return `${wanted.join(', ')} is not installed (apt-get install apache2 libapache2-mod-jk)`;
}

/** Starts it; resolves once it has bound its ports. @throws Error what httpd said, if it does not start */
export async function startHttpd(given: HttpdFiles): Promise<Httpd> {
  const directory = given.directory ?? mkdtempSync(join(tmpdir(), 'latchkey-httpd-'));
  const main = writeHttpd(directory, given);
  const child = spawn(program, ['-d', directory, '-f', main, '-D', 'FOREGROUND'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // glibc fills memory that it hands out with the complement of this byte: with zeros.
    env: { ...process.env, ...(given.cleanMemory === true ? { MALLOC_PERTURB_: '255' } : {}) },
  });
  let said = '';
  child.stderr!.on('data', (chunk) => void (said += chunk));
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const log = (name: string) => {
    const file = join(directory, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const stop = async () => {
    child.kill('SIGTERM');
    await exit;
    if (given.directory === undefined) rmSync(directory, { recursive: true, force: true });
  };
  const logged = async (name: string, pattern: RegExp) => {
    for (let looked = 0; looked < 200; looked++) {
      if (pattern.test(log(name))) return;
      await soon();
    }
    throw new Error(`${name} never said ${pattern}:\n${log(name)}`);
  };
  for (let looked = 0; looked < 400; looked++) {
    if (/resuming normal operations/.test(log('error.log'))) return { child, directory, log, logged, stop };
    if ((child.exitCode ?? child.signalCode) !== null) break;
    await soon();
  }
  const words = `${said}\n${log('error.log')}`;
  await stop();
  throw new Error(`httpd did not start:\n${words}`);
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 25));

/** What `apachectl configtest` says: the empty string where nothing is wrong. */
export function configTest(given: HttpdFiles): string {
  const directory = given.directory ?? mkdtempSync(join(tmpdir(), 'latchkey-httpd-'));
  try {
    const main = writeHttpd(directory, given);
    const { status, stderr } = spawnSync(program, ['-d', directory, '-f', main, '-t'], { encoding: 'utf8' });
    return status === 0 ? '' : stderr;
  } finally {
    if (given.directory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

function writeHttpd(
  directory: string,
  { files, main, before = '', modJk = false, cleanMemory = false }: HttpdFiles,
): string {
  for (const { name, text } of files) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  // Its processes run as somebody else.
  chmodSync(directory, 0o711);
  mkdirSync(join(directory, 'htdocs'), { recursive: true });
  mkdirSync(join(directory, 'logs'), { recursive: true });
  // The manager's pages are kept in shared memory under names that come of the process id file.
  const around = join(directory, 'around.conf');
  writeFileSync(
    around,
    `ServerRoot ${directory}
ServerName 127.0.0.1
PidFile ${directory}/httpd.pid
ErrorLog ${directory}/error.log
LogLevel info
DefaultRuntimeDir ${directory}
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup' : ''}
Define LATCHKEY_LOGS ${directory}
${modules.map((name) => `LoadModule ${name}_module ${moduleDirectory}/mod_${name}.so`).join('\n')}
${modJk ? `LoadModule jk_module ${moduleDirectory}/mod_jk.so` : ''}
TypesConfig /etc/mime.types
DocumentRoot ${directory}/htdocs
<Directory />
    AllowOverride None
</Directory>
StartServers 1
ServerLimit 4
ThreadsPerChild 128
MaxRequestWorkers 512
# None of its processes goes while it runs: one that does closes connections that a visitor keeps.
MaxSpareThreads 512
${cleanMemory ? '# A request gives all its memory back to glibc.\nMaxMemFree 1' : ''}
${before}
Include ${join(directory, main ?? files.find(({ name }) => name.endsWith('.conf'))!.name)}
`,
  );
  return around;
}
