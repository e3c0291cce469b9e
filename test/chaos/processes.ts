/** The processes of one run: started here, signalled by their own handles, and ended with it, whatever happens. */

import { type ChildProcess, fork, spawn } from 'node:child_process';

const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

export interface Running {
  readonly child: ChildProcess;
  /** Resolves once it is gone. */
  readonly gone: Promise<void>;
  /** What it wrote to standard error last. */
  errors(): string;
}

/** Runs a compiled module; its standard input is a pipe that ends with this process. */
export function runModule(path: string, argument: string): Running {
  return kept(spawn(process.execPath, [path, argument], { stdio: ['pipe', 'ignore', 'pipe'] }));
}

/** Runs a compiled module that is talked to by messages. */
export function forkModule(path: string): Running {
  return kept(fork(path, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] }));
}

const errorsAtMost = 4_000;

function kept(child: ChildProcess): Running {
  let errors = '';
  running.add(child);
  child.stderr!.on('data', (chunk) => {
    errors = (errors + chunk).slice(-errorsAtMost);
  });
  child.stdin?.on('error', () => {});
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      running.delete(child);
      resolve();
    }),
  );
  return { child, gone, errors: () => errors };
}
