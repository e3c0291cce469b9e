/** One application mounted more than once on a node: the same settings each time, or a warning. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { Mounts } from '../../sso/session/options/mounts.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { store } from '../../sso/session/store.ts';
import { testCluster } from '../../sso/testing/index.ts';
import { World } from './support/world.ts';

function mounting() {
  const world = new World();
  const { log } = world.node.parts;
  const mounts = new Mounts(log);
  const parts = { ...world.node.parts, mounts, passivation: { configure: () => {} } };
  /** What is warned of when it is mounted like this. */
  const warned = (mount: () => void) => {
    const before = world.log.length;
    mount();
    return world.log
      .slice(before)
      .map(({ message }) => message)
      .filter((message) => message.includes('mounted once more'));
  };
  const as = (options: Partial<SessionOptions>) => warned(() => sessions(parts, { app: 'shop', ...options }));
  const stored = (options: object) => warned(() => void store(parts, { app: 'shop', ...options }));
  return { mounts, as, stored };
}

class Item {}
class Price {}

test('an application that is mounted twice with the same settings is not warned of, nor two with different ones', () => {
  const { as, stored } = mounting();
  const settings = { idleMs: 60_000, buddies: 2, classes: [Item, Price], maxActiveSessions: 5 } as const;
  assert.deepEqual(as(settings), []);
  assert.deepEqual(as({ ...settings, replicationGranularity: 'ATTRIBUTE', classes: [Price, Item] }), []);
  assert.deepEqual(as({ ...settings, onEnd: () => {}, onEvent: () => {} }), [], 'listeners add up');
  assert.deepEqual(as({ ...settings, name: 'other', rolling: true }), [], 'what is of a request');
  assert.deepEqual(stored(settings), []);
  assert.deepEqual(as({ ...settings, app: 'lab', idleMs: 1_000 }), []);
});

test('an application that is mounted twice with other settings is warned of, by their names', () => {
  const { as, stored } = mounting();
  as({ replicationGranularity: 'FIELD', buddies: 1, maxActiveSessions: 5, classes: [Item] });
  const [told, ...more] = as({ replicationGranularity: 'SESSION', buddies: 'total', idleMs: 1_000 });
  assert.deepEqual(more, []);
  assert.match(
    told!,
    /^sessions: "shop" is mounted once more with other settings \(idleMs 1800000, now 1000; replicationGranularity "FIELD", now "SESSION"; classes \["Item"\], now \[\]; buddies 1, now "total"; maxActiveSessions 5, now -1\): /,
  );
  assert.equal(stored({}).length, 1, 'by a store as well');
});

for (const options of [
  { idleMs: 5_000 },
  { cacheMode: 'async' },
  { distributable: false },
  { snapshotMode: 'interval' },
  { useSessionPassivation: true },
  { useSessionPassivation: true, passivationMinIdleTime: 5 },
  { useSessionPassivation: true, passivationMaxIdleTime: 5 },
  { replicationGranularity: 'FIELD', replicationFieldBatchMode: false },
] as const satisfies readonly Partial<SessionOptions>[]) {
  test(`mounted twice, and once with ${JSON.stringify(options)}, is warned of`, () => {
    const { as } = mounting();
    as({});
    assert.equal(as(options).length, 1);
  });
}

test('an application that has stopped begins again with what it likes', () => {
  const { mounts, as } = mounting();
  as({ idleMs: 60_000 });
  mounts.forget('shop');
  assert.deepEqual(as({ idleMs: 1_000 }), []);
});

test('a node refuses sessions without options in a line, knows no application by them, and warns of a second mount', async (t) => {
  const cluster = await testCluster({ nodes: ['n1'], host: () => express() });
  t.after(() => cluster.stop());
  const { sso, log } = cluster.at('n1');
  for (const options of [undefined, null, 'shop'] as never[]) {
    assert.throws(() => sso.sessions(options), { code: 'ERR_CONFIG_INVALID', message: /^sessions: must be an object/ });
    assert.throws(() => sso.store(options), { code: 'ERR_CONFIG_INVALID', message: /^store: must be an object/ });
  }
  const warnings = () => log.lines.filter(({ message }) => message.includes('mounted once more')).length;
  sso.sessions({ app: 'shop' });
  sso.sessions({ app: 'shop' });
  assert.equal(warnings(), 0);
  sso.stopApplication('shop');
  sso.sessions({ app: 'shop', idleMs: 60_000 });
  assert.equal(warnings(), 0, 'it had stopped');
  sso.store({ app: 'shop' });
  assert.equal(warnings(), 1);
});
