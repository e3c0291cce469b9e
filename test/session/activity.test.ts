import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../../sso/session/activity.ts';
import { SessionData } from '../../sso/session/data/session-data.ts';
import type { LiveSession } from '../../sso/session/record.ts';

const session: LiveSession = {
  ...{ state: 'live', app: 'shop', signOn: undefined, createdAt: 0, endsAt: 9e9, version: 0, ownerStamp: 1 },
  ...{ owner: 'n1:1', releasedAt: 0, idleMs: 0, stays: false, buddies: undefined, lastAccessAt: 0 },
  data: SessionData.empty,
};

test('who has no use to tell yet still says that it goes on, so that a million in use stall nobody', () => {
  const activity = new Activity();
  for (let i = 0; i < 10; i++) activity.used(`s${i}`, session, 1_000 * i, 60_000);
  const due = [...activity.due(61_000)];
  assert.equal(due.length, 10);
  assert.deepEqual(due.filter((one) => one !== undefined).sort(), [
    ['s0', 0],
    ['s1', 1_000],
  ]);
  assert.equal([...activity.due(0, true)].filter((one) => one !== undefined).length, 10);
});

test('a use is untold until it is told', () => {
  const activity = new Activity();
  activity.used('a', session, 500, 60_000);
  assert.equal(activity.untold('a'), 500);
  activity.told('a');
  assert.equal(activity.untold('a'), undefined);
});
