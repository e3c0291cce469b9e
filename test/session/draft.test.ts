/** What a request works on: what it found, and what it has written since. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../sso/random.ts';
import { SessionData } from '../../sso/session/data/session-data.ts';
import { Draft, trackingOf } from '../../sso/session/draft.ts';
import { Classes } from '../../sso/session/graph/classes.ts';
import { removed } from '../../sso/session/graph/tracker.ts';
import { setting } from './support/changes.ts';

const found = SessionData.empty.change(setting({ user: 'alice', count: 1 }), 'n1:1/key', 1_000).data;

for (const granularity of ['SESSION', 'ATTRIBUTE', 'FIELD'] as const) {
  const options = trackingOf(
    { random: seededRandom(1) },
    { granularity, classes: new Classes([]), telling: { stays: false } },
  );

  /** Writes as a request does. */
  const write = (draft: Draft, touched: Record<string, unknown>) => {
    const { changes } = draft.compare(new Map(Object.entries(touched)));
    draft.wrote(changes);
    return changes;
  };

  test(`${granularity}: what was written is what later values are compared with, and no change any more`, () => {
    const draft = new Draft(found, options);
    assert.ok(write(draft, { user: 'bob' }).fields.length > 0);
    assert.deepEqual(draft.compare(new Map([['user', 'bob']])).changes, { fields: [], gone: [] });
    assert.ok(write(draft, { user: 'alice' }).fields.length > 0);
    assert.deepEqual(draft.compare(new Map([['user', 'alice']])).changes, { fields: [], gone: [] });
  });

  test(`${granularity}: the attributes are those that were found, and those that were written, but for what was taken away`, () => {
    const draft = new Draft(found, options);
    write(draft, { note: { deep: [1] } });
    assert.deepEqual([...draft.names()].sort(), ['count', 'note', 'user']);
    write(draft, { note: removed, count: removed });
    assert.deepEqual(draft.names(), ['user']);
  });

  // A connection that lives long saves with each message.
  test(`${granularity}: it is written as often as one likes, the last time as quickly as the first`, {
    timeout: 20_000,
  }, async () => {
    const draft = new Draft(found, options);
    for (let count = 0; count < 4_000; count++) {
      write(draft, { [count % 2 === 0 ? 'count' : 'user']: count });
      // Or the time could not end it.
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([draft.names().length, draft.tracker.read('count')], [2, 3_998]);
  });
}
