/** `latchkey serve` as a process: it says that it is ready when it accepts somebody, and what it waits for until then. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashPassword } from '../../server/hashing/hash.ts';
import { freePorts, type Watched, watch } from '../e2e/support/demo.ts';
import { moduleAt, processArguments } from '../support/own-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-ready-'));
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

writeFileSync(
  join(directory, 'users.yaml'),
  JSON.stringify({ users: [{ name: 'alice', roles: [], password: hashPassword('wonderland') }] }),
);
writeFileSync(join(directory, 'secret'), 'e4'.repeat(32), { mode: 0o600 });

interface Served extends Watched {
  readonly child: ChildProcess;
  readonly url: string;
}

function serve(base: number, index: number, leaseMs: number): Served {
  const addresses = [0, 1, 2].map((one) => `127.0.0.1:${base + 10_000 + one}`);
  const file = join(directory, `node${index + 1}.yaml`);
  writeFileSync(
    file,
    JSON.stringify({
      route: `node${index + 1}`,
      secret: { file: 'secret' },
      users: 'users.yaml',
      cluster: { listen: addresses[index], nodes: addresses, leaseMs, joinMs: 500 },
      web: { listen: `127.0.0.1:${base + index}` },
    }),
  );
  const child = spawn(process.execPath, [...processArguments, moduleAt('server/main.ts'), 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return { child, url: `http://127.0.0.1:${base + index}`, ...watch(child) };
}

const lines = (served: Served) =>
  served
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Asks until the reasons are these. */
async function notReady(url: string, wanted: RegExp): Promise<string> {
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const text = await response.text();
    if (response.status === 503 && wanted.test(text)) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a node that listens before it reaches a majority says so, and "ready" when it accepts; one whose settings differ is named the setting; a signal is the cause of its end', {
  timeout: 300_000,
}, async () => {
  const base = await freePorts();
  const one = serve(base, 0, 6_000);
  await one.printed(/"msg":"latchkey is listening; it accepts nobody yet: it waits for [^"]+"/);
  assert.doesNotMatch(one.output(), /latchkey is ready/);
  await notReady(one.url, /"recovering"/);

  const other = serve(base, 2, 500);
  await other.printed(/it accepts nobody yet/);
  const why = await notReady(other.url, /"reason":"refused"/);
  assert.match(why, /"waitsFor":"its leaseMs to be the same as on the nodes that refuse it"/);
  assert.doesNotMatch(why, /127\.0\.0\.1|6000|node1/);
  assert.doesNotMatch(one.output(), /latchkey is ready/);

  const two = serve(base, 1, 6_000);
  await Promise.all([one, two].map((node) => node.printed(/"msg":"latchkey is ready"/)));
  assert.equal((await fetch(`${one.url}/readyz`)).status, 200);
  assert.doesNotMatch(other.output(), /latchkey is ready/);

  two.child.kill('SIGTERM');
  assert.equal(await two.exit, 0);
  const ends = lines(two).filter(({ event }) => event === 'node-ends');
  assert.deepEqual(
    ends.map(({ act, cause, msg }) => [act, cause, msg]),
    ['drain', 'stop'].map((act) => [act, 'SIGTERM', 'a node was told to end']),
  );
  assert.equal(lines(one).filter(({ msg }) => msg === 'latchkey is ready').length, 1);
});
