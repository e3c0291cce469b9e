/**
 * The laws of a lattice, checked for every pair and triple of a small set of values: what makes copies
 * equal whatever is lost, doubled or reordered on the way. The set has to hold what is hard: ties,
 * conflicts, values that absorb others.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lattice } from '../../sso/gossip/lattice.ts';

export interface LatticeCase<V> {
  readonly lattice: Lattice<V>;
  /** A dozen or so; all triples are tried. */
  readonly values: readonly V[];
  /** The value without what travels coarsely and stays out of digests; left out: the value itself. */
  readonly fine?: (value: V) => V;
  /** Items at the end of the tuple that an earlier version neither sends nor keeps. Default none. */
  readonly tail?: number;
  /** Items at the end of the tuple that may be missing: it is the same value then, or another one. Default: the tail. */
  readonly optional?: number;
  /** What a peer may send and is no value. */
  readonly invalid: readonly unknown[];
}

/** Registers the tests of one lattice. */
export function latticeContract<V>({
  lattice,
  values,
  fine = (value) => value,
  tail = 0,
  optional = tail,
  invalid,
}: LatticeCase<V>): void {
  const { name } = lattice;
  const text = (value: V) => JSON.stringify(lattice.encode(value));
  const digestText = (value: V) => lattice.digestText?.(value) ?? text(value);
  const merge = (a: V, b: V) => lattice.merge(a, b);

  test(`${name}: the values tried are all different`, () => {
    assert.equal(new Set(values.map(text)).size, values.length);
  });

  test(`${name}: merging is idempotent, and gives back the same reference where nothing is added`, () => {
    for (const a of values) {
      assert.equal(merge(a, a), a);
      const copy = lattice.decode(JSON.parse(text(a)))!;
      assert.equal(merge(a, copy), a);
      for (const b of values) {
        const merged = merge(a, b);
        if (text(merged) === text(a)) assert.equal(merged, a, `${text(a)} + ${text(b)}`);
        assert.equal(merge(merged, a), merged);
        assert.equal(merge(merged, b), merged);
      }
    }
  });

  test(`${name}: merging is commutative`, () => {
    for (const a of values)
      for (const b of values) assert.equal(text(merge(a, b)), text(merge(b, a)), `${text(a)} + ${text(b)}`);
  });

  test(`${name}: merging is associative`, () => {
    for (const a of values) {
      for (const b of values) {
        const ab = merge(a, b);
        for (const c of values) {
          assert.equal(text(merge(ab, c)), text(merge(a, merge(b, c))), `${text(a)} + ${text(b)} + ${text(c)}`);
        }
      }
    }
  });

  test(`${name}: what is encoded and decoded is the same value, and no field is lost`, () => {
    for (const a of values) {
      for (const b of [a, ...values.map((other) => merge(a, other))]) {
        const back = lattice.decode(JSON.parse(text(b)));
        assert.ok(back !== undefined, text(b));
        assert.equal(text(back), text(b));
        assert.equal(lattice.forgetAt(back), lattice.forgetAt(b));
      }
    }
  });

  test(`${name}: digests see exactly what is not coarse`, () => {
    const all = values.flatMap((a) => values.map((b) => merge(a, b)));
    const fineOf = new Map<string, string>();
    for (const value of all) {
      const known = fineOf.get(digestText(value));
      if (known === undefined) fineOf.set(digestText(value), text(fine(value)));
      else assert.equal(text(fine(value)), known, digestText(value));
    }
    const digestOf = new Map<string, string>();
    for (const value of all) {
      const known = digestOf.get(text(fine(value)));
      if (known === undefined) digestOf.set(text(fine(value)), digestText(value));
      else assert.equal(digestText(value), known);
    }
  });

  test(`${name}: merging never forgets earlier than either of the two, unless it ends what lives`, () => {
    for (const a of values) {
      for (const b of values)
        assert.ok(lattice.forgetAt(merge(a, b)) >= Math.min(lattice.forgetAt(a), lattice.forgetAt(b)));
    }
  });

  test(`${name}: capping moves a value up, the same way whatever the order, and what is not ahead not at all`, () => {
    const { capped = (value: V) => value } = lattice;
    const all = values.flatMap((one) => values.map((other) => merge(one, other)));
    for (const value of all) {
      assert.equal(capped(value, Number.POSITIVE_INFINITY), value);
      for (const latest of [0, 700, 1_500.5, 3_000, 100_000]) {
        const once = capped(value, latest);
        assert.equal(capped(once, latest), once);
        assert.equal(digestText(merge(value, once)), digestText(once), `${text(value)} by ${latest}`);
        assert.equal(digestText(merge(once, value)), digestText(once));
        assert.equal(
          digestText(capped(capped(value, 5_000), latest)),
          digestText(capped(value, Math.min(5_000, latest))),
        );
        assert.ok(lattice.decode(JSON.parse(text(once))) !== undefined);
      }
    }
  });

  if (tail > 0) {
    test(`${name}: what an earlier version keeps of a value merges with it to the whole, in either order, and makes no difference to a digest`, () => {
      for (const value of values) {
        const data = lattice.encode(value) as unknown[];
        const kept = lattice.decode(data.slice(0, data.length - tail));
        if (kept === undefined) continue; // a value without a tail
        assert.equal(text(merge(value, kept)), text(value));
        assert.equal(text(merge(kept, value)), text(value));
        assert.equal(digestText(kept), digestText(value));
      }
    });
  }

  test(`${name}: what is no value is refused, and nothing throws`, () => {
    const everyType = [undefined, null, true, 0, -1, 1e300, '', 'x', [], {}, [[]], [null], { __proto__: null }];
    for (const data of [...everyType, ...invalid]) assert.equal(lattice.decode(data), undefined, JSON.stringify(data));
    for (const value of values) {
      const data = lattice.encode(value) as unknown[];
      for (let index = 0; index < data.length; index++) {
        for (const wrong of everyType) {
          const altered = data.slice();
          altered[index] = wrong;
          const decoded = lattice.decode(JSON.parse(JSON.stringify(altered)));
          if (decoded !== undefined) assert.equal(text(lattice.decode(JSON.parse(text(decoded)))!), text(decoded));
        }
        if (index < data.length - optional) assert.equal(lattice.decode(data.slice(0, index)), undefined);
      }
    }
  });
}
