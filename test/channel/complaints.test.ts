import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Complaints } from '../../sso/channel/complaints.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { RecordedLog } from './recording.ts';

function world() {
  const clock = virtualClock();
  const log = new RecordedLog();
  return { clock, log, complaints: new Complaints(clock, log) };
}

test('check 65: strangers are all counted and said once a second, with how many were not said', () => {
  const { clock, log, complaints } = world();
  for (let i = 0; i < 1_000; i += 1) {
    complaints.stranger('handshake', { from: '203.0.113.9' });
    clock.advance(3);
  }
  assert.deepEqual(complaints.counters(), { handshake: 1_000 });
  assert.deepEqual(
    log.lines.map(({ fields }) => fields['alike']),
    [0, 333, 333],
  );
});

test('a topic is said once until it changes or settles', () => {
  const { log, complaints } = world();
  const say = (why: string) => complaints.once('at n2', 'warn', { why }, 'refused');
  say('a');
  say('a');
  say('b');
  say('b');
  complaints.settle('at n2');
  say('b');
  assert.deepEqual(
    log.lines.map(({ fields }) => fields['why']),
    ['a', 'b', 'b'],
  );
});
