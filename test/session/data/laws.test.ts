/**
 * The laws of a session's data: the merge of a lattice, equal contexts of equal data, deltas that amount to the wholes.
 * First every triple of all states that two writers reach in a few steps; then random histories of several writers with
 * splits, losses and reordering, against a model that knows every change ever made and derives everything from the set seen.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Changes, removedText } from '../../../sso/session/data/changes.ts';
import {
  applyDelta,
  canApply,
  type DataDelta,
  decodeDelta,
  encodeDelta,
  joinDeltas,
} from '../../../sso/session/data/delta.ts';
import { decodeData, mergeData, SessionData } from '../../../sso/session/data/session-data.ts';

const text = (data: SessionData) => JSON.stringify(data.encode());
const sent = (data: SessionData) => decodeData(JSON.parse(text(data)))!;
const sentDelta = (delta: DataDelta) => decodeDelta(JSON.parse(JSON.stringify(encodeDelta(delta))))!;

const change = (part: string, field: string, value: string | undefined): Changes => ({
  fields: [{ part, field, text: value }],
  gone: [],
});

/** All states that two writers reach with two changes each, telling one another or not, from a state with something in it. */
function reachable(): SessionData[] {
  const changes: readonly Changes[] = [
    change('0', 'a', '1'),
    change('0', 'a', undefined),
    { fields: [{ part: 'p', field: 'x', text: '2' }], gone: ['p'] },
    { fields: [], gone: ['p'] },
  ];
  const start = SessionData.empty.change(
    {
      fields: [
        { part: '0', field: 'a', text: '0' },
        { part: 'p', field: 'y', text: '0' },
        { part: 'p', field: 'x', text: '0' },
      ],
      gone: [],
    },
    'n1:1',
    10,
  ).data;
  const all = new Map<string, SessionData>([[text(SessionData.empty), SessionData.empty]]);
  const add = (data: SessionData) => {
    all.set(text(data), data);
    return data;
  };
  const lefts = changes.map((one, index) => add(start.change(one, `n1:${index}`, 20).data));
  for (const [index, one] of changes.entries()) {
    const right = add(start.change(one, `n2:${index}`, 15).data);
    const both = add(mergeData(lefts[0]!, right));
    add(both.change(change('0', 'b', '3'), `n2:${index}`, 30).data);
    add(right.change(change('p', 'y', '4'), `n3:${index}`, 25).data);
  }
  add(lefts[1]!.change(change('0', 'a', '5'), 'n1:1', 31).data);
  return [...all.values()];
}

test('merging is commutative, associative and idempotent, for every triple of all states that two writers reach', () => {
  const states = reachable();
  assert.ok(states.length >= 18, `${states.length}`);
  for (const a of states) {
    assert.equal(mergeData(a, sent(a)), a);
    for (const b of states) {
      const ab = mergeData(a, b);
      assert.equal(text(ab), text(mergeData(b, a)));
      assert.equal(mergeData(ab, a), ab);
      assert.equal(mergeData(ab, sent(b)), ab);
      if (text(ab) === text(a)) assert.equal(ab, a);
      for (const c of states) assert.equal(text(mergeData(ab, c)), text(mergeData(a, mergeData(b, c))));
    }
  }
});

test('the same holds across generations', () => {
  let many = SessionData.empty;
  for (let life = 1; life <= 16; life++) many = many.change(change('0', `f${life}`, '1'), `n1:${life}`, life).data;
  const minute = 60_000 * 1_024;
  const one = many.change(change('0', 'f1', '2'), 'n2:1', minute + 20).data;
  const other = many.change(change('0', 'f1', '3'), 'n3:1', minute + 21).data;
  const states = [
    SessionData.empty,
    many,
    many.change(change('0', 'f2', '2'), 'n1:16', minute + 30).data,
    one,
    other,
    one.change(change('0', 'f3', undefined), 'n2:1', minute + 40).data,
    one.change(change('0', 'f3', '4'), 'n4:1', minute + 41).data,
    other.change(change('0', 'f3', '5'), 'n2:1', minute + 50).data,
  ];
  assert.equal(new Set(states.map(text)).size, states.length);
  for (const a of states) {
    for (const b of states) {
      const ab = mergeData(a, b);
      assert.equal(text(ab), text(mergeData(b, a)));
      assert.equal(mergeData(ab, sent(a)), ab);
      for (const c of states) assert.equal(text(mergeData(ab, c)), text(mergeData(a, mergeData(b, c))));
    }
  }
});

/** One change as the model knows it, with the set of all changes that its writer had seen. */
interface Made {
  readonly id: number;
  readonly writer: string;
  readonly stamp: number;
  readonly seen: ReadonlySet<Made>;
  readonly changes: Changes;
  /** What of these values it took away, or wrote over. */
  readonly over: ReadonlySet<Value>;
  readonly values: readonly Value[];
}

interface Value {
  readonly part: string;
  readonly field: string;
  readonly text: string;
  readonly stamp: number;
  readonly writer: string;
  /** Stamp, writer and number of the field's birth. */
  readonly birth: readonly [number, string, number];
}

const valuesOf = (seen: ReadonlySet<Made>): Value[] => {
  const over = new Set([...seen].flatMap((made) => [...made.over]));
  return [...seen].flatMap((made) => made.values.filter((value) => !over.has(value)));
};

const compareBirths = ([a, b, c]: Value['birth'], [d, e, f]: Value['birth']) =>
  a - d || (b < e ? -1 : b > e ? 1 : 0) || c - f;

const latestOf = (values: readonly Value[]): Value =>
  values.toSorted((a, b) => b.stamp - a.stamp || (a.writer < b.writer ? 1 : -1))[0]!;

/** What is to be read of a set of changes: parts, their fields in order, of each the later value. */
function readings(seen: ReadonlySet<Made>): Record<string, [string, string][]> {
  const parts = new Map<string, Map<string, Value[]>>();
  for (const value of valuesOf(seen)) {
    const part = parts.get(value.part) ?? new Map<string, Value[]>();
    parts.set(value.part, part);
    part.set(value.field, [...(part.get(value.field) ?? []), value]);
  }
  const read: Record<string, [string, string][]> = {};
  for (const id of [...parts.keys()].sort()) {
    const fields = [...parts.get(id)!].map(([field, values]) => ({
      field,
      birth: values.map(({ birth }) => birth).sort(compareBirths)[0]!,
      text: latestOf(values).text,
    }));
    read[id] = fields
      .filter((one) => one.text !== removedText)
      .sort((a, b) => compareBirths(a.birth, b.birth))
      .map((one) => [one.field, one.text]);
  }
  return read;
}

/** The model's change: `compared` is the set whose values may be taken away. */
function make(
  seen: ReadonlySet<Made>,
  compared: ReadonlySet<Made>,
  changes: Changes,
  writer: string,
  stamp: number,
  id: number,
): Made {
  const before = valuesOf(seen);
  const known = new Set([...compared].flatMap(({ values }) => values));
  const over = new Set<Value>();
  const gone = new Set<string>();
  // As an application's field: it goes only if all that stands in it was known.
  const isKnown = (part: string, field: string) =>
    before.every((value) => value.part !== part || value.field !== field || known.has(value));
  for (const part of changes.gone) {
    if (before.every((value) => value.part !== part || known.has(value))) gone.add(part);
    for (const value of before) if (value.part === part && isKnown(part, value.field)) over.add(value);
  }
  const values = new Map<string, Value>();
  const born = new Map<string, number>();
  for (const { part, field, text: value } of changes.fields) {
    const key = `${part}/${field}`;
    const held = before.filter((one) => one.part === part && one.field === field && !over.has(one));
    const own = values.get(key);
    if (value === undefined) {
      if (own === undefined && !held.every((one) => known.has(one))) continue;
      for (const one of held) over.add(one);
      values.delete(key);
      continue;
    }
    const number = born.get(part) ?? 0;
    const standing = [...held, ...(own === undefined ? [] : [own])];
    // What was removed by its name is as if it had never been, but for the later of two changes.
    const isAway = standing.length > 0 && latestOf(standing).text === removedText;
    const births = isAway ? [] : standing.map(({ birth }) => birth).sort(compareBirths);
    if (births.length === 0) born.set(part, number + 1);
    for (const one of held) over.add(one);
    values.set(key, { part, field, text: value, stamp, writer, birth: births[0] ?? [stamp, writer, number] });
  }
  return { id, writer, stamp, seen, changes, over, values: [...values.values()] };
}

type Step =
  | {
      readonly kind: 'change';
      readonly node: number;
      readonly changes: Changes;
      readonly stale: boolean;
      readonly skew: number;
    }
  | { readonly kind: 'whole'; readonly from: number; readonly to: number }
  | { readonly kind: 'delta'; readonly which: number; readonly to: number }
  | { readonly kind: 'join'; readonly which: number; readonly to: number }
  | { readonly kind: 'pack'; readonly node: number };

const nodes = 4;
const part = fc.constantFrom('0', 'p', 'q');
const field = fc.constantFrom('a', 'b', 'c', 'd');
const node = fc.nat(nodes - 1);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.nat(999).map(String) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, removedText) },
);
const changesOf: fc.Arbitrary<Changes> = fc.record({
  fields: fc.array(fc.record({ part, field, text: value }), { minLength: 1, maxLength: 4 }),
  gone: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.uniqueArray(part, { maxLength: 2 }) },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      node,
      changes: changesOf,
      stale: fc.boolean(),
      skew: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('whole' as const), from: node, to: node }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('delta' as const), which: fc.nat(50), to: node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), which: fc.nat(50), to: node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pack' as const), node }) },
);

interface Copy {
  data: SessionData;
  seen: ReadonlySet<Made>;
  /** As it was some changes ago: what a slow request compares with. */
  stale: { readonly data: SessionData; readonly seen: ReadonlySet<Made> };
}

const read = (data: SessionData) => Object.fromEntries([...data.parts()].map((id) => [id, [...data.fields(id)]]));
const union = (a: ReadonlySet<Made>, b: ReadonlySet<Made>) => new Set([...a, ...b]);

test('any history of four writers with splits, losses and reordering: what is read follows from the changes seen, equal contexts are equal data, and deltas amount to wholes', () => {
  let applied = 0;
  let lacked = 0;
  let joined = 0;
  let concurrent = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const copies: Copy[] = Array.from({ length: nodes }, () => {
        const seen: ReadonlySet<Made> = new Set();
        return { data: SessionData.empty, seen, stale: { data: SessionData.empty, seen } };
      });
      const told: { readonly delta: DataDelta; readonly made: Made; readonly after: Copy }[] = [];
      const byVersion = new Map<string, string>();
      const holds = (copy: Copy) => {
        assert.deepEqual(read(copy.data), readings(copy.seen));
        const known = byVersion.get(copy.data.version);
        if (known === undefined) byVersion.set(copy.data.version, text(copy.data));
        else assert.equal(text(copy.data), known);
      };
      for (const one of steps) {
        copies[told.length % nodes]!.data.fold();
        if (one.kind === 'pack') copies[one.node]!.data.pack();
        else if (one.kind === 'change') {
          const copy = copies[one.node]!;
          const writer = `n${one.node}:1`;
          const stamp = copy.data.latest + 1 + one.skew;
          const compared = one.stale ? copy.stale : copy;
          const made = make(copy.seen, compared.seen, one.changes, writer, stamp, told.length);
          const { data, delta } = copy.data.change(one.changes, writer, stamp, compared.data);
          if (one.stale) copy.stale = { data: copy.data, seen: copy.seen };
          copy.data = data;
          copy.seen = new Set([...copy.seen, made]);
          told.push({ delta: sentDelta(delta), made, after: { ...copy } });
          holds(copy);
        } else if (one.kind === 'whole') {
          const [from, to] = [copies[one.from]!, copies[one.to]!];
          const [mine, theirs] = [to.data, from.data];
          const merged = mergeData(mine, sent(theirs));
          if (!mine.includes(theirs) && !theirs.includes(mine)) concurrent++;
          assert.equal(text(merged), text(mergeData(theirs, mine)));
          to.data = merged;
          to.seen = union(to.seen, from.seen);
          holds(to);
        } else if (told.length > 0) {
          const to = copies[one.to]!;
          const { delta, made, after } = told[one.which % told.length]!;
          const next = told.slice((one.which % told.length) + 1).find((other) => other.made.writer === made.writer);
          const both = one.kind === 'join' && next !== undefined ? joinDeltas(delta, next.delta) : undefined;
          const [wire, whole] = both === undefined ? [delta, after] : [sentDelta(both), next!.after];
          if (both !== undefined) joined++;
          const needs = [...made.seen].every((other) => to.seen.has(other));
          assert.equal(canApply(to.data, wire), needs);
          if (!needs) {
            assert.equal(applyDelta(to.data, wire), to.data);
            lacked++;
            continue;
          }
          const outcome = applyDelta(to.data, wire);
          assert.equal(text(outcome), text(mergeData(to.data, whole.data)));
          if (outcome !== to.data) applied++;
          to.data = outcome;
          to.seen = union(to.seen, both === undefined ? new Set([made]) : new Set([made, next!.made]));
          holds(to);
        }
      }
      // However they meet, all become equal.
      const forward = copies.reduce((all, { data }) => mergeData(all, data), SessionData.empty);
      const backward = copies.reduceRight((all, { data }) => mergeData(all, sent(data)), SessionData.empty);
      assert.equal(text(forward), text(backward));
      assert.deepEqual(read(forward), readings(copies.reduce((all, { seen }) => union(all, seen), new Set<Made>())));
    }),
    {
      numRuns: Number(process.env['LAWS_RUNS'] ?? 600),
      includeErrorInReport: true,
      seed: Number(process.env['LAWS_SEED'] ?? 7),
    },
  );
  for (const count of [applied, lacked, joined, concurrent])
    assert.ok(count > 50, `${[applied, lacked, joined, concurrent]}`);
});
