/** Whether a sign-on may be accepted at this instant, and who hears of it when that becomes another. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Accepting } from '../../sso/logout/accepting.ts';
import type { Instant } from '../../sso/logout/instant.ts';
import { LogLines } from '../../sso/testing/log-lines.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

const never: Instant = { monotonic: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
const always: Instant = { monotonic: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };

function world() {
  const clock = virtualClock();
  const log = new LogLines();
  const leases = { until: never };
  const heard: boolean[] = [];
  let asked = 0;
  let recovered = true;
  const accepting = new Accepting({
    clock,
    leases,
    quorum: 2,
    hasRecovered: () => recovered,
    onWait: () => asked++,
    log,
  });
  accepting.onChange(() => heard.push(accepting.may()));
  return {
    ...{ clock, log, accepting, heard },
    asked: () => asked,
    loses: () => {
      recovered = false;
    },
    /** Leases that make a quorum for so long, or for ever. */
    lease(ms: number) {
      const ends = { monotonic: clock.monotonic() + ms, wall: clock.now() + ms };
      leases.until = ms === Number.POSITIVE_INFINITY ? always : ends;
      accepting.look();
    },
  };
}

test('it begins with a quorum of leases and ends by itself with them; both are told once, the end to the operator, too', () => {
  const { accepting, clock, heard, lease, log } = world();
  accepting.look();
  assert.deepEqual([accepting.may(), heard, log.lines], [false, [], []]);
  lease(1_000);
  lease(2_000);
  assert.deepEqual([accepting.may(), heard], [true, [true]]);
  clock.advance(1_999);
  assert.equal(accepting.may(), true);
  clock.advance(1);
  assert.deepEqual([accepting.may(), heard], [false, [true, false]]);
  assert.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields]),
    [['warn', { quorum: 2 }]],
  );
});

test('it ends when either clock says so, and is never true while this life recovers', () => {
  const ahead = world();
  ahead.lease(1_000);
  ahead.clock.leap(1_000);
  assert.equal(ahead.accepting.may(), false);
  const back = world();
  back.lease(1_000);
  back.clock.leap(-5_000);
  back.clock.advance(1_000);
  assert.equal(back.accepting.may(), false);
  const recovering = world();
  recovering.lease(Number.POSITIVE_INFINITY);
  assert.equal(recovering.accepting.may(), true);
  recovering.loses();
  assert.equal(recovering.accepting.may(), false);
});

test('who waits has the others asked, and hears at once when it may; or after the time given that it may not', async () => {
  const { accepting, clock, lease, asked } = world();
  const short = accepting.wait(100);
  const long = accepting.wait(1_000);
  assert.equal(asked(), 2);
  clock.advance(100);
  assert.equal(await short, false);
  lease(5_000);
  assert.equal(await long, true);
  assert.equal(await accepting.wait(1_000), true);
  assert.equal(asked(), 2, 'nobody is asked where there is nothing to wait for');
});

test('once closed nothing is accepted, who waits hears so, and no timer is left', async () => {
  const { accepting, clock, lease, asked } = world();
  const waiting = accepting.wait(1_000);
  accepting.close();
  assert.equal(await waiting, false);
  assert.equal(await accepting.wait(1_000), false);
  assert.equal(asked(), 1);
  const held = world();
  held.lease(1_000);
  held.accepting.close();
  assert.equal(held.accepting.may(), false);
  assert.deepEqual([clock.pending(), held.clock.pending()], [0, 0]);
  lease(1_000);
  assert.equal(accepting.may(), false);
});
