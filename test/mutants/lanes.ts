/**
 * The ways in which a mistake is looked for, each in a process of its own that is ended at the first
 * failure, or when its time is over: seeds of the simulation, its scripted histories, unit tests.
 */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What was found in a directory. */
export interface Finding {
  /** `broken`: the code does not even load. `late`: time was over before the end, and nothing was found. */
  readonly kind: 'failed' | 'passed' | 'late' | 'broken';
  /** What failed: a test's name, or a seed with its rule. */
  readonly what: string;
  readonly seed?: number | undefined;
  /** The rule that was broken, where there is one. */
  readonly rule?: string | undefined;
  readonly seconds: number;
}

const histories = 'test/simulation/histories';

/** The files of scripted histories, the one of this name first. */
export function historyFiles(directory: string, first?: string): readonly string[] {
  const files = readdirSync(join(directory, histories)).filter((name) => name.endsWith('.test.ts'));
  const rank = (name: string) => (name === `${first}.test.ts` ? 0 : 1);
  return files.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((name) => `${histories}/${name}`);
}

/** Unit tests of what a file belongs to: those of final logout, and those of its own room. */
export function unitFiles(directory: string, file: string): readonly string[] {
  const rooms = ['test/logout'];
  if (file.includes('corrected-clock')) rooms.unshift('test/clock');
  if (file.includes('/disk/')) rooms.unshift('test/disk');
  if (file.includes('/session/')) rooms.unshift('test/session');
  if (file.includes('/buddies/')) rooms.unshift('test/session/buddies');
  if (file.includes('/gossip/') || file.endsWith('entry.ts')) rooms.unshift('test/gossip');
  return rooms.flatMap((room) =>
    readdirSync(join(directory, room))
      .filter((name) => name.endsWith('.test.ts') && !/processes|lmdb/.test(name))
      .map((name) => `${room}/${name}`),
  );
}

/** One file after the other, the first failure ends it. */
export async function runTests(directory: string, files: readonly string[], seconds: number): Promise<Finding> {
  const until = performance.now() + seconds * 1_000;
  const begunAt = performance.now();
  for (const file of files) {
    if (!existsSync(join(directory, file))) continue;
    const left = (until - performance.now()) / 1_000;
    if (left <= 0) return { kind: 'late', what: '', seconds: since(begunAt) };
    const found = await runFile(directory, file, left);
    if (found.kind !== 'passed') return { ...found, seconds: since(begunAt) };
  }
  return { kind: 'passed', what: '', seconds: since(begunAt) };
}

async function runFile(directory: string, file: string, seconds: number): Promise<Finding> {
  const { output, isLate, code } = await run(directory, ['--test', '--test-reporter=tap', file], seconds, (text) =>
    /^\s*not ok .*\n[\s\S]*?\n\s*\.\.\.\n/m.test(text),
  );
  const failed = /^\s*not ok \d+ - (.*)$/m.exec(output);
  if (/Transform failed|SyntaxError/.test(output)) return { kind: 'broken', what: output, seconds: 0 };
  if (failed !== null) {
    const rule = /error: \|-\n\s*([A-Z]\w*): /.exec(output)?.[1];
    return { kind: 'failed', what: failed[1]!.replaceAll('\\', ''), rule, seconds: 0 };
  }
  if (isLate) return { kind: 'late', what: file, seconds: 0 };
  return code === 0
    ? { kind: 'passed', what: '', seconds: 0 }
    : { kind: 'failed', what: `${file} ended with ${code}`, seconds: 0 };
}

/** Seeds one after the other, on one process. */
export async function runSeeds(directory: string, from: number, seeds: number, seconds: number): Promise<Finding> {
  const begunAt = performance.now();
  const { output, isLate, code } = await run(
    directory,
    ['test/simulation/run.ts', '--seed', String(from), '--seeds', String(seeds), '--workers', '1'],
    seconds,
  );
  const broken = /^seed (\d+) breaks (\S+): (.*)$/m.exec(output);
  if (broken !== null) {
    const [, seed, rule, what] = broken;
    return { kind: 'failed', what: what!, seed: Number(seed), rule, seconds: since(begunAt) };
  }
  if (/Transform failed|SyntaxError/.test(output)) return { kind: 'broken', what: output, seconds: since(begunAt) };
  if (isLate) return { kind: 'late', what: '', seconds: since(begunAt) };
  return code === 0
    ? { kind: 'passed', what: '', seconds: since(begunAt) }
    : { kind: 'failed', what: /^\w*Error: .*$/m.exec(output)?.[0] ?? `ended with ${code}`, seconds: since(begunAt) };
}

interface Ran {
  readonly output: string;
  readonly code: number | null;
  readonly isLate: boolean;
}

/** Runs Node on TypeScript; it and what it started end when there is enough output, or when its time is over. */
function run(
  directory: string,
  words: readonly string[],
  seconds: number,
  isEnough: (output: string) => boolean = () => false,
): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...words], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let isLate = false;
  const stop = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, seconds * 1_000);
  const hear = (data: Buffer) => {
    output += data;
    if (isEnough(output)) stop();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  process.once('exit', stop);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('exit', stop);
      resolve({ output, code, isLate });
    });
  });
}

const since = (begunAt: number) => (performance.now() - begunAt) / 1_000;
