/** The real thing: the built program in processes of its own, on ports that are free now. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFree, ownPlace } from '../../support/ports.ts';

const root = join(import.meta.dirname, '../../..');
const program = join(root, process.env['LATCHKEY_DIST'] ?? 'dist', 'server/main.js');

export interface Watched {
  /** Everything that it printed so far. */
  output(): string;
  /** Resolves when it prints this, or has printed it after the first `from` characters. */
  printed(pattern: RegExp, from?: number): Promise<void>;
  /** Its exit code, once it has ended. */
  readonly exit: Promise<number | null>;
}

export interface Demo extends Watched {
  /** Its temporary directory, for it alone. */
  readonly temporary: string;
  readonly ports: readonly number[];
  /** As Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** As a crash of the starter does. */
  kill(): void;
}

export async function startDemo(): Promise<Demo> {
  const base = await freePorts();
  const temporary = mkdtempSync(join(tmpdir(), 'latchkey-e2e-'));
  const child = run(['demo', '--port', String(base)], { TMPDIR: temporary });
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));
  const watched = watch(child);
  await watched.printed(/Latchkey demo is ready/);
  return {
    ...watched,
    temporary,
    ports: [base, base + 1, base + 2],
    stop: () => {
      child.kill('SIGINT');
      return watched.exit;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** What it keeps on disk now. */
export function dataOf({ temporary }: Demo): readonly string[] {
  return readdirSync(temporary).filter((name) => name.startsWith('latchkey-demo-'));
}

/** The program with these words; standard error comes with standard output. */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`);
  return spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

/** Three neighbours, and the ports 10,000 above them: nobody's else, and not given twice. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const base = await ownPlace({ first: 20_000, size: 10, count: 270 });
    const wanted = [0, 1, 2].flatMap((offset) => [base + offset, base + offset + 10_000]);
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

export function watch(child: ChildProcess): Watched {
  let text = '';
  const waiting = new Set<() => void>();
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      text += chunk;
      for (const look of [...waiting]) look();
    });
  }
  return {
    output: () => text,
    printed: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(text.slice(from))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void exit.then(() => reject(new Error(`it ended before it printed ${pattern}:\n${text}`)));
      }),
    exit,
  };
}

export async function exitOf(child: ChildProcess): Promise<{ readonly code: number | null; readonly output: string }> {
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => void (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

/** Resolves when this process is no more. It is no child of ours, so there is nothing but to ask. */
export async function ended(pid: number): Promise<void> {
  for (let asked = 0; asked < 200; asked++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} lives on`);
}
