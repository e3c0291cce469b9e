import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { inspector } from '../../sso/valve/inspect.ts';
import { alice, bob, type World, world } from './world.ts';

function asked(headers: Record<string, string>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  Object.assign(req.headers, { host: 'app1.xyz.com', ...headers });
  return req;
}

const inspect = async (w: World, headers: Record<string, string>) => inspector(w.parts)(asked(headers));

test('a request that is asked about is judged by its cookies like any other, from whichever page it comes', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  for (const origin of [undefined, 'https://app1.xyz.com', 'https://evil.org', 'null']) {
    const sso = await inspect(w, { cookie, ...(origin !== undefined && { origin }) });
    assert.deepEqual([sso.signedIn, sso.principal, sso.hasRole('customer'), sso.how], [true, alice, true, 'form']);
  }
  assert.equal((await inspect(w, {})).signedIn, false);
  assert.equal((await inspect(w, { cookie: 'latchkey=junk' })).signedIn, false);
  await w.registry.close(id, 'logout');
  assert.equal((await inspect(w, { cookie })).signedIn, false);
});

test('to be asked about is a use: it restarts the idle limit, and nothing is left on the request', async () => {
  const touched: unknown[] = [];
  const w = world({ countsAsActivity: (req) => touched.push(req.headers.host) > 0 });
  const { cookie } = await w.open();
  const req = asked({ cookie });
  await inspector(w.parts)(req);
  assert.deepEqual(touched, ['app1.xyz.com']);
  assert.equal('sso' in req, false);
});

test('no cookie is set or deleted: not for a stale value, not for two that are open, not where a sign-on would be renewed', async () => {
  const w = world();
  const [one, two] = [await w.open(), await w.open(bob)];
  assert.equal((await inspect(w, { cookie: `${one.cookie}; latchkey=stale` })).principal?.name, 'alice');
  assert.equal((await inspect(w, { cookie: `${one.cookie}; ${two.cookie}` })).signedIn, false);
  const sso = await inspect(w, {});
  await assert.rejects(
    Promise.resolve().then(() => sso.open(alice)),
    { code: 'ERR_ANSWER_STARTED' },
  );
  assert.throws(() => sso.csrfToken(), { code: 'ERR_ANSWER_STARTED' });
});

test('without leases a sign-on that looks open is unavailable, neither yes nor no', async () => {
  const w = world();
  const { cookie } = await w.open();
  w.finality.leases = false;
  const sso = await inspect(w, { cookie });
  assert.deepEqual([sso.signedIn, sso.unavailable], [false, true]);
});

test('V81: a genuine token that is unknown here waits for the members', async () => {
  const [w, there] = [world(), world()];
  const { cookie, id } = await there.open();
  w.entries.peers = async () => {
    w.entries.put(id, there.entries.get(id)!);
    return { everybody: true };
  };
  assert.equal((await inspect(w, { cookie })).signedIn, true);
});
