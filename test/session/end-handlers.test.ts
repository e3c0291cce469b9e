/** `onEnd`: an application is told of the end of each session that this node served, once, whatever ended it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import type { SessionEnd } from '../../sso/session/end-handlers.ts';
import { sessions } from '../../sso/session/sessions.ts';
import { World as Nodes } from '../logout/receipts-world.ts';
import { setting } from './support/changes.ts';
import { World } from './support/world.ts';

test('V68: an end is told on the node that served the session, with its cause and what was in it', async () => {
  const nodes = new Nodes(['n1', 'n2']);
  const ends: [string, SessionEnd][] = [];
  for (const { name, table } of nodes.nodes) table.onEnd('shop', (ended) => void ends.push([name, ended]));
  const { id } = nodes.signOn('n1');
  const first = nodes.session('n1', 'shop', id);
  const second = nodes.session('n2', 'shop', id);
  nodes.session('n2', 'forum', id);
  nodes.at('n2').table.end(first, 'destroyed');
  assert.deepEqual(ends, [
    [
      'n1',
      {
        app: 'shop',
        session: first,
        signOn: id,
        cause: 'destroyed',
        signOnCause: undefined,
        endedAt: nodes.clock.now(),
        attributes: { of: 'it' },
      },
    ],
  ]);
  await nodes.at('n1').registry.close(id, 'administrator');
  assert.equal(ends.length, 2);
  assert.deepEqual(
    [ends[1]![0], ends[1]![1].session, ends[1]![1].cause, ends[1]![1].signOnCause],
    ['n2', second, 'sign-on', 'administrator'],
  );
});

test('a session that moved to a new id has not ended; one that timed out has, when it is forgotten', async () => {
  const nodes = new Nodes(['n1']);
  const causes: string[] = [];
  const { table, sessions: copies } = nodes.at('n1');
  table.onEnd('shop', ({ cause }) => void causes.push(cause));
  const { id } = nodes.signOn('n1');
  table.end(nodes.session('n1', 'shop', id), 'renewed');
  assert.deepEqual(causes, []);
  nodes.session('n1', 'shop', id, 'another');
  await nodes.pass(1_800_000 + 240_000);
  copies.forget();
  assert.deepEqual(causes, ['timeout']);
});

test('a handler that fails is logged and named with its sessions; one that rejects is logged', async () => {
  const nodes = new Nodes(['n1']);
  const { table, registry, errors } = nodes.at('n1');
  table.onEnd('shop', () => {
    throw new Error('x'.repeat(1_000));
  });
  table.onEnd('forum', (async () => Promise.reject(new Error('late'))) as () => void);
  const { id } = nodes.signOn('n1');
  for (const which of ['a', 'b', 'c']) nodes.session('n1', 'shop', id, which);
  nodes.session('n1', 'forum', id);
  const receipt = await registry.close(id, 'logout');
  assert.equal(receipt.sessions, 4);
  assert.deepEqual(receipt.failures, [{ app: 'shop', message: `${'x'.repeat(200)} (and 2 more)` }]);
  assert.equal(errors.length, 4);
});

test('a handler may end another sign-on: each end is counted where it belongs', async () => {
  const nodes = new Nodes(['n1']);
  const { table, registry } = nodes.at('n1');
  const other = nodes.signOn('n1', 'bob').id;
  const { id } = nodes.signOn('n1');
  let inner: Promise<{ readonly sessions: number }> | undefined;
  table.onEnd('shop', ({ signOn }) => {
    if (signOn === id) inner = registry.close(other, 'logout');
  });
  nodes.session('n1', 'shop', id);
  nodes.session('n1', 'wiki', id);
  nodes.session('n1', 'shop', other, 'of bob');
  nodes.session('n1', 'forum', other, 'of bob');
  assert.equal((await registry.close(id, 'logout')).sessions, 2);
  assert.equal((await inner!).sessions, 2);
});

test('sessions() takes onEnd as a function, once however often it is mounted', () => {
  const world = new World();
  const { parts, table } = world.node;
  let calls = 0;
  const onEnd = () => void calls++;
  sessions(parts, { app: 'shop', onEnd });
  sessions(parts, { app: 'shop', onEnd });
  const key = table.key('shop', 'one');
  table.write(key, { app: 'shop', signOn: undefined, idleMs: 0, changes: setting({}) });
  table.end(key, 'destroyed');
  assert.equal(calls, 1);
  assert.throws(
    () => sessions(parts, { app: 'shop', onEnd: 'no' as never }),
    (error) => error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && error.message.startsWith('onEnd'),
  );
});
