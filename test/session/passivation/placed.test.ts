/** What counts as in memory where only some nodes have a session's data: copies that are here, and no others. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKeys } from '../../../sso/keys.ts';
import { seededRandom } from '../../../sso/random.ts';
import { withoutData } from '../../../sso/session/buddies/holders.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { Passivation } from '../../../sso/session/passivation/passivation.ts';
import type { LiveSession } from '../../../sso/session/record.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from '../support/changes.ts';
import { TestCopies } from '../support/world.ts';

test('V101: data that comes here as a buddy’s counts, and no longer once it is let go of; a record without it never does', () => {
  const clock = virtualClock();
  const copies = new TestCopies();
  const keys = deriveKeys('m7QvX2w9Lr4TzB8nKd3HsY6jPf1GcA5e');
  const passivation = new Passivation({ copies, lastUse: () => clock.now(), keys, clock, random: seededRandom(1) });
  const never = Number.POSITIVE_INFINITY;
  passivation.configure('shop', { maxActive: 1, passivates: false, minIdleMs: never, maxIdleMs: never });
  const now = clock.now();
  const there: LiveSession = {
    ...{ state: 'live', app: 'shop', signOn: undefined, createdAt: now, endsAt: now + 9e6, version: 0, ownerStamp: 1 },
    ...{ owner: 'n2:1', releasedAt: 0, idleMs: 0, stays: false, buddies: ['n1'], lastAccessAt: now },
    data: SessionData.empty,
  };
  const here: LiveSession = { ...there, data: SessionData.empty.change(setting({ a: 1 }), 'n2:1', 5).data };
  const hasRoom = () => {
    try {
      passivation.admit('shop');
      return true;
    } catch {
      return false;
    }
  };
  copies.settle('k', there);
  assert.deepEqual([passivation.view.active, hasRoom()], [0, true]);
  copies.settle('k', here);
  assert.deepEqual([passivation.view.active, hasRoom()], [1, false]);
  assert.ok(copies.shed('k', withoutData(here)));
  assert.deepEqual([passivation.view.active, hasRoom()], [0, true]);
  copies.settle('k', here);
  assert.deepEqual([passivation.view.active, hasRoom()], [1, false]);
});
