/** Who is told of changes, and in which order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../sso/gossip/counters.ts';
import { Listeners } from '../../sso/gossip/listeners.ts';
import { silentLog } from '../../sso/log.ts';

const change = (key: string, before: string | undefined, after: string) => ({ key, before, after, own: false });

/** Listeners of two maps: when the entry ends, its session does, as another change. */
function world() {
  const told: string[] = [];
  const listeners = new Listeners(new Counters(), silentLog);
  listeners.onChange<string>('entries', ({ key, after }) => {
    told.push(`${key} ${after}`);
    if (after === 'closed') listeners.changed('sessions', change(`s-${key}`, 'changed', 'ended'));
  });
  listeners.onChange<string>('sessions', ({ key, before, after }) => told.push(`${key} ${before} ${after}`));
  return { told, listeners };
}

test('what was merged together is told in its order', () => {
  const { told, listeners } = world();
  listeners.allChanged([
    { map: 'sessions', change: change('b', undefined, 'live') },
    { map: 'entries', change: change('a', undefined, 'open') },
    { map: 'sessions', change: change('b', 'live', 'changed') },
  ]);
  assert.deepEqual(told, ['b undefined live', 'a open', 'b live changed']);
});

test('S2: what a listener changes is told after what of the same key was merged with the cause of it', () => {
  const { told, listeners } = world();
  listeners.allChanged([
    { map: 'entries', change: change('a', 'open', 'closed') },
    { map: 'sessions', change: change('s-b', undefined, 'live') },
    { map: 'sessions', change: change('s-a', undefined, 'live') },
    { map: 'sessions', change: change('s-a', 'live', 'changed') },
  ]);
  assert.deepEqual(told, [
    'a closed',
    's-a undefined live',
    's-a live changed',
    's-a changed ended',
    's-b undefined live',
  ]);
});

test('of a key in two maps each map hears its own, once', () => {
  const { told, listeners } = world();
  listeners.allChanged([
    { map: 'entries', change: change('a', undefined, 'open') },
    { map: 'sessions', change: change('a', undefined, 'live') },
    { map: 'entries', change: change('a', 'open', 'closed') },
  ]);
  assert.deepEqual(told, ['a open', 'a undefined live', 'a closed', 's-a changed ended']);
});
