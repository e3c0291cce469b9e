/**
 * A second process, and calls into it: the side that is measured runs alone, the side that measures
 * looks on from outside. Calls and answers are plain data over the pipe that `fork` gives.
 */

import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a measured process can be asked to do, by name. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

export interface Child {
  readonly name: string;
  /** @throws Error what the other side threw, or that it ended */
  call<T>(call: string, argument?: unknown): Promise<T>;
  /** `SIGSTOP`: it stands still, and whoever is connected hears nothing. `SIGCONT`: it goes on. `SIGKILL`: it is gone at once. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  /** Ends the process; resolves once it is gone. */
  stop(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Starts the module `file` of this folder as a process of its own. `flags` are Node's: `--expose-gc`. */
export function startChild(
  name: string,
  file: string,
  options: { readonly flags?: readonly string[]; readonly args?: readonly string[] } = {},
): Child {
  const path = fileURLToPath(new URL(`./${file}.js`, import.meta.url));
  const flags = [...(options.flags ?? []), ...profileFlags(name)];
  const child = fork(path, [...(options.args ?? [])], {
    execArgv: flags,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  let over = false;
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      over = true;
      for (const [id, answer] of waiting) answer({ id, error: `${name} ended` });
      resolve();
    }),
  );
  child.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  return {
    name,
    call(call, argument) {
      const id = ++calls;
      return new Promise((resolve, reject) => {
        if (over) return reject(new Error(`${name} ended`));
        waiting.set(id, ({ result, error }) =>
          error === undefined ? resolve(result as never) : reject(new Error(`${name}: ${error}`)),
        );
        child.send({ id, call, argument });
      });
    },
    signal: (signal) => void child.kill(signal),
    async stop() {
      if (child.connected) child.disconnect();
      child.kill('SIGCONT');
      await gone;
    },
  };
}

/** `LATCHKEY_BENCH_PROFILE=folder` writes CPU profiles of every measured process into a folder of its own there. */
function profileFlags(name: string): readonly string[] {
  const folder = process.env['LATCHKEY_BENCH_PROFILE'];
  return folder === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${join(folder, name.replace(/[^a-z0-9]+/gi, '-'))}`];
}

/** The other end: answers calls until the first process goes away. */
export function answerCalls(calls: Calls): void {
  process.on('message', async ({ id, call, argument }: { id: number; call: string; argument: never }) => {
    let answer: Answer;
    try {
      const run = calls[call];
      if (run === undefined) throw new Error(`there is no call "${call}"`);
      answer = { id, result: await run(argument) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.send?.(answer);
  });
  process.once('disconnect', () => process.exit(0));
}

/** CPU that this process uses, user and system, microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
