import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { upgradeReader } from '../../sso/valve/upgrade.ts';
import { alice, type World, world } from './world.ts';

function upgrade(w: World, headers: Record<string, string>) {
  const req = new IncomingMessage(new Socket());
  Object.assign(req.headers, { host: 'app1.xyz.com', upgrade: 'websocket', ...headers });
  return upgradeReader(w.parts)(req);
}

test("a WebSocket's upgrade is judged by its cookies like any request", async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const sso = await upgrade(w, { cookie });
  assert.deepEqual([sso.signedIn, sso.principal, sso.hasRole('customer'), sso.how], [true, alice, true, 'form']);
  assert.equal((await upgrade(w, {})).signedIn, false);
  assert.equal((await upgrade(w, { cookie: 'latchkey=junk' })).signedIn, false);
  assert.equal((await sso.logout()).cause, 'logout');
  assert.equal(w.registry.isOpen(id), false);
  assert.equal((await upgrade(w, { cookie })).signedIn, false);
});

test('V81: an upgrade with a genuine token that is unknown here waits for the members', async () => {
  const w = world();
  const there = world();
  const { cookie, id } = await there.open();
  w.entries.peers = async () => {
    w.entries.put(id, there.entries.get(id)!);
    return { everybody: true };
  };
  assert.equal((await upgrade(w, { cookie })).signedIn, true);
});

test('an upgrade from a page of another origin is nobody: browsers let any page open a socket with our cookies', async () => {
  const w = world({ origins: ['https://app2.xyz.com'] });
  const { cookie } = await w.open();
  for (const [origin, signedIn] of [
    ['https://app1.xyz.com', true],
    ['https://app2.xyz.com', true],
    ['https://app3.xyz.com', false],
    ['https://app1.xyz.com.evil.org', false],
    ['https://app1.xyz.com:8443', false],
    ['null', false],
    ['', false],
  ] as const) {
    assert.equal((await upgrade(w, { cookie, origin })).signedIn, signedIn, origin);
  }
});

test('an upgrade cannot sign on: there is no answer that could carry the cookie', async () => {
  const w = world();
  const sso = await upgrade(w, {});
  await assert.rejects(sso.open(alice), { code: 'ERR_ANSWER_STARTED' });
  assert.throws(() => sso.csrfToken(), { code: 'ERR_ANSWER_STARTED' });
  assert.equal(w.entries.size, 0);
});
