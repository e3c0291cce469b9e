/** What a peer is said to have: nothing before it has confirmed it on this connection. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBuddyFrame } from '../../../sso/session/buddies/frames.ts';
import { Lane, whole } from '../../../sso/session/buddies/lane.ts';

const resendMs = 500;

/** A lane whose content is the key, and what goes over it. */
class Peer {
  readonly lane: Lane;
  #numbers = 0;

  constructor(compared = true) {
    this.lane = new Lane({ node: 'n2', incarnation: 1 }, resendMs, () => ++this.#numbers);
    this.lane.compared = compared;
  }

  /** Sends what can be sent. Returns the numbers of the frames, and the keys in them. */
  send(isLate?: () => boolean): { readonly numbers: readonly number[]; readonly keys: readonly unknown[] } {
    const messages = this.lane.fill((key) => JSON.stringify(key), 0, isLate).map((frame) => parseBuddyFrame(frame));
    const carries = messages.flatMap((one) => (typeof one === 'object' && one.type === 'carry' ? [one] : []));
    return {
      numbers: carries.map(({ number }) => number),
      keys: carries.flatMap(({ items }) => items.filter((_, index) => index % 2 === 0)),
    };
  }
}

test('a peer has what was put once it has confirmed that, and not while a later change waits or is under way', () => {
  const { lane, send } = bound(new Peer());
  assert.ok(lane.stores('s'), 'nothing is owed to one that was compared with');
  lane.put('s', whole);
  assert.ok(!lane.stores('s'), 'put');
  const first = send();
  assert.ok(!lane.stores('s'), 'sent');
  lane.put('s', whole);
  assert.deepEqual(lane.carried(first.numbers, []), []);
  assert.ok(!lane.stores('s'), 'a later one waits');
  assert.deepEqual(lane.carried(send().numbers, []), ['s']);
  assert.ok(lane.stores('s'));
});

test('what a peer lacked is repaired, and what it cannot take whole it has not got', () => {
  const { lane, send } = bound(new Peer());
  lane.put('s', { altered: { written: [] } as never });
  lane.carried(send().numbers, ['s']);
  assert.ok(!lane.stores('s'), 'lacking');
  lane.carried(send().numbers, ['s']);
  assert.ok(!lane.stores('s') && lane.refuses('s'), 'refused');
  assert.deepEqual(send().keys, []);
  lane.differs('s');
  lane.carried(send().numbers, []);
  assert.ok(lane.stores('s') && !lane.refuses('s'));
});

test('where one answer says what several frames lacked, nothing is taken for refused: the whole goes once more', () => {
  for (const isResent of [false, true]) {
    const { lane, send } = bound(new Peer());
    lane.put('s', { altered: { written: [] } as never });
    const change = send();
    if (isResent) lane.resend(resendMs);
    else lane.put('s', whole);
    const again = send();
    assert.deepEqual([change.keys, again.keys], [['s'], ['s']]);
    // The peer stood still, and goes through both in one turn: the change lacked what it builds on, the whole did not.
    assert.deepEqual(lane.carried([...change.numbers, ...again.numbers], ['s']), []);
    assert.ok(!lane.refuses('s') && !lane.stores('s'));
    assert.deepEqual(lane.carried(send().numbers, []), ['s']);
    assert.ok(lane.stores('s'));
  }
});

test('before the comparison a peer has only what it has confirmed on this connection', () => {
  const { lane, send } = bound(new Peer(false));
  assert.ok(!lane.stores('s') && !lane.hasAll('s'), 'nothing is known');
  lane.put('s', whole);
  lane.carried(send().numbers, []);
  assert.ok(lane.stores('s') && !lane.stores('other'));
  assert.ok(!lane.hasAll('s'), 'others may have told it something that is not here');
  lane.compared = true;
  assert.ok(lane.stores('other') && lane.hasAll('s'));
});

test('a frame goes out with what is in it when reading takes too long, and the rest in the next turn', () => {
  const { lane, send } = bound(new Peer());
  for (const key of ['a', 'b', 'c']) lane.put(key, whole);
  assert.deepEqual(send(() => true).keys, ['a']);
  assert.ok(lane.canSend);
  assert.deepEqual(send().keys, ['b', 'c']);
  assert.ok(!lane.canSend);
});

const bound = (peer: Peer) => ({ lane: peer.lane, send: (isLate?: () => boolean) => peer.send(isLate) });
