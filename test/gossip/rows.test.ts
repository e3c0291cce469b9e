import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { Rows } from '../../sso/gossip/rows.ts';
import { seededRandom } from '../../sso/random.ts';

const keyOf = (name: string | number) => hash('sha256', `${name}`, 'base64url');
const bytes = (text: string) => Buffer.from(text);
const textOf = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

test('what was put in comes out under its key, and nothing under another', () => {
  const rows = new Rows();
  assert.ok(rows.add(keyOf('a'), 5, bytes('alpha')));
  assert.ok(rows.add(keyOf('b'), 6, bytes('')));
  assert.deepEqual(
    [textOf(rows.get(keyOf('a'))), textOf(rows.get(keyOf('b'))), rows.get(keyOf('c')), rows.has(keyOf('b')), rows.size],
    ['alpha', '', undefined, true, 2],
  );
});

test('keys with the same first bytes are told apart', () => {
  const rows = new Rows();
  const alike = ['A', 'E', 'I'].map((last) => `${'x'.repeat(42)}${last}`);
  for (const key of alike) assert.ok(rows.add(key, 1, bytes(key.slice(-1))));
  assert.deepEqual(
    alike.map((key) => textOf(rows.get(key))),
    ['A', 'E', 'I'],
  );
  assert.equal(textOf(rows.remove(alike[1]!)), 'E');
  assert.deepEqual(rows.keys(), [alike[0], alike[2]]);
});

test('a key that is not the one text of 32 bytes has no row, nor has what is too long or over too late', () => {
  const rows = new Rows();
  const odd = `${'x'.repeat(42)}B`;
  for (const key of ['', 'short', `${keyOf('a')}A`, `${keyOf('a').slice(1)}=`, `ä${keyOf('a').slice(1)}`, odd])
    assert.ok(!rows.add(key, 1, bytes('x')), key);
  assert.ok(!rows.add(keyOf('a'), Number.POSITIVE_INFINITY, bytes('x')));
  assert.ok(!rows.add(keyOf('a'), 2 ** 32, bytes('x')));
  assert.ok(!rows.add(keyOf('a'), 1, Buffer.alloc(5_000)));
  assert.deepEqual([rows.size, rows.get(odd), rows.remove('short')], [0, undefined, undefined]);
});

test('whatever is added and removed, there is what a map would have, and what is due', () => {
  const random = seededRandom(7);
  const below = (most: number) => Math.floor(random.fraction() * most);
  const rows = new Rows();
  const model = new Map<string, { readonly due: number; readonly text: string }>();
  for (let turn = 0; turn < 4_000; turn++) {
    const key = keyOf(below(300));
    if (model.has(key) ? below(2) === 0 : below(turn < 2_000 ? 4 : 2) > 0) {
      assert.equal(textOf(rows.remove(key)), model.get(key)?.text);
      model.delete(key);
    } else if (!model.has(key)) {
      const one = { due: below(20), text: 'x'.repeat(below(90)) };
      assert.ok(rows.add(key, one.due, bytes(one.text)));
      model.set(key, one);
    }
    assert.equal(rows.size, model.size);
    if (turn % 50 > 0) continue;
    for (const [held, { text }] of model) assert.equal(textOf(rows.get(held)), text);
    const due = new Map<string, number>();
    rows.due(4, 9, (one, at) => due.set(one, at));
    const expected = [...model].filter(([, one]) => one.due > 4 && one.due <= 9).map(([one, { due }]) => [one, due]);
    assert.deepEqual([...due].sort(), expected.sort());
    assert.deepEqual(rows.keys().sort(), [...model.keys()].sort());
  }
});
