/** Reads a password from standard input: typed twice and not shown on a terminal, one line from a pipe. */

import type { ReadStream, WriteStream } from 'node:tty';
import { UsageError } from './usage.ts';

export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;
  readonly stderr: NodeJS.WritableStream | WriteStream;
}

const lineBytesAtMost = 64 * 1024;

/** @throws UsageError nothing was typed, or not the same twice, or it was broken off */
export async function readPassword({ stdin, stderr }: Terminal): Promise<string> {
  if (!stdin.isTTY) return requireText(await readLine(stdin));
  const first = requireText(await typeHidden(stdin, stderr, 'Password: '));
  const second = await typeHidden(stdin, stderr, 'Again: ');
  if (first !== second) throw new UsageError('the two passwords differ');
  return first;
}

function requireText(password: string): string {
  if (password === '') throw new UsageError('no password was given on standard input');
  return password;
}

async function readLine(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Buffer);
    chunks.push(bytes);
    length += bytes.length;
    if (length > lineBytesAtMost || bytes.includes(0x0a)) break;
  }
  return Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1)[0]!;
}

/** Raw mode: the terminal shows nothing, so the keys that end or correct a line are ours to read. */
function typeHidden(stdin: Terminal['stdin'], stderr: Terminal['stderr'], prompt: string): Promise<string> {
  stderr.write(prompt);
  stdin.setRawMode?.(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const finish = (act: () => void) => {
      stdin.off('data', read);
      stdin.setRawMode?.(false);
      stdin.pause();
      stderr.write('\n');
      act();
    };
    const read = (chunk: Buffer | string) => {
      for (const key of chunk.toString()) {
        if (key === '\r' || key === '\n' || key === '\u0004') return finish(() => resolve(typed.join('')));
        if (key === '\u0003') return finish(() => reject(new UsageError('broken off')));
        if (key === '\u007f' || key === '\b') typed.pop();
        else if (key === '\u0015') typed = [];
        else typed.push(key);
      }
    };
    stdin.on('data', read);
  });
}
