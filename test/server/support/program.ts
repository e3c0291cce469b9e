/** The program's words run in this process, and the program itself run in its own. */

import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { type Io, runCli } from '../../../server/cli.ts';
import { moduleAt, processArguments } from '../../support/own-process.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runHere(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const code = await runCli(args, { stdin, stdout, stderr, env } satisfies Io);
  const text = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString() ?? '';
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

export function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [...processArguments, moduleAt('server/main.ts'), ...args], {
    env: { ...process.env, ...env },
  });
  const ran = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => void (ran.stdout += chunk));
  child.stderr.on('data', (chunk) => void (ran.stderr += chunk));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...ran })));
}
