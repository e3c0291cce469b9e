import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lacking } from '../../sso/gossip/lacking.ts';

test('a key is asked for once, and again when a quarter of a second brought no answer', () => {
  const lacking = new Lacking();
  assert.deepEqual(
    [0, 100, 249, 250, 251, 500].map((at) => lacking.note('sessions', 'a', 1, at)),
    [true, false, false, true, false, true],
  );
  assert.equal(lacking.note('sessions', 'b', 1, 1), true, 'each for itself');
  assert.equal(lacking.note('others', 'a', 1, 1), true);
});

test('a batch is complete with the last answer that it waits for, and an answer completes all that wait for it alone', () => {
  const lacking = new Lacking();
  for (const [key, batch] of [
    ['a', 3],
    ['b', 3],
    ['b', 3],
    ['b', 4],
    ['c', 5],
  ] as const)
    lacking.note('m', key, batch, 0);
  lacking.note('m', 'a', 0, 0);
  assert.deepEqual(lacking.answered('m', 'a'), []);
  assert.deepEqual(lacking.answered('m', 'a'), [], 'a double');
  assert.deepEqual(lacking.answered('m', 'never asked for'), []);
  assert.deepEqual(lacking.answered('m', 'b'), [3, 4]);
  assert.deepEqual(lacking.answered('m', 'c'), [5]);
});

test('what is beyond the limits is asked for, but no batch counts as complete of which not all was remembered', () => {
  const lacking = new Lacking();
  for (let index = 0; index < 4_096; index++) assert.equal(lacking.note('m', `key${index}`, 1, 0), true);
  assert.equal(lacking.note('m', 'beyond', 2, 0), true);
  lacking.note('m', 'key0', 2, 0);
  lacking.note('m', 'key0', 3, 0);
  assert.deepEqual(lacking.answered('m', 'beyond'), []);
  assert.deepEqual(lacking.answered('m', 'key0'), [3], 'a comparison says when batches 1 and 2 are merged');

  const often = new Lacking();
  for (let batch = 1; batch <= 100; batch++) often.note('m', 'a', batch, 0);
  assert.deepEqual(often.answered('m', 'a'), [], 'nor one ahead of it');
  often.note('m', 'a', 101, 0);
  assert.deepEqual(often.answered('m', 'a'), [101]);
});
