/** Values that are kept as bytes: no reader, digest or minute knows the difference. */

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { Form } from '../../sso/gossip/copies.ts';
import { Digest, DigestView, Hasher } from '../../sso/gossip/digest.ts';
import { minuteOf, Replica } from '../../sso/gossip/replica.ts';
import { seededRandom } from '../../sso/random.ts';
import { type Cell, cell, cellLattice, startAt } from './cells.ts';

const minute = 60_000;
const hasher = new Hasher();
const keyOf = (name: string | number) => hash('sha256', `${name}`, 'base64url');

/** JSON; counts what is kept. A cell that says `stays` has none. */
function formOf() {
  const form = {
    kept: 0,
    pack(_key: string, value: Cell): Uint8Array | undefined {
      if (value.text === 'stays') return undefined;
      form.kept++;
      return Buffer.from(JSON.stringify(cellLattice.encode(value)));
    },
    unpack: (_key: string, bytes: Uint8Array): Cell =>
      cellLattice.decode(JSON.parse(Buffer.from(bytes).toString())) as Cell,
    drop: () => void form.kept--,
  } satisfies Form<Cell> & { kept: number };
  return form;
}

function fromScratch(replica: Replica<Cell>, at: number): string {
  const digest = new Digest();
  for (const [key, value] of replica.entries())
    if (replica.dueOf(value) > at) digest.toggle(hasher.key(key).text(replica.textOf(value)));
  return new DigestView([digest]).root();
}

test('a value that was put away is read as it was, by its key, among all, and in its bucket', () => {
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(formOf());
  const one = cell('one');
  cells.merge(keyOf('a'), one, startAt);
  cells.merge(keyOf('b'), cell('two'), startAt);
  const root = cells.digest(minuteOf(startAt), startAt).root();
  assert.ok(rows.put(keyOf('a')));
  assert.ok(!rows.put(keyOf('a')), 'it is there already');
  assert.ok(!rows.put(keyOf('c')), 'nothing is held');
  assert.deepEqual([cells.get(keyOf('a')), rows.get(keyOf('a')), rows.get(keyOf('b'))], [one, one, undefined]);
  assert.notEqual(cells.get(keyOf('a')), cells.get(keyOf('a')), 'made for the moment');
  assert.deepEqual([...cells.entries()].map(([, { text }]) => text).sort(), ['one', 'two']);
  const bucket = hasher.key(keyOf('a')).bucket;
  assert.deepEqual([...(cells.bucket(bucket) ?? [])], [[keyOf('a'), one]]);
  assert.deepEqual([cells.size, cells.digest(minuteOf(startAt), startAt).root()], [2, root]);
});

test('what changes is a value again; what adds nothing leaves the bytes where they are', () => {
  const form = formOf();
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(form);
  cells.merge(keyOf('a'), cell('one'), startAt);
  rows.put(keyOf('a'));
  assert.equal(cells.merge(keyOf('a'), cell('one'), startAt), undefined);
  assert.deepEqual([rows.get(keyOf('a'))?.text, form.kept], ['one', 1]);
  const change = cells.merge(keyOf('a'), cell('two', { version: 2 }), startAt);
  assert.deepEqual([change?.before?.text, change?.after.text], ['one', 'two']);
  assert.deepEqual(
    [rows.get(keyOf('a')), form.kept, cells.get(keyOf('a'))?.text, cells.size],
    [undefined, 0, 'two', 1],
  );
});

test('bytes give way to a value that means the same, and nothing else does', () => {
  const form = formOf();
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(form);
  const one = cell('one');
  cells.merge(keyOf('a'), one, startAt);
  rows.put(keyOf('a'));
  const again = { ...one };
  rows.take(keyOf('a'), again);
  assert.equal(cells.get(keyOf('a')), again);
  rows.take(keyOf('a'), one);
  assert.equal(cells.get(keyOf('a')), again, 'there are no bytes');
  rows.take(keyOf('b'), one);
  assert.deepEqual([cells.size, form.kept], [1, 0]);
});

test('what has no bytes, or no row, stays a value, and its bytes are dropped', () => {
  const form = formOf();
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(form);
  cells.merge(keyOf('a'), cell('stays'), startAt);
  cells.merge('no hash', cell('one'), startAt);
  cells.merge(keyOf('b'), cell('x'.repeat(5_000)), startAt);
  assert.deepEqual(
    [rows.put(keyOf('a')), rows.put('no hash'), rows.put(keyOf('b')), form.kept],
    [false, false, false, 0],
  );
  assert.deepEqual([cells.size, cells.get('no hash')?.text], [3, 'one']);
});

test('shedding reaches what was put away', () => {
  const form = formOf();
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(form);
  cells.merge(keyOf('a'), cell('one', { usedAt: 9 }), startAt);
  rows.put(keyOf('a'));
  assert.equal(cells.shed(keyOf('a'), cell('two')), undefined);
  assert.equal(cells.shed(keyOf('a'), cell('one', { usedAt: 1 }))?.before?.usedAt, 9);
  assert.deepEqual([cells.get(keyOf('a'))?.usedAt, form.kept], [1, 0]);
});

test('whoever goes through all of them meets each that is there throughout, though values become bytes and bytes values meanwhile', () => {
  const cells = new Replica(cellLattice);
  const rows = cells.compacted(formOf());
  const random = seededRandom(3);
  const names = Array.from({ length: 20_000 }, (_, index) => keyOf(index));
  for (const key of names) cells.merge(key, cell('x'), startAt);
  const met = new Set<string>();
  for (const [key] of cells.entries()) {
    met.add(key);
    const other = names[Math.floor(random.fraction() * names.length)]!;
    if (!rows.put(other)) rows.take(other, cell('x'));
    for (const [near] of cells.bucket(hasher.key(key).bucket)!) if (!rows.put(near)) rows.take(near, cell('x'));
  }
  assert.equal(met.size, names.length);
});

test('digests and forgetting are the same with and without bytes, whatever is done, in every order', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = seededRandom(seed);
    const below = (most: number) => Math.floor(random.fraction() * most);
    const plain = new Replica(cellLattice);
    const cells = new Replica(cellLattice);
    const form = formOf();
    const rows = cells.compacted(form);
    let now = startAt;
    for (let turn = 0; turn < 600; turn++) {
      const key = keyOf(below(60));
      const endsAt = now + below(40 * minute) - 3 * minute;
      const value = cell(`${below(4)}`, { version: below(6), closed: below(10) === 0, endsAt, usedAt: below(100) });
      for (const replica of [plain, cells]) replica.merge(key, value, now);
      for (let count = below(8); count > 0; count--) rows.put(keyOf(below(60)));
      if (below(6) === 0) now += below(3 * minute);
      if (below(5) === 0) {
        const freed = [plain, cells].map((replica) =>
          replica
            .forget(now)
            .freed.map((one) => one.key)
            .sort(),
        );
        assert.deepEqual(freed[1], freed[0], `seed ${seed}, turn ${turn}`);
      }
      if (below(4) > 0) continue;
      const at = minuteOf(now) + below(10) - 2;
      assert.equal(cells.digest(at, now).root(), fromScratch(plain, at), `seed ${seed}, turn ${turn}`);
      assert.deepEqual([...cells.entries()].sort(), [...plain.entries()].sort());
    }
    now += 10 ** 9;
    while (cells.forget(now).more);
    assert.deepEqual([cells.size, form.kept], [0, 0]);
  }
});
