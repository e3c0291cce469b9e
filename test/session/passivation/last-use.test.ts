import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../sso/random.ts';
import { LastUse } from '../../../sso/session/passivation/last-use.ts';

test('the least recently used comes first, to the second, and within a second in the order of the uses heard of', () => {
  const lastUse = new LastUse();
  assert.equal(lastUse.oldest(), undefined);
  lastUse.note('b', 7_000);
  lastUse.note('a', 5_400);
  lastUse.note('c', 5_200);
  assert.equal(lastUse.oldest(), 'a');
  lastUse.note('a', 5_900);
  assert.equal(lastUse.oldest(), 'c');
  assert.equal(lastUse.remove('c'), true);
  assert.equal(lastUse.remove('c'), false);
  assert.equal(lastUse.oldest(), 'a');
  lastUse.note('a', 9_000);
  assert.equal(lastUse.oldest(), 'b');
  assert.equal(lastUse.size, 2);
});

test('any course of uses and removals gives the same order as sorting anew each time', () => {
  const random = seededRandom(7);
  const pick = (count: number) => Math.floor(random.fraction() * count);
  const lastUse = new LastUse();
  /** In the order of the notes. */
  const naive = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = `k${pick(40)}`;
    if (pick(4) === 0) assert.equal(lastUse.remove(key), naive.delete(key));
    else {
      const second = pick(5_000);
      lastUse.note(key, second * 1_000 + pick(1_000));
      naive.delete(key);
      naive.set(key, second);
    }
    const [expected] = [...naive].reduce<readonly [string | undefined, number]>(
      (least, one) => (one[1] < least[1] ? one : least),
      [undefined, Number.POSITIVE_INFINITY],
    );
    assert.equal(lastUse.oldest(), expected, `step ${step}`);
    assert.equal(lastUse.size, naive.size);
  }
});
