import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerState } from '../../sso/gossip/peer.ts';
import { seededRandom } from '../../sso/random.ts';

const peer = { node: 'n2', incarnation: 1 };

test('batches in order leave nothing missing; a hole is noticed, and closed by what was late', () => {
  const state = new PeerState(peer);
  assert.equal(state.received(1), false);
  assert.equal(state.received(3), true);
  assert.equal(state.received(4), true);
  assert.equal(state.have, 1);
  assert.equal(state.received(2), false);
  assert.equal(state.have, 4);
  assert.equal(state.received(2), false, 'a double');
});

test('in whatever order a hundred batches come, doubled or not, all of them are had in the end', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const state = new PeerState(peer);
    const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
    const left = [...numbers, ...numbers.filter(() => random.fraction() < 0.3)];
    const seen = new Set<number>();
    while (left.length > 0) {
      const [number] = left.splice(Math.floor(random.fraction() ** 2 * Math.min(left.length, 40)), 1);
      state.received(number!);
      seen.add(number!);
      let have = 0;
      while (seen.has(have + 1)) have++;
      assert.equal(state.have, have, `seed ${seed}`);
    }
    assert.equal(state.have, 100);
  }
});

test('a comparison brings everything up to a batch, and what came ahead counts then', () => {
  const state = new PeerState(peer);
  state.received(11);
  state.received(12);
  state.reached(10);
  assert.equal(state.have, 12);
});

test('a confirmation is given once, when everything it covers is had', () => {
  const state = new PeerState(peer);
  assert.equal(state.takeAck(), undefined);
  assert.equal(state.wants(2), true);
  state.received(1);
  assert.equal(state.takeAck(), undefined);
  state.received(2);
  state.received(3);
  assert.equal(state.takeAck(), 3);
  assert.equal(state.takeAck(), undefined);
  assert.equal(state.wants(1), false);
  assert.equal(state.takeAck(), 3);
});

test('endless holes do not fill the memory: the furthest runs are forgotten, and a comparison brings them', () => {
  const state = new PeerState(peer);
  for (let number = 2; number < 1_000; number += 2) state.received(number);
  state.reached(500);
  assert.equal(state.have, 500);
  state.reached(1_000);
  assert.equal(state.received(1_001), false);
});
