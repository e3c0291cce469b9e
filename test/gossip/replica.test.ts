import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Digest, DigestView, Hasher } from '../../sso/gossip/digest.ts';
import { minuteOf, Replica } from '../../sso/gossip/replica.ts';
import { seededRandom } from '../../sso/random.ts';
import { type Cell, cell, cellLattice, hour, startAt } from './cells.ts';

const minute = 60_000;
const hasher = new Hasher();

/** The digest as of a minute, from scratch. */
function fromScratch(replica: Replica<Cell>, at: number): string {
  const digest = new Digest();
  for (const [key, value] of replica.entries()) {
    if (replica.dueOf(value) > at) digest.toggle(hasher.key(key).text(replica.textOf(value)));
  }
  return new DigestView([digest]).root();
}

const keysOf = (replica: Replica<Cell>) => [...replica.entries()].map(([key]) => key).sort();

test('merging tells what changed, and nothing where nothing is new', () => {
  const cells = new Replica(cellLattice);
  const first = cell('one');
  assert.deepEqual(cells.merge('a', first, startAt), { key: 'a', before: undefined, after: first, own: false });
  assert.equal(cells.merge('a', cell('one'), startAt), undefined);
  const change = cells.merge('a', cell('two', { version: 2 }), startAt, true);
  assert.deepEqual([change?.before?.text, change?.after.text, change?.own], ['one', 'two', true]);
  assert.equal(cells.merge('a', cell('late', { version: 1 }), startAt), undefined);
  assert.deepEqual([cells.size, cells.get('a')?.text, cells.get('b')], [1, 'two', undefined]);
});

test('what is over is refused, but never while something is held under the key', () => {
  const cells = new Replica(cellLattice);
  const over = cell('', { closed: true, endsAt: startAt });
  assert.ok(cells.refuses('a', over, startAt));
  assert.equal(cells.merge('a', over, startAt), undefined);
  assert.equal(cells.size, 0);
  cells.merge('a', cell('open', { endsAt: startAt + minute }), startAt);
  assert.ok(!cells.refuses('a', over, startAt));
  assert.equal(cells.merge('a', over, startAt)?.after.closed, true, 'a close reaches the open copy however late it is');
});

test('over is judged by whole minutes: at 12:00:30 what ended at 12:00:10 is still taken', () => {
  const cells = new Replica(cellLattice);
  const ended = cell('x', { endsAt: startAt + 10_000 });
  assert.ok(!cells.refuses('a', ended, startAt + 59_999));
  assert.ok(cells.refuses('a', ended, startAt + 60_000));
});

test('a value is freed a minute after it is over, and not before', () => {
  const cells = new Replica(cellLattice);
  cells.merge('a', cell('x', { endsAt: startAt + 5 * minute }), startAt);
  cells.merge('b', cell('y', { endsAt: startAt + 50 * minute }), startAt);
  assert.deepEqual(cells.forget(startAt + 6 * minute - 1), { freed: [], more: false });
  const { freed } = cells.forget(startAt + 6 * minute);
  assert.deepEqual(
    freed.map(({ key, last }) => [key, last.text]),
    [['a', 'x']],
  );
  assert.deepEqual(keysOf(cells), ['b']);
  assert.deepEqual(
    cells.forget(startAt + 1_000 * minute).freed.map(({ key }) => key),
    ['b'],
  );
  assert.equal(cells.digest(minuteOf(startAt), startAt).root(), new Replica(cellLattice).digest(0, 0).root());
});

test('a value whose end moves later is kept, one whose end moves earlier goes earlier', () => {
  const cells = new Replica({ ...cellLattice, merge: (_mine: Cell, theirs: Cell) => theirs });
  cells.merge('a', cell('x', { endsAt: startAt + 5 * minute }), startAt);
  cells.merge('a', cell('x', { endsAt: startAt + 30 * minute }), startAt);
  cells.merge('b', cell('x', { endsAt: startAt + 30 * minute }), startAt);
  cells.merge('b', cell('x', { endsAt: startAt + 5 * minute }), startAt);
  cells.merge('c', cell('x', { endsAt: Number.POSITIVE_INFINITY }), startAt);
  assert.deepEqual(
    cells.forget(startAt + 10 * minute).freed.map(({ key }) => key),
    ['b'],
  );
  assert.deepEqual(cells.forget(startAt + 29 * minute).freed, []);
  assert.deepEqual(
    cells.forget(startAt + 31 * minute).freed.map(({ key }) => key),
    ['a'],
  );
  assert.deepEqual(keysOf(cells), ['c']);
});

test('a digest kept up to date is the digest from scratch, as of any minute, whatever was done', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = seededRandom(seed);
    const below = (most: number) => Math.floor(random.fraction() * most);
    const lattice = seed % 2 === 0 ? cellLattice : { ...cellLattice, merge: (_mine: Cell, theirs: Cell) => theirs };
    const cells = new Replica(lattice);
    let now = startAt;
    for (let turn = 0; turn < 600; turn++) {
      const endsAt = random.fraction() < 0.05 ? Number.MAX_SAFE_INTEGER : now + below(40 * minute) - 3 * minute;
      cells.merge(
        `key${below(60)}`,
        cell(`${below(4)}`, { version: below(6), closed: below(10) === 0, endsAt, usedAt: below(100) }),
        now,
      );
      if (below(6) === 0) now += below(3 * minute);
      if (below(5) === 0) cells.forget(now);
      if (below(4) === 0) {
        const at = minuteOf(now) + below(10) - 2;
        assert.equal(cells.digest(at, now).root(), fromScratch(cells, at), `seed ${seed}, turn ${turn}`);
      }
    }
    assert.equal(cells.size, keysOf(cells).length);
    now += 10 ** 9;
    while (cells.forget(now).more);
    for (const [, value] of cells.entries()) assert.equal(value.endsAt, Number.MAX_SAFE_INTEGER);
  }
});

test('copies that were swept at different moments have the same digest', () => {
  const cells = new Replica(cellLattice);
  const swept = new Replica(cellLattice);
  for (let index = 0; index < 500; index++) {
    for (const replica of [cells, swept])
      replica.merge(`key${index}`, cell('x', { endsAt: startAt + index * 1_000 }), startAt - minute);
  }
  for (let passed = 0; passed < 10 * minute; passed += 7_000) {
    const now = startAt + passed;
    swept.forget(now);
    assert.equal(swept.digest(minuteOf(now), now).root(), cells.digest(minuteOf(now), now).root());
  }
  assert.ok(swept.size < cells.size);
});

test('what travels coarsely does not make digests differ', () => {
  const one = new Replica(cellLattice);
  const other = new Replica(cellLattice);
  one.merge('a', cell('x', { usedAt: 5 }), startAt);
  other.merge('a', cell('x', { usedAt: 9 }), startAt);
  assert.equal(one.digest(minuteOf(startAt), startAt).root(), other.digest(minuteOf(startAt), startAt).root());
});

test('a value that holds less takes the place of one that holds more, and digests stay what they were', () => {
  const cells = new Replica(cellLattice);
  const other = new Replica(cellLattice);
  for (const replica of [cells, other]) replica.merge('a', cell('x', { usedAt: 9 }), startAt);
  const less = cell('x', { usedAt: 0 });
  const change = cells.shed('a', less);
  assert.deepEqual([change?.before?.usedAt, change?.after, change?.own], [9, less, false]);
  assert.equal(cells.get('a'), less);
  for (const at of [0, 13 * 60])
    assert.equal(
      cells.digest(minuteOf(startAt) + at, startAt).root(),
      other.digest(minuteOf(startAt) + at, startAt).root(),
    );
  assert.equal(cells.merge('a', cell('x', { usedAt: 9 }), startAt)?.after.usedAt, 9, 'it can come back');
  while (cells.forget(startAt + 13 * hour).more);
  assert.equal(cells.size, 0, 'and is forgotten as it would have been');
});

test('nothing is shed that the digest or the time of forgetting covers, and nothing that is not held', () => {
  const cells = new Replica(cellLattice);
  const held = cell('x', { usedAt: 9 });
  cells.merge('a', held, startAt);
  for (const [key, value] of [
    ['a', cell('y')],
    ['a', cell('x', { endsAt: held.endsAt + minute })],
    ['a', held],
    ['b', cell('x')],
  ] as const)
    assert.equal(cells.shed(key, value), undefined);
  assert.deepEqual([cells.get('a'), cells.size], [held, 1]);
});

test('a hundred thousand values that are over in one minute are digested and freed in slices', () => {
  const cells = new Replica(cellLattice);
  for (let index = 0; index < 100_000; index++)
    cells.merge(`key${index}`, cell('x', { endsAt: startAt + 3 * minute }), startAt);
  let calls = 0;
  let freed = 0;
  for (let more = true; more; calls++) {
    const slice = cells.forget(startAt + 10 * minute);
    more = slice.more;
    freed += slice.freed.length;
    assert.ok(slice.freed.length <= 4_000);
  }
  assert.equal(freed, 100_000);
  assert.ok(calls >= 25);
  assert.equal(cells.size, 0);
});

test("an asker's minute in the far future costs a slice, and the digest is that of the nearest minute known", () => {
  const cells = new Replica(cellLattice);
  for (let index = 0; index < 20_000; index++)
    cells.merge(`key${index}`, cell('x', { endsAt: startAt + 2 * minute + index }), startAt);
  const far = minuteOf(startAt) + 10_000_000;
  const before = cells.digest(far, startAt).root();
  assert.notEqual(before, fromScratch(cells, far));
  for (let call = 0; call < 60; call++) cells.digest(far, startAt);
  assert.equal(cells.digest(far, startAt).root(), fromScratch(cells, far));
});

test('entries come in an order that depends on what was merged alone', () => {
  const order = () => {
    const cells = new Replica(cellLattice);
    for (let index = 0; index < 300; index++) cells.merge(`key${index}`, cell('x'), startAt);
    return [...cells.entries()].map(([key]) => key).join();
  };
  assert.equal(order(), order());
});
