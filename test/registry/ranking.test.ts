import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenEntry } from '../../sso/entry.ts';
import { seededRandom } from '../../sso/random.ts';
import { byAge, type Ranked, Ranking } from '../../sso/registry/ranking.ts';
import type { SsoId } from '../../sso/token.ts';

const ranked = (id: string, openedStamp: number, endsAt = 1_000): Ranked => ({
  id: id as SsoId,
  entry: { openedStamp, endsAt } as OpenEntry,
});

test('whatever order they come in, they are taken oldest first, of one stamp by id', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const upTo = (count: number) => Math.floor(random.fraction() * count);
  for (let round = 0; round < 50; round++) {
    const all = Array.from({ length: 40 + upTo(1_500) }, (_, at) => ranked(`${upTo(1_000)}-${at}`, upTo(200)));
    const ranking = new Ranking(all.slice(0, 30), 1);
    const held = [...all.slice(0, 30)];
    for (const one of all.slice(30)) {
      ranking.add(one);
      held.push(one);
      if (upTo(3) === 0) {
        held.sort(byAge);
        assert.equal(ranking.takeOldest(), held.shift()!.id, `seed ${seed}`);
      }
    }
    for (const { id } of held.sort(byAge)) assert.equal(ranking.takeOldest(), id, `seed ${seed}`);
    assert.equal(ranking.takeOldest(), undefined);
  }
});

test('it is true until the first of them can be over by its limit or an epoch, and while it carries few that are closed', () => {
  const ranking = new Ranking([ranked('a', 1, 500), ranked('b', 2, 900)], 3);
  assert.equal(ranking.isTrue(499, 3, 2), true);
  assert.equal(ranking.isTrue(500, 3, 2), false);
  assert.equal(ranking.isTrue(499, 4, 2), false);
  ranking.add(ranked('c', 3, 400));
  assert.equal(ranking.isTrue(399, 3, 3), true);
  assert.equal(ranking.isTrue(400, 3, 3), false);
  for (let i = 0; i < 100; i++) ranking.add(ranked(`d${i}`, 10 + i));
  assert.equal(ranking.isTrue(0, 3, 100), true);
  assert.equal(ranking.isTrue(0, 3, 5), false);
});
