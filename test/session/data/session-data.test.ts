/** What a session's data does at one node: fields, their order, its forms, what a peer may send. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Changes, removedText } from '../../../sso/session/data/changes.ts';
import { maxWriters } from '../../../sso/session/data/context.ts';
import { applyDelta, canApply, decodeDelta, encodeDelta, joinDeltas } from '../../../sso/session/data/delta.ts';
import { decodeData, mergeData, SessionData, type Stowage } from '../../../sso/session/data/session-data.ts';

const set = (fields: Record<string, string | undefined>, part = '0', gone: readonly string[] = []): Changes => ({
  fields: Object.entries(fields).map(([field, text]) => ({ part, field, text })),
  gone,
});
const { empty } = SessionData;
const text = (data: SessionData) => JSON.stringify(data.encode());
const sent = (data: SessionData) => decodeData(JSON.parse(text(data)))!;
const fields = (data: SessionData, part = '0') => Object.fromEntries(data.fields(part));
const names = (data: SessionData, part = '0') => [...data.fields(part)].map(([name]) => name);

const start = empty.change(set({ '.a': '1', '.b': '"zwei"', '.c': '{"x":[null,"\\n","é","🛒"]}' }), 'n1:1', 1_000).data;

test('a part with many fields gives each of them, asked one after the other, also after a change', () => {
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`.f${at}`, String(at)]));
  const before = empty.change(set(many), 'n1:1', 1_000).data;
  const after = before.change(set({ '.f7': '"new"', '.f8': undefined }), 'n1:1', 1_001).data;
  for (const data of [before, before, sent(before)])
    for (const [name, value] of Object.entries(many)) assert.equal(data.get('0', name), value);
  for (const [name, value] of Object.entries(many))
    assert.equal(after.get('0', name), name === '.f7' ? '"new"' : name === '.f8' ? undefined : value);
  assert.equal(after.get('0', '.none'), undefined);
});

test('fields are read as they were written, and what is not there is undefined', () => {
  assert.deepEqual(fields(start), { '.a': '1', '.b': '"zwei"', '.c': '{"x":[null,"\\n","é","🛒"]}' });
  assert.equal(start.get('0', '.b'), '"zwei"');
  assert.equal(start.get('0', '.d'), undefined);
  assert.equal(start.get('1', '.a'), undefined);
  assert.deepEqual(start.lines('0'), { names: ['.a', '.b', '.c'], text: '1\n"zwei"\n{"x":[null,"\\n","é","🛒"]}' });
  assert.equal(start.lines('1'), undefined);
  assert.deepEqual([...start.parts()], ['0']);
  assert.deepEqual([...empty.parts()], []);
  assert.deepEqual([...empty.fields('0')], []);
  assert.deepEqual([empty.latest, start.latest, empty.version], [0, 1_000, '[]']);
  assert.ok(start.length >= 30 && start.length < 60, `${start.length}`);
});

test('a change gives other data and leaves the one it was made of as it is', () => {
  const before = text(start);
  const { data } = start.change(set({ '.a': '2', '.b': undefined, '.d': 'true' }), 'n1:1', 1_001);
  assert.deepEqual(fields(data), { '.a': '2', '.c': '{"x":[null,"\\n","é","🛒"]}', '.d': 'true' });
  assert.equal(text(start), before);
  assert.ok(data.includes(start) && !start.includes(data));
  assert.notEqual(data.version, start.version);
});

test('a field keeps its place when it is written over, and goes to the end when it was away', () => {
  let data = start.change(set({ '.a': '2' }), 'n2:1', 1_001).data;
  assert.deepEqual(names(data), ['.a', '.b', '.c']);
  data = data.change(set({ '.b': undefined }), 'n1:1', 1_002).data;
  data = data.change(set({ '.d': '4', '.b': '5' }), 'n1:1', 1_003).data;
  assert.deepEqual(names(data), ['.a', '.c', '.d', '.b']);
  const both = { fields: [...set({ '.a': undefined }).fields, ...set({ '.a': '7' }).fields], gone: [] };
  data = data.change(both, 'n2:1', 1_004).data;
  assert.deepEqual(names(data), ['.c', '.d', '.b', '.a'], 'away and back in one change');
  assert.deepEqual(names(sent(data)), ['.c', '.d', '.b', '.a']);
});

test('parts that go take all their fields along, and may begin anew in the same change', () => {
  let data = start.change(set({ k: '1', l: '2' }, 'p1'), 'n1:1', 1_001).data;
  data = data.change(set({ m: '3' }, 'p2'), 'n1:1', 1_002).data;
  assert.deepEqual([...data.parts()], ['0', 'p1', 'p2']);
  const gone = data.change(set({ l: '9' }, 'p1', ['p1', 'p2', 'p3']), 'n1:1', 1_003);
  assert.deepEqual([...gone.data.parts()], ['0', 'p1']);
  assert.deepEqual(fields(gone.data, 'p1'), { l: '9' });
  assert.equal(text(applyDelta(sent(data), gone.delta)), text(gone.data));
});

test('what came after the data that a change was found by is not taken away by it', () => {
  const seen = start.change(set({ k: '1', l: '2' }, 'p1'), 'n1:1', 1_001).data;
  const held = seen.change(set({ k: '5', m: '6' }, 'p1'), 'n1:1', 1_002).data;
  const all = held.change(set({}, '0', ['p1']), 'n1:1', 1_003, seen);
  assert.deepEqual(fields(all.data, 'p1'), { k: '5', m: '6' });
  assert.equal(
    text(applyDelta(sent(held), decodeDelta(JSON.parse(JSON.stringify(encodeDelta(all.delta))))!)),
    text(all.data),
  );
  const one = held.change(set({ k: undefined, l: undefined }, 'p1'), 'n1:1', 1_003, seen);
  assert.deepEqual(fields(one.data, 'p1'), { k: '5', m: '6' });
  assert.deepEqual([...held.change(set({}, '0', ['p1']), 'n1:1', 1_003).data.parts()], ['0']);
});

test('a stamp that is not later than all in the context is a mistake of the caller', () => {
  assert.throws(() => start.change(set({ '.a': '2' }), 'n2:1', 1_000), /not later/);
});

test('V93: changes of different fields on two sides are both kept, of one field the later is read everywhere and counted once', () => {
  const left = start.change(set({ '.a': '"left"', '.l': '1' }), 'n1:1', 1_010).data;
  const right = start.change(set({ '.a': '"right"', '.r': '2', '.c': undefined }), 'n2:1', 1_005).data;
  let conflicts = 0;
  const one = mergeData(left, right, () => conflicts++);
  assert.equal(conflicts, 1);
  assert.equal(text(one), text(mergeData(right, left)));
  assert.deepEqual(fields(one), { '.a': '"left"', '.b': '"zwei"', '.r': '2', '.l': '1' });
  assert.deepEqual(one.lines('0')!.text.split('\n').length, 4, 'of concurrent values the later alone');
  mergeData(one, right, () => conflicts++);
  mergeData(sent(one), sent(left), () => conflicts++);
  mergeData(left, sent(one), () => conflicts++);
  assert.equal(conflicts, 1, 'whoever hears of both at once has no conflict');
  const settled = one.change(set({ '.a': '3' }), 'n2:1', 1_020);
  assert.equal(text(settled.data), text(applyDelta(one, settled.delta)));
  assert.deepEqual(fields(settled.data), { ...fields(one), '.a': '3' });
  assert.deepEqual(names(settled.data), names(one));
});

test('of two changes with one stamp that of the greater writer is read', () => {
  const left = start.change(set({ '.a': '"n1"' }), 'n1:1', 1_010).data;
  const right = start.change(set({ '.a': '"n2"' }), 'n2:1', 1_010).data;
  for (const data of [mergeData(left, right), mergeData(right, left)]) assert.equal(data.get('0', '.a'), '"n2"');
});

test('V93: of a removal by name and a change the later wins, wherever they meet, and it is a conflict', () => {
  const removed = start.change(set({ '.a': removedText }), 'n1:1', 1_010);
  assert.deepEqual(names(removed.data), ['.b', '.c']);
  assert.equal(removed.data.get('0', '.a'), undefined);
  for (const [stamp, read] of [
    [1_005, undefined],
    [1_015, '5'],
  ] as const) {
    const changed = start.change(set({ '.a': '5' }), 'n2:1', stamp);
    let conflicts = 0;
    const all = mergeData(removed.data, changed.data, () => conflicts++);
    assert.equal(all.get('0', '.a'), read);
    assert.equal(conflicts, 1);
    for (const data of [
      mergeData(changed.data, removed.data),
      applyDelta(removed.data, changed.delta),
      applyDelta(changed.data, removed.delta),
    ])
      assert.equal(text(data), text(all));
    all.pack();
    assert.equal(all.get('0', '.a'), read, 'packed');
  }
  const again = removed.data.change(set({ '.a': '6' }), 'n1:1', 1_020);
  assert.deepEqual(names(again.data), ['.b', '.c', '.a'], 'at the end, as what never was');
  assert.equal(text(applyDelta(sent(removed.data), again.delta)), text(again.data));
});

test('removals by name are remembered for ten minutes, 32 of a part at most, until a field comes', () => {
  const minute = 60_000 * 1_024;
  let data = start;
  for (let i = 0; i < 40; i++) {
    data = data.change(set({ [`.flash ${i}`]: '1' }), 'n1:1', 2_000 + 2 * i).data;
    data = data.change(set({ [`.flash ${i}`]: removedText }), 'n1:1', 2_001 + 2 * i).data;
  }
  const remembered = (of: SessionData) =>
    Array.from({ length: 40 }, (_, i) => i).filter((i) => of.counts('0', `.flash ${i}`));
  assert.deepEqual(names(data), ['.a', '.b', '.c']);
  assert.ok(remembered(data).length <= 33 && remembered(data).includes(39), `${remembered(data)}`);
  const soon = data.change(set({ '.d': '1' }), 'n1:1', 2_000 + 9 * minute);
  assert.equal(remembered(soon.data).length, 32);
  const later = soon.data.change(set({ '.e': '1' }), 'n1:1', 2_100 + 10 * minute);
  assert.deepEqual(remembered(later.data), []);
  assert.equal(text(applyDelta(applyDelta(sent(data), soon.delta), later.delta)), text(later.data));
});

test('of removals one by one no more are remembered, and for no longer, than of others', () => {
  const minute = 60_000 * 1_024;
  const fields = Array.from({ length: 100 }, (_, i) => `.a${i}`);
  const rememberedOf = (of: SessionData) => fields.filter((field) => of.counts('0', field)).length;
  let data = start.change(set(Object.fromEntries(fields.map((field) => [field, '1']))), 'n1:1', 2_000).data;
  for (const [i, field] of fields.entries()) {
    const { data: next, delta } = data.change(set({ [field]: removedText }), 'n1:1', 2_001 + i);
    assert.equal(text(applyDelta(sent(data), delta)), text(next));
    data = next;
  }
  assert.equal(rememberedOf(data), 32);
  const later = data.change(set({ '.b': '3' }), 'n1:1', 2_200 + 10 * minute).data;
  assert.equal(rememberedOf(later), 0, 'where the change is of another field that was there');
});

test('what was changed before a removal that did not know of it is let go of with that, and is in nobody’s way', () => {
  const removed = start.change(set({ '.a': removedText }), 'n1:1', 1_010).data;
  const changed = start.change(set({ '.a': '"hidden"' }), 'n2:1', 1_005).data;
  const both = mergeData(removed, changed);
  const again = both.change(set({ '.a': '7' }), 'n1:1', 1_020).data;
  assert.deepEqual(names(again), ['.b', '.c', '.a'], 'at the end, as what never was');
  const later = both.change(set({ '.b': '3' }), 'n1:1', 1_020 + 10 * 60_000 * 1_024);
  assert.doesNotMatch(text(later.data), /hidden/);
  assert.equal(text(applyDelta(sent(both), later.delta)), text(later.data));
  for (const data of [mergeData(later.data, changed), mergeData(changed, later.data)])
    assert.equal(text(data), text(later.data));
});

test('V93: a change survives a removal that did not know of it, of a field and of a part', () => {
  const held = start.change(set({ k: '1', l: '2' }, 'p1'), 'n1:1', 1_001).data;
  const removed = held.change(set({ '.a': undefined }, '0', ['p1']), 'n1:1', 1_010).data;
  const changed = held.change(
    { fields: [...set({ '.a': '5' }).fields, ...set({ l: '3' }, 'p1').fields], gone: [] },
    'n2:1',
    1_005,
  );
  for (const data of [
    mergeData(removed, changed.data),
    mergeData(changed.data, removed),
    applyDelta(removed, changed.delta),
  ]) {
    assert.equal(data.get('0', '.a'), '5');
    assert.deepEqual(fields(data, 'p1'), { l: '3' });
  }
});

test('what adds nothing gives back the same object', () => {
  const next = start.change(set({ '.a': '2' }), 'n1:1', 1_001);
  assert.equal(mergeData(next.data, start), next.data);
  assert.equal(mergeData(start, next.data), next.data);
  assert.equal(mergeData(start, sent(start)), start);
  assert.equal(applyDelta(next.data, next.delta), next.data);
});

test('a delta is of use to who has seen what its writer had seen, and to nobody else', () => {
  const two = start.change(set({ '.a': '2' }), 'n1:1', 1_001);
  const three = two.data.change(set({ '.b': '3' }), 'n1:1', 1_002);
  assert.ok(!canApply(empty, two.delta));
  assert.ok(!canApply(start, three.delta), 'a lost delta is missed');
  assert.equal(applyDelta(start, three.delta), start);
  assert.ok(canApply(start, two.delta) && canApply(two.data, three.delta) && canApply(three.data, two.delta));
  assert.equal(applyDelta(three.data, two.delta), three.data, 'a late double');
  assert.equal(text(applyDelta(applyDelta(start, two.delta), three.delta)), text(three.data));
});

test('two deltas of one writer are one, unless something of another came between them', () => {
  const two = start.change(set({ '.a': '2', '.n': '1', k: '1' }), 'n1:1', 1_001);
  const three = two.data.change(
    { fields: [...set({ '.a': undefined, '.n': '2' }).fields, ...set({ x: '1' }, 'p').fields], gone: [] },
    'n1:1',
    1_002,
  );
  const four = three.data.change(set({ y: '1' }, 'p', ['p']), 'n1:1', 1_003);
  const joined = joinDeltas(joinDeltas(two.delta, three.delta)!, four.delta)!;
  const read = decodeDelta(JSON.parse(JSON.stringify(encodeDelta(joined))))!;
  for (const held of [start, two.data, three.data]) assert.equal(text(applyDelta(held, read)), text(four.data));
  const other = start.change(set({ '.z': '1' }), 'n2:1', 1_001).data;
  assert.equal(text(applyDelta(other, read)), text(mergeData(other, four.data)));
  const after = mergeData(two.data, other).change(set({ '.q': '1' }), 'n1:1', 1_010);
  assert.equal(joinDeltas(two.delta, after.delta), undefined);
});

test('a packed one is the same data: reading opens it, comparing and encoding do not', () => {
  const data = start.change(set({ '.a': '"ä€🛒"', '.q': '"a"' }), 'n2:1', 1_005).data;
  const [whole, version, read] = [text(data), data.version, fields(data)];
  data.pack();
  assert.ok(data.length > 40 && data.length < 150, `${data.length}`);
  assert.equal(data.form, 'packed');
  assert.deepEqual([text(data), data.version, data.latest], [whole, version, 1_005]);
  assert.ok(data.includes(start) && mergeData(data, start) === data && mergeData(start, data) === data);
  assert.equal(data.form, 'packed');
  assert.deepEqual(fields(data), read);
  assert.equal(data.form, 'open');
  assert.equal(sent(data).form, 'packed', 'what a peer sends is kept as it came until somebody looks');
});

function place() {
  const kept = new Map<string, Uint8Array>();
  const calls: string[] = [];
  const stowage: Stowage = {
    load(key) {
      calls.push(`load ${key}`);
      return kept.get(key);
    },
    loaded: (key) => void calls.push(`loaded ${key}`),
  };
  return { kept, calls, stowage };
}

test('V46: a stowed one leaves its version here, and the next look brings it back', () => {
  const { kept, calls, stowage } = place();
  const data = sent(start.change(set({ '.a': '"ä€🛒"' }), 'n1:1', 1_005).data);
  const [whole, version] = [text(data), data.version];
  kept.set('s', data.packedBytes());
  data.stow(stowage, 's');
  assert.deepEqual([data.form, data.version, data.latest], ['stowed', version, 1_005]);
  assert.ok(mergeData(data, start) === data && data.includes(start) && data.length > 40);
  assert.deepEqual(calls, []);
  assert.equal(text(data), whole);
  assert.deepEqual([data.form, calls], ['stowed', ['load s']], 'who asks for a copy does not bring it back');
  assert.equal(data.get('0', '.a'), '"ä€🛒"');
  assert.deepEqual([data.form, calls], ['open', ['load s', 'load s', 'loaded s']]);
  assert.equal(text(data), whole);
});

test('what its place lost claims nothing any more, so that a copy of another node replaces it and nothing is taken for removed', () => {
  for (const look of [(data: SessionData) => data.get('0', '.a'), text, (data: SessionData) => data.packedBytes()]) {
    const { calls, stowage } = place();
    const data = sent(start);
    data.stow(stowage, 's');
    look(data);
    assert.ok(data.isLost && !calls.includes('loaded s'));
    assert.equal(data.version, start.version, 'the digest must not change under the hand');
    assert.deepEqual([fields(data), text(data)], [{}, text(empty)]);
    assert.equal(mergeData(data, start), start);
    assert.equal(mergeData(start, data), start);
    const built = start.change(set({ '.b': '1' }), 'n1:1', 1_005).delta;
    assert.ok(!canApply(data, built));
    assert.equal(applyDelta(data, built), data);
    const anew = data.change(set({ '.b': '1' }), 'n1:1', 2_000).data;
    assert.deepEqual(fields(anew), { '.b': '1' });
    assert.equal(text(mergeData(start, anew)), text(mergeData(anew, start)));
  }
  const { stowage } = place();
  const data = sent(start);
  data.stow(stowage, 's');
  assert.ok(
    !canApply(data, start.change(set({ '.b': '1' }), 'n1:1', 1_005).delta),
    'seen before anything is built on it',
  );
});

test('bytes that are no data, or not of this version, count as lost', () => {
  for (const bytes of [
    Buffer.from(''),
    Buffer.from('x'),
    Buffer.from('[[],[],[]]\n1'),
    Buffer.from('[[0,0],[["a"]],["0",0,0]]'),
  ]) {
    const data = sent(start);
    data.stow({ load: () => bytes }, 's');
    assert.equal(data.get('0', '.a'), undefined);
    assert.ok(data.isLost);
  }
});

test('a session that outlives many lives begins a new generation, which replaces the earlier one as a whole', () => {
  let data = start;
  const minute = 60_000 * 1_024;
  for (let life = 2; life <= 16; life++)
    data = data.change(set({ [`.${life}`]: `${life}` }), `n1:${life}`, 1_000 + life).data;
  const soon = data.change(set({ '.a': '2' }), 'n1:99', 2_000);
  assert.equal(soon.delta.whole, undefined, 'not in the midst of a burst');
  const later = data.change(set({ '.a': '2', '.b': undefined }), 'n2:1', 2_000 + minute);
  assert.equal(later.delta.whole, later.data);
  assert.equal(later.data.version, JSON.stringify([['n2:1', 2_000 + minute], 'n2:1', 2_000 + minute]));
  assert.deepEqual(
    names(later.data),
    names(data).filter((name) => name !== '.b'),
  );
  assert.equal(later.data.get('0', '.a'), '2');
  let conflicts = 0;
  for (const [one, other] of [
    [data, later.data],
    [later.data, data],
    [sent(data), later.data],
  ] as const)
    assert.equal(text(mergeData(one, other, () => conflicts++)), text(later.data));
  assert.equal(conflicts, 0);
  assert.equal(
    mergeData(later.data, data.change(set({ '.z': '1' }), 'n1:1', 3_000 + minute).data, () => conflicts++),
    later.data,
  );
  assert.equal(conflicts, 1, 'what was changed after it began is lost, and counted');
  const next = later.data.change(set({ '.n': '1' }), 'n1:99', 4_000 + minute);
  assert.ok(!canApply(data, next.delta), 'who missed the beginning asks for the whole');
  assert.equal(text(applyDelta(later.data, next.delta)), text(next.data));
  assert.equal(applyDelta(later.data, soon.delta), later.data, 'an earlier generation adds nothing');
  assert.equal(text(sent(next.data)), text(next.data));
});

test('so many writers at once begin a new generation in any case, and those of one node are not counted twice', () => {
  let data = start;
  for (let count = 0; count < 500; count++) {
    data = data.change(set({ '.a': `${count}` }), `n${count % 100}:1`, 2_000 + count).data;
    assert.ok(JSON.parse(data.version).length <= 2 * 65);
  }
  assert.equal(data.get('0', '.a'), '499');
  for (let count = 0; count < 500; count++)
    data = data.change(set({ '.a': `${count}` }), `n${count % 9}:2`, 1e9 * (count + 1)).data;
  assert.equal(data.get('0', '.a'), '499');
});

test('data that moves to another key takes its changes along, and what is written under the old one meanwhile is not taken for seen', () => {
  const later = start.change(set({ '.late': '8' }), 'n1:1/old', 1_008).data;
  // n1 moves what it has; a slow request goes on under the old key, and n2 moves that.
  const one = start.change(set({ '.a': '9' }), 'n1:1/new', 1_009);
  const two = later.change(set({ '.b': '10' }), 'n2:1/new', 1_010);
  const all = { '.a': '9', '.b': '10', '.c': fields(start)['.c'], '.late': '8' };
  for (const data of [
    mergeData(one.data, two.data),
    mergeData(two.data, one.data),
    mergeData(applyDelta(later, one.delta), two.data),
    applyDelta(applyDelta(later, two.delta), one.delta),
  ])
    assert.deepEqual(fields(data), all);
});

test('a line break between the tokens of JSON is a blank', () => {
  const data = start.change(set({ '.a': '{\n"x":\n1}', '.new': '[\n]' }), 'n1:1', 1_001).data;
  assert.deepEqual([data.get('0', '.a'), data.get('0', '.new')], ['{ "x": 1}', '[ ]']);
});

test('names and texts may hold anything, prototype keys among them', () => {
  const odd = { ['__proto__']: '1', constructor: '2', 'a\nb': '3', '': '4', '"': '5', '\ud800': '6', é: '"\u2028"' };
  const data = empty.change(
    {
      fields: Object.entries(odd)
        .concat([['__proto__', '1']])
        .map(([field, value]) => ({ part: '__proto__', field, text: value })),
      gone: [],
    },
    'n1:1',
    1,
  ).data;
  const read = [...sent(data).fields('__proto__')];
  assert.deepEqual(read, [...data.fields('__proto__')]);
  assert.equal(read.length, 7);
  data.pack();
  assert.deepEqual([...data.fields('__proto__')], read);
});

test('its bound is never below what it takes as JSON in a frame, in any form', () => {
  const texts = ['1', '"\\u0001\\\\"', '"""""""', '"ä€🛒"', JSON.stringify('\n"\\'.repeat(50)), '"x"'];
  const names = ['a', '"""', '\u0001\u0002', '€', '\ud800', 'x'.repeat(30), '\n', '\\'];
  let data = empty;
  for (let count = 1; count <= 400; count++) {
    const written = { part: names[count % 7]!, field: names[(count * 3) % 8]! + (count % 5), text: texts[count % 6]! };
    data = data.change({ fields: [written], gone: [] }, `${names[count % 3]}:${count % 9}`, data.latest + 1e12).data;
    const taken = Buffer.byteLength(JSON.stringify(data.encode()));
    assert.ok(data.mostBytes >= taken, `${count}: ${data.mostBytes} < ${taken}`);
    const other = sent(data);
    assert.ok(other.mostBytes >= taken && other.mostBytes < 3 * taken, `${count}: ${other.mostBytes}, ${taken}`);
    assert.equal(other.form, 'packed');
  }
});

test('what is no data is refused, and nothing throws', () => {
  const context = ['n1:1', 10, 'n2:1', 12];
  const ok = '[[0,1,1,0],[["a","b"]],["0",0,[0,1,1,0,3]]]\n1\n2';
  assert.deepEqual(fields(decodeData([context, ok])!), { a: '1', b: '2' });
  const bad = [
    undefined, null, 1, 'x', [], {}, [[]], [context], [context, 1], [[], ok], [['n1:1', 10], ok], [['n2:1', 12, 'n1:1', 10], ok],
    [['n1:1', 0, 'n2:1', 12], ok], [['n1:1', 1.5, 'n2:1', 12], ok], [['n1:1', 10, 'n1:1', 12], ok], [['', 10, 'n2:1', 12], ok],
    [['x'.repeat(400), 10], ok], [[...context, 'n3:1'], ok], [[['n1:1'], ...context], ok], [[['n1:1', 5]], '[[],[],[]]'],
    [Array.from({ length: 2 * (maxWriters + 1) }, (_, at) => (at % 2 ? 9 : `n${1_000 + at}`)), '[[],[],[]]'],
    ...[
      '', '[]', 'x', '{}', '[[],[]]', `${ok}\n3`, ok.slice(0, -2), '[[0,10],[["a"]],["0",0,0]]\n1', '[[2,0],[["a"]],["0",0,0]]\n1',
      '[[0,-1],[["a"]],["0",0,0]]\n1', '[[0],[["a"]],["0",0,0]]\n1', '[[0,0],[[]],["0",0,0]]', '[[0,0],[[1]],["0",0,0]]\n1',
      '[[0,0],[["a"]],["0",1,0]]\n1', '[[0,0],[["a"]],["0",0,1]]\n1', '[[0,0],[["a"]],["0",0,"0x"]]\n1', '[[0,0],[["a"]],["0",0]]\n1',
      '[[0,0],[["a"]],[0,0,0]]\n1', '[[0,0],[["a"]],["1",0,0,"0",0,0]]\n1\n2', '[[0,0],[["a"]],["0",0,0,"0",0,0]]\n1\n2',
      '[[0,0],[["a"]],["0",0,[0,1,0,0,0]]]\n1', '[[0,0],[["a"]],["0",0,[0,0,0,0]]]\n1', '[[0,0],[["a"]],["0",0,[0,0,9,0,0]]]\n1',
      '[["length",0],[["a"]],["0",0,0]]\n1', '[[0,0],[["a"]],["0","length",0]]\n1', '[[0,0],[["a"]],["0",0,"length"]]\n1',
      '[[0,0],[["a"]],["0",0,["length"]]]\n1', '[[0,0],[["a"]],["0",0,[0,0,"at",0,0]]]\n1',
      '[[0,0],[["a"]],["0",0,[0,0,0,0,-1]]]\n1', '[[0,0],[["a"]],["0",0,[]]]\n1',
    ].map((packed) => [context, packed]),
  ]; // biome-ignore format: a table
  for (const data of bad) assert.equal(decodeData(data), undefined, JSON.stringify(data)?.slice(0, 200));
  const delta = encodeDelta(
    start.change(set({ '.a': '2', '.n': '1', '.b': undefined }, '0', ['x']), 'n2:1', 1_007).delta,
  ) as unknown[];
  assert.ok(decodeDelta(JSON.parse(JSON.stringify(delta))) !== undefined);
  const everyType = [
    undefined,
    null,
    true,
    0,
    -1,
    1e300,
    '',
    [],
    {},
    [[]],
    [null],
    [[1, 2, 3]],
    [['0', 'a', 1]],
    [['0', 'a', '1\n2']],
    [['0', 'a', '1', 0]],
  ];
  for (const data of everyType) assert.equal(decodeDelta(data), undefined);
  for (let at = 0; at < delta.length; at++) {
    for (const wrong of everyType) {
      const altered = delta.with(at, wrong);
      const read = decodeDelta(JSON.parse(JSON.stringify(altered)));
      if (read === undefined || !canApply(start, read)) continue;
      assert.ok(sent(applyDelta(start, read)) !== undefined, JSON.stringify(altered));
    }
    assert.equal(decodeDelta(delta.slice(0, at)), undefined);
  }
  const field = [['0', '.a', '2', 0, 0, 7, 0]];
  const withField = (...item: unknown[]) => decodeDelta([delta[0], delta[1], delta[2], [item], []]);
  assert.ok(withField(...field[0]!) !== undefined);
  for (const item of [
    ['0', '.a', '2', -1, 0, 7, 0],
    ['0', '.a', '2', 0, 9, 7, 0],
    ['0', '.a', '2', 0, 0, 6, 0],
    ['0', '.a', '2', 2_000, 0, 7, 0],
    ['0', '.a', '2', 0, 0, 7, 0.5],
    ['0', '.a', '2', 0, 'length', 7, 0],
  ])
    assert.equal(withField(...item), undefined, JSON.stringify(item));
});
