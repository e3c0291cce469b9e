/** Which addresses are dialled, and when, in virtual time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialer } from '../../sso/channel/dialer.ts';
import { seededRandom } from '../../sso/random.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

function world({ seed = 1 } = {}) {
  const clock = virtualClock();
  const dialled: { readonly address: string; readonly attempt: number; readonly at: number }[] = [];
  const connected = new Set<string>();
  const dialer = new Dialer({
    clock,
    random: seededRandom(seed),
    redialMs: 250,
    redialAtMostMs: 5_000,
    dial: (address, attempt) => void dialled.push({ address, attempt, at: clock.monotonic() }),
    connected: (node) => connected.has(node),
  });
  return { clock, dialled, connected, dialer };
}

const addresses = (dialled: readonly { readonly address: string }[]) => dialled.map(({ address }) => address);

test('every address is dialled at the start, once whoever names it', () => {
  const { dialled, dialer } = world();
  dialer.name('configured', ['a:1', 'b:1']);
  dialer.name('members', ['b:1']);
  assert.deepEqual(dialled, []);
  dialer.start();
  dialer.name('members', ['b:1', 'c:1']);
  assert.deepEqual(addresses(dialled), ['a:1', 'b:1', 'c:1']);
});

test('the first redial comes within half a second, later ones up to the limit, each with jitter', () => {
  const waits = (seed: number) => {
    const { clock, dialled, dialer } = world({ seed });
    dialer.name('configured', ['a:1']);
    dialer.start();
    for (let i = 0; i < 12; i += 1) {
      dialer.failed('a:1', 'unknown');
      clock.runUntilIdle();
    }
    return dialled.slice(1).map(({ at }, i) => at - dialled[i]!.at);
  };
  const some = waits(1);
  assert.ok(some[0]! <= 250 && some[0]! >= 125);
  for (const [i, wait] of some.entries()) {
    const most = Math.min(250 * 2 ** i, 5_000);
    assert.ok(wait <= most && wait >= most / 2, `wait ${i}: ${wait}`);
  }
  assert.notDeepEqual(some, waits(2));
});

test('an address rests while its member is connected, and is dialled again soon after it is lost', () => {
  const { clock, dialled, connected, dialer } = world();
  dialer.name('configured', ['a:1']);
  dialer.start();
  dialer.met('a:1', 'n2');
  connected.add('n2');
  dialer.failed('a:1', 'unknown');
  clock.advance(60_000);
  assert.equal(dialled.length, 1);
  connected.delete('n2');
  dialer.settled('n2');
  dialer.lost('n2');
  clock.advance(250);
  assert.equal(dialled.length, 2);
});

test('a connection that ends again and again is made ever more seldom, until one lasts', () => {
  const { clock, dialled, dialer } = world();
  dialer.name('configured', ['a:1']);
  dialer.start();
  const redial = () => {
    const before = clock.monotonic();
    dialer.failed('a:1', 'over');
    clock.runUntilIdle();
    return clock.monotonic() - before;
  };
  for (let i = 0; i < 8; i += 1) {
    dialer.met('a:1', 'n2');
    redial();
  }
  assert.ok(redial() >= 2_500);
  dialer.settled('n2');
  assert.ok(redial() <= 250);
  assert.equal(dialled.length, 11);
});

test('an own address is left alone, whoever names it and whenever', () => {
  const { clock, dialled, dialer } = world();
  dialer.name('configured', ['a:1', 'b:1']);
  dialer.own('a:1');
  dialer.start();
  dialer.own('b:1');
  dialer.failed('b:1', 'unknown');
  dialer.name('members', ['a:1', 'b:1']);
  clock.runUntilIdle();
  assert.deepEqual(addresses(dialled), ['b:1']);
  assert.deepEqual(dialer.pending(), []);
});

test('an address that nobody names any more is dialled no more', () => {
  const { clock, dialled, dialer } = world();
  dialer.name('members', ['a:1']);
  dialer.start();
  dialer.failed('a:1', 'unknown');
  dialer.name('members', []);
  clock.runUntilIdle();
  assert.equal(dialled.length, 1);
});

test("pending are the operator's addresses at which nobody was met and nothing refused", () => {
  const { dialer } = world();
  dialer.name('configured', ['a:1', 'b:1', 'c:1']);
  dialer.name('dns', ['d:1']);
  dialer.name('members', ['e:1']);
  dialer.start();
  dialer.failed('a:1', 'over');
  dialer.met('b:1', 'n2');
  dialer.failed('c:1', 'unknown');
  assert.deepEqual(dialer.pending(), ['c:1', 'd:1']);
});

test('after a refusal of its credentials it presents the next', () => {
  const { clock, dialled, dialer } = world();
  dialer.name('configured', ['a:1']);
  dialer.start();
  for (const why of ['credentials', 'unknown', 'credentials'] as const) {
    dialer.failed('a:1', why);
    clock.runUntilIdle();
  }
  assert.deepEqual(
    dialled.map(({ attempt }) => attempt),
    [0, 1, 1, 2],
  );
});

test('once stopped it dials nobody, and no timer is left', () => {
  const { clock, dialled, dialer } = world();
  dialer.name('configured', ['a:1', 'b:1']);
  dialer.start();
  dialer.failed('a:1', 'unknown');
  dialer.stop();
  dialer.failed('b:1', 'unknown');
  dialer.lost('n2');
  assert.equal(clock.pending(), 0);
  assert.equal(dialled.length, 2);
});
