import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Calendar } from '../../sso/gossip/calendar.ts';
import { Digest, DigestView, Hasher } from '../../sso/gossip/digest.ts';
import { seededRandom } from '../../sso/random.ts';

const hasher = new Hasher();

/** Keys with the minute from which they are over, as a replica has them, and a calendar of them. */
function world() {
  const keys = new Map<string, number>();
  const hashed = (key: string) => hasher.key(key).text('x');
  const calendar = new Calendar({
    due(bucket, after, upTo, each) {
      const here = [...keys].filter(([key]) => hasher.key(key).bucket === bucket);
      for (const [key, due] of here) if (due > after && due <= upTo) each(key, due);
      return here.length;
    },
    hash: hashed,
  });
  return {
    keys,
    calendar,
    set(key: string, due: number | undefined) {
      const before = keys.get(key);
      if (due === undefined) keys.delete(key);
      else keys.set(key, due);
      if (before !== undefined) calendar.leave(before, hashed(key));
      if (due !== undefined) calendar.enter(due, hashed(key));
    },
    /** What the digest of all that is over as of a minute is to be. */
    over(minute: number): string {
      const digest = new Digest();
      for (const [key, due] of keys) if (due <= minute) digest.toggle(hashed(key));
      return new DigestView([digest]).root();
    },
    seen: (minute: number) => new DigestView([...calendar.overDigests(minute)]).root(),
  };
}

test('a key is over from its minute on, however often that has moved', () => {
  const { calendar, set, over, seen } = world();
  set('a', 5);
  set('b', 5);
  set('b', 9);
  set('c', 9);
  set('c', 5);
  set('never', Number.POSITIVE_INFINITY);
  assert.ok(calendar.advance(6, 100));
  assert.deepEqual([calendar.horizon, seen(6)], [6, over(6)]);
  assert.deepEqual(calendar.over(4, 10), []);
  assert.deepEqual(calendar.over(6, 10).sort(), ['a', 'c']);
});

test('the horizon moves by slices, and what changes meanwhile is in the digest once it is there, once', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed);
    const below = (most: number) => Math.floor(random.fraction() * most);
    const { keys, calendar, set, over, seen } = world();
    let now = 0;
    const change = () => set(`key${below(80)}`, below(5) === 0 ? undefined : now + below(25) - 2);
    for (let count = 0; count < 100; count++) change();
    for (let turn = 0; turn < 40; turn++) {
      now += below(4);
      const minute = now + below(3);
      for (let slices = 0; !calendar.advance(minute, 1 + below(6)); slices++) {
        assert.ok(slices < 1_000, 'it gets there');
        for (let count = below(4); count > 0; count--) change();
      }
      assert.ok(calendar.horizon >= minute);
      for (const at of [minute, minute - 1, minute - below(5)])
        assert.equal(seen(at), over(at), `seed ${seed}, turn ${turn}, minute ${at}`);
      for (const key of calendar.over(now - 2, 1 + below(5))) {
        assert.ok(keys.get(key)! <= now - 2, 'nothing that is not over is given out');
        set(key, undefined);
      }
      for (let count = below(10); count > 0; count--) change();
    }
    now += 1_000;
    while (!calendar.advance(now, 50));
    for (let given = calendar.over(now, 7); given.length > 0; given = calendar.over(now, 7))
      for (const key of given) set(key, undefined);
    assert.equal(keys.size, 0, 'and none is forgotten');
  }
});
