/** What is there to run it for real keeps its word: the unit and the image start the program as it is, and not as root. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../../server/cli.ts';

const root = join(import.meta.dirname, '../..');
const unit = readFileSync(join(root, 'config/deploy/latchkey.service'), 'utf8');
const image = readFileSync(join(root, 'config/deploy/Dockerfile'), 'utf8');

async function helpOf(command: string): Promise<{ code: number; text: string }> {
  let text = '';
  const stdout = { write: (part: string) => void (text += part) } as unknown as NodeJS.WritableStream;
  const io = { stdin: process.stdin, stdout, stderr: stdout, env: {} } as unknown as Parameters<typeof runCli>[1];
  return { code: await runCli([command, '--help'], io), text };
}

test('the commands of the unit and of the image are commands of the program, with options that it has', async () => {
  const lines = [...unit.matchAll(/^Exec\w+=\S*\/latchkey (.+)$/gm)].map(([, words]) => words!);
  const [, command] = /^CMD (\[.+\])$/m.exec(image)!;
  lines.push((JSON.parse(command!) as string[]).join(' '));
  assert.equal(lines.length, 3);
  for (const line of lines) {
    const [name, ...words] = line.split(' ');
    const { code, text } = await helpOf(name!);
    assert.equal(code, 0, line);
    for (const option of words.filter((word) => word.startsWith('--'))) assert.ok(text.includes(option), line);
  }
});

test('neither runs as root, and both leave the time that a drain takes', () => {
  assert.match(unit, /^User=latchkey$/m);
  assert.match(unit, /^NoNewPrivileges=yes$/m);
  assert.match(unit, /^CapabilityBoundingSet=$/m);
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) >= 30);
  const last = image.slice(image.lastIndexOf('FROM '));
  assert.match(last, /^USER node$/m);
  assert.match(last, /^STOPSIGNAL SIGTERM$/m);
});

test('what the image is made of is in the tree', () => {
  for (const [, files] of image.matchAll(/^COPY (?!--from)(.+) \.\/?$/gm))
    for (const file of files!.split(' ').filter((one) => one !== '.')) assert.ok(existsSync(join(root, file)), file);
  const main = /"node_modules\/latchkey\/dist\/(.+)\.js"/.exec(image)?.[1];
  assert.ok(existsSync(join(root, `${main}.ts`)));
});
