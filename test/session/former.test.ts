import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookieField, settingsPart } from '../../sso/session/cookie-text.ts';
import { Classes } from '../../sso/session/graph/classes.ts';
import { readAll } from '../../sso/session/graph/tracker.ts';
import { sessionLattice } from '../../sso/session/lattice.ts';
import type { LiveSession } from '../../sso/session/record.ts';

/** As it lay on disk, and came in frames, before data was a map of fields. */
const former = (text: unknown, version = 900_000) => [
  'live', 'shop', 0, 1_000, 50_000, version, 'n1:1', 900_001, 0, 5_000, text, 1_234,
]; // biome-ignore format: the tuple is a table

function decoded(text: unknown, version?: number): LiveSession | undefined {
  const record = sessionLattice.decode(former(text, version));
  return record?.state === 'live' ? record : undefined;
}

const attributes = { cart: [{ sku: 'a', n: 1 }], user: 'alice', $odd: { $: 1, __proto__x: [null] }, n: -0.5 };

test('a session that a version before wrote is read with all it held, the same on every node', () => {
  const text = JSON.stringify([{ originalMaxAge: 60_000, path: '/shop' }, attributes]);
  const record = decoded(text)!;
  assert.deepEqual({ ...readAll(record.data, { classes: new Classes([]) }) }, attributes);
  assert.equal(record.data.get(settingsPart, cookieField), '{"originalMaxAge":60000,"path":"/shop"}');
  assert.deepEqual([record.lastAccessAt, record.version, record.owner, record.stays], [1_234, 900_000, 'n1:1', false]);
  const again = JSON.stringify(sessionLattice.encode(record));
  assert.equal(again, JSON.stringify(sessionLattice.encode(decoded(text)!)));
  assert.equal(JSON.stringify(sessionLattice.encode(sessionLattice.decode(JSON.parse(again))!)), again);
  assert.equal(decoded(JSON.stringify([0, {}]))!.data.get(settingsPart, cookieField), undefined);
});

test('of two that versions before wrote the later holds, and what was changed since is not lost to it', () => {
  const one = decoded(JSON.stringify([0, { a: 1, gone: 1 }]), 900_000)!;
  const two = decoded(JSON.stringify([0, { a: 2, b: 2 }]), 900_500)!;
  const read = (record: ReturnType<typeof sessionLattice.merge>) =>
    record.state === 'live' && { ...readAll(record.data, { classes: new Classes([]) }) };
  for (const merged of [sessionLattice.merge(one, two), sessionLattice.merge(two, one)])
    assert.deepEqual(read(merged), { a: 2, b: 2 });
  const changes = { fields: [{ part: '0', field: '.new', text: '3' }], gone: [] };
  const changed = { ...one, data: one.data.change(changes, 'n2:1', 900_100).data };
  assert.deepEqual(read(sessionLattice.merge(changed, two)), { new: 3, a: 2, b: 2 });
});

test('text that is none of theirs is refused', () => {
  for (const text of ['', 'x', '{}', '[]', '[0]', '[0,1]', '[0,null]', `[0,{"a":"${'x'.repeat(300_000)}"}]`])
    assert.equal(decoded(text), undefined, text.slice(0, 20));
  assert.equal(decoded('[0,{}]', 0), undefined);
});
