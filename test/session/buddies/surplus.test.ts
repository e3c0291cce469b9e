/** What an owner makes of buddies that others gave its sessions while it was cut off. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlacedSession } from '../../../sso/session/buddies/holders.ts';
import type { Lane } from '../../../sso/session/buddies/lane.ts';
import { Surplus } from '../../../sso/session/buddies/surplus.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import type { SessionRecord } from '../../../sso/session/record.ts';
import { Turns } from '../../../sso/session/turns.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';

function session(buddies: readonly string[], ownerStamp: number, owner = 'n1:1'): PlacedSession {
  return {
    state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 1e15, version: 0, owner, ownerStamp, releasedAt: 0,
    idleMs: 0, data: SessionData.empty, stays: false, buddies, lastAccessAt: 1,
  }; // biome-ignore format: the object is a table
}

/** Node n1, which looks every 3 s. `having`: who has all of everything, as it knows. */
function scene(...having: readonly string[]) {
  const clock = virtualClock();
  const records = new Map<string, SessionRecord>();
  const has = new Set(having);
  const surplus = new Surplus({
    life: 'n1:1',
    copies: { get: (key: string) => records.get(key), put: (key, value) => void records.set(key, value) as undefined },
    company: { stays: (node) => node !== 'leaving' },
    lines: { laneTo: (node) => ({ hasAll: () => has.has(node) }) as unknown as Lane },
    turns: new Turns({ clock }),
    hybrid: { next: (after = 0) => after + 1 },
    clock,
    lookMs: 3_000,
  });
  const placed = (former: PlacedSession, now: PlacedSession) => {
    records.set('s', now);
    surplus.placed('s', former, now);
  };
  const buddies = () => (records.get('s') as PlacedSession).buddies;
  return { clock, has, surplus, placed, buddies, records };
}

test('as many are named as there were, those that there were first, and not before the others had time to come back', () => {
  const { clock, surplus, placed, buddies, records } = scene('n2', 'n3');
  placed(session(['n2'], 1), session(['n3', 'n2'], 5));
  clock.advance(2_999);
  assert.deepEqual(buddies(), ['n3', 'n2']);
  clock.advance(1);
  assert.deepEqual(buddies(), ['n2']);
  assert.equal((records.get('s') as PlacedSession).ownerStamp, 6, 'later than what the others wrote');
  assert.equal(surplus.size, 0);
});

test('only who has all of it and stays is named; until somebody has, and does, nothing changes', () => {
  const { clock, has, placed, buddies } = scene('leaving');
  placed(session(['n2'], 1), session(['n3', 'n2', 'leaving'], 5));
  clock.advance(9_000);
  assert.deepEqual(buddies(), ['n3', 'n2', 'leaving']);
  has.add('n3');
  clock.advance(3_000);
  assert.deepEqual(buddies(), ['n3']);
});

test('a session that had nobody keeps one', () => {
  const { clock, placed, buddies } = scene('n2', 'n3');
  placed(session([], 1), session(['n3', 'n2'], 5));
  clock.advance(3_000);
  assert.deepEqual(buddies(), ['n3']);
});

test('what was placed anew meanwhile, by this node or another that serves it, stays as it is', () => {
  for (const now of [session(['n2', 'n4'], 6), session(['n3', 'n2'], 6, 'n4:1')]) {
    const { clock, surplus, placed, buddies, records } = scene('n2', 'n3', 'n4');
    placed(session(['n2'], 1), session(['n3', 'n2'], 5));
    records.set('s', now);
    clock.advance(3_000);
    assert.deepEqual([buddies(), surplus.size], [now.buddies, 0]);
  }
});

test('others may write it several times: it counts what this node had named last', () => {
  for (const [former, count] of [
    [session(['n3', 'n2'], 5), 1],
    [session(['n3', 'n2'], 6), 2],
  ] as const) {
    const { clock, placed, buddies } = scene('n2', 'n3', 'n4');
    placed(session(['n2'], 1), session(['n3', 'n2'], 5));
    placed(former, session(['n4', 'n3', 'n2'], 8));
    clock.advance(3_000);
    assert.equal(buddies().length, count);
  }
});

test('as many as there were are no surplus, and after the end nothing is looked at', () => {
  const { clock, surplus, placed, buddies } = scene('n2', 'n3');
  placed(session(['n2'], 1), session(['n3'], 5));
  assert.equal(surplus.size, 0);
  placed(session(['n3'], 5), session(['n3', 'n2'], 7));
  surplus.close();
  clock.advance(9_000);
  assert.deepEqual(buddies(), ['n3', 'n2']);
});
