/** SIGHUP to `latchkey serve`: people are read again and asked about at once, and what was held back is confirmed. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hashPassword } from '../../server/hashing/hash.ts';
import { freePorts, run, watch } from './support/demo.ts';

const password = 'wonderland';
const names = ['user1', 'user2', 'user3', 'user4', 'user5', 'user6'];

async function served(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-hup-'));
  const base = await freePorts();
  const hash = hashPassword(password);
  const people = (list: readonly string[]) =>
    writeFileSync(
      join(directory, 'users.yaml'),
      JSON.stringify({ users: list.map((name) => ({ name, roles: ['staff'], password: hash })) }),
    );
  people(names);
  writeFileSync(join(directory, 'secret'), `${'d4'.repeat(32)}\n`, { mode: 0o600 });
  writeFileSync(
    join(directory, 'node.yaml'),
    JSON.stringify({
      ...{ route: 'node1', secret: { file: 'secret' }, users: 'users.yaml', allowInsecureCookie: true },
      web: { listen: `127.0.0.1:${base}`, metrics: `127.0.0.1:${base + 1}` },
      log: { level: 'debug' },
    }),
  );
  const child = run(['serve', '--config', join(directory, 'node.yaml')]);
  const { output, printed, exit } = watch(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await exit;
    rmSync(directory, { recursive: true });
  });
  await printed(/"msg":"latchkey is ready"/);
  const url = `http://127.0.0.1:${base}`;
  return {
    people,
    /** Sends it, and resolves when the log says this of it. */
    async hangUp(says: RegExp) {
      const from = output().length;
      child.kill('SIGHUP');
      await printed(says, from);
    },
    async stop() {
      child.kill('SIGTERM');
      return exit;
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${base + 1}/metrics`)).text(),
    async signOn(name: string): Promise<string> {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const page = await fetch(`${url}/login`, { headers: { accept: 'text/html' } });
      const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())![1]!;
      const visitor = page.headers.getSetCookie().map((line) => line.split(';', 1)[0]!);
      const answer = await fetch(`${url}/login`, {
        method: 'POST',
        headers: { ...headers, cookie: visitor.join('; ') },
        body: JSON.stringify({ username: name, password, csrf }),
      });
      assert.equal(answer.status, 200, `${await answer.text()}${output()}`);
      return answer.headers
        .getSetCookie()
        .map((line) => line.split(';', 1)[0]!)
        .find((cookie) => cookie.startsWith('latchkey='))!;
    },
    async isSignedOn(cookie: string): Promise<boolean> {
      const page = await fetch(`${url}/account`, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
      return page.status === 200;
    },
  };
}

test('SIGHUP asks about everybody at once; whom a file has lost nearly all of is ended only when a second one confirms it', async (t) => {
  const { people, hangUp, stop, metrics, signOn, isSignedOn } = await served(t);
  const cookies = await Promise.all(names.map(signOn));
  const signedOn = async () => {
    const all = await Promise.all(cookies.map(isSignedOn));
    return names.filter((_, at) => all[at]);
  };
  await hangUp(/"users":6,"asked":6,"ended":0.*people were re-checked/);
  assert.deepEqual(await signedOn(), names);

  // As where a template wrote the file anew, or a search base is wrong.
  people(['somebody-else']);
  await hangUp(/"level":50.*no longer knows 6 of 6 people/);
  assert.deepEqual(await signedOn(), names);
  assert.match(await metrics(), /^latchkey_recheck_held_back 6$/m);

  // Put right; and one of them has really left.
  people(names.slice(1));
  await hangUp(/"ended":1,.*people were re-checked/);
  assert.deepEqual(await signedOn(), names.slice(1));
  assert.match(await metrics(), /^latchkey_recheck_held_back 0$/m);

  people(['somebody-else']);
  await hangUp(/no longer knows 5 of 5 people/);
  assert.deepEqual(await signedOn(), names.slice(1));
  await hangUp(/"ended":5,.*people were re-checked/);
  assert.deepEqual(await signedOn(), []);
  assert.match(await metrics(), /^latchkey_recheck_people_total\{result="ended"\} 6$/m);
  assert.equal(await stop(), 0);
});
