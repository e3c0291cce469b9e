import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFree, ownPlace } from './ports.ts';

// Above those of the other tests, which run beside this one.
const places = { first: 32_704, size: 4, count: 16 };

test('a place of ports is given once while its owner lives; it holds the last of them', async () => {
  const one = await ownPlace(places);
  const other = await ownPlace(places);
  assert.notEqual(one, other);
  for (const place of [one, other]) {
    assert.equal(await isFree(place), true);
    assert.equal(await isFree(place + 3), false);
    await assert.rejects(ownPlace({ ...places, first: place, count: 1 }), /no free ports/);
  }
});
