import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRounds, isLoop, parseRounds, type Rounds, roundAfter, targetOf } from '../../../server/login/rounds.ts';

const orders = targetOf('https://app1.xyz.com/orders');
const led = (times: number, everyS: number, how: 'passed' | 'signedOn') => {
  let rounds: Rounds | undefined;
  for (let i = 0; i < times; i++) rounds = roundAfter(rounds, how, orders, 1_000 + i * everyS);
  return { rounds, at: 1_000 + (times - 1) * everyS };
};

test('a browser that is sent on by itself three times within seconds and comes back once more is in a loop', () => {
  for (const [times, expected] of [
    [2, false],
    [3, true],
    [20, true],
  ] as const) {
    const { rounds, at } = led(times, 1, 'passed');
    assert.equal(isLoop(rounds, true, orders, at + 1), expected, `${times} rounds`);
  }
});

test('whoever comes back minutes later, or for another address, comes of their own accord', () => {
  const { rounds, at } = led(3, 1, 'passed');
  assert.equal(isLoop(rounds, true, orders, at + 11), false);
  assert.equal(isLoop(rounds, true, targetOf('https://app1.xyz.com/'), at + 1), false);
  assert.equal(isLoop(led(5, 60, 'passed').rounds, true, orders, at + 300), false);
});

test('a person who must send the form each time has minutes for a round', () => {
  const { rounds, at } = led(3, 60, 'signedOn');
  assert.equal(isLoop(rounds, false, orders, at + 60), true);
  assert.equal(isLoop(rounds, false, orders, at + 301), false);
  assert.equal(isLoop(led(2, 60, 'signedOn').rounds, false, orders, at), false);
});

test('a cookie that is none of ours counts as none, and a clock that went back ends the count', () => {
  const { rounds, at } = led(3, 1, 'passed');
  assert.deepEqual(parseRounds(formatRounds(rounds!)), rounds);
  for (const text of [undefined, '', '3', '3.x.aaaaaaaaaaa', '-1.1.aaaaaaaaaaa', '3.1.<script>', '33.1.aaaaaaaaaaa'])
    assert.equal(parseRounds(text), undefined);
  assert.equal(isLoop(rounds, true, orders, at - 60), false);
});
