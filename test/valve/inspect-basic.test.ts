/** HTTP Basic for a request that is only asked about: checked as everywhere, one sign-on for a program, and no cookie in any case. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AskedByBasic, basicInspector } from '../../sso/valve/inspect-basic.ts';
import type { Authenticate } from '../../sso/valve/login.ts';
import { alice, bob, type World, world } from './world.ts';

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

const asked = (authorization: string, more: Partial<AskedByBasic> = {}): AskedByBasic => ({
  ...{ authorization, method: 'GET', host: 'app1.xyz.com', secure: true, address: '192.0.2.7', userAgent: 'curl/8' },
  ...more,
});

const people = new Map([
  ['alice:wonder', alice],
  ['bob:builder', bob],
]);

function directory() {
  const seen: string[] = [];
  const authenticate: Authenticate = ({ username, password }) => {
    seen.push(username);
    if (password === 'busy') throw Object.assign(new Error('full'), { kind: 'busy' });
    if (password === 'away') throw new Error('down');
    return people.get(`${username}:${password}`);
  };
  return { seen, authenticate };
}

const inspectorOf = (w: World, authenticate: Authenticate) =>
  basicInspector(w.parts, { realm: 'the applications', authenticate });

test('right credentials are a sign-on that the programs of one address share; the password is looked at once a minute', async () => {
  const w = world();
  const { seen, authenticate } = directory();
  const inspect = inspectorOf(w, authenticate);
  const ids = new Set<unknown>();
  for (let i = 0; i < 5; i++) {
    const answer = await inspect(asked(basic('alice:wonder')));
    assert.ok(answer?.kind === 'signed-on');
    assert.deepEqual([answer.sso.principal, answer.sso.how], [alice, 'basic']);
    ids.add(answer.sso.entryId);
  }
  assert.deepEqual([ids.size, seen.length], [1, 1]);
  const [entry] = [...w.registry.entriesOf('alice')];
  assert.deepEqual([entry?.device, entry?.source], ['curl/8', '192.0.2.7']);
  await inspect(asked(basic('alice:wonder'), { address: '192.0.2.8' }));
  assert.equal([...w.registry.entriesOf('alice')].length, 2);
  w.clock.advance(61_000);
  await inspect(asked(basic('alice:wonder')));
  assert.deepEqual([seen.length, [...w.registry.entriesOf('alice')].length], [3, 2]);
});

test('a sign-on that was ended counts no more: the directory is asked again, and who is gone there is refused', async () => {
  const w = world();
  const people = new Map([['alice', alice]]);
  const inspect = inspectorOf(w, ({ username }) => people.get(username));
  assert.equal((await inspect(asked(basic('alice:x'))))?.kind, 'signed-on');
  people.clear();
  assert.equal((await inspect(asked(basic('alice:x'))))?.kind, 'signed-on', 'within the minute');
  await w.registry.endSubject('alice');
  assert.deepEqual(await inspect(asked(basic('alice:x'))), { kind: 'refused' });
});

test('wrong or malformed is refused; busy and away are told apart; another scheme is not looked at', async () => {
  const { seen, authenticate } = directory();
  const inspect = inspectorOf(world(), authenticate);
  assert.deepEqual(await inspect(asked(basic('alice:wrong'))), { kind: 'refused' });
  assert.deepEqual(await inspect(asked('Basic !!!')), { kind: 'refused' });
  assert.deepEqual(await inspect(asked(basic('alice:busy'))), { kind: 'busy' });
  assert.deepEqual(await inspect(asked(basic('alice:away'))), { kind: 'unavailable' });
  const before = seen.length;
  for (const other of ['Bearer abc', 'Digest username="alice"', 'basically'])
    assert.equal(await inspect(asked(other)), undefined);
  assert.equal(seen.length, before);
});

test('check 12: over a connection that is not encrypted nobody is signed on by it; nor where this node has no leases', async () => {
  const w = world({ allowInsecureCookie: false });
  const inspect = inspectorOf(w, directory().authenticate);
  assert.deepEqual(await inspect(asked(basic('alice:wonder'), { secure: false })), { kind: 'refused' });
  assert.equal([...w.registry.entriesOf('alice')].length, 0);
  w.finality.leases = false;
  assert.deepEqual(await inspect(asked(basic('alice:wonder'))), { kind: 'unavailable' });
});
