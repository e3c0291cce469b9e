import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxFrameBytes } from '../../sso/channel/channel.ts';
import { lanesText } from '../../sso/gossip/digest.ts';
import { frameOf, type Message, parseFrame } from '../../sso/gossip/message.ts';
import { type Random, seededRandom } from '../../sso/random.ts';
import { cell } from './cells.ts';
import { Wires } from './wires.ts';

const lanes = lanesText(Int32Array.from({ length: 128 }, (_, index) => index * 7_919));

/** A frame of each type, as a node sends it. */
const frames: readonly Uint8Array[] = [
  frameOf('batch', '[7,1,[["cells",["a",[0,1,"text",1,2],"b",[1,1,"",1,2]]],["members",[]]]]'),
  frameOf('ack', '[7]'),
  frameOf('confirm', '[7]'),
  frameOf('compare', `[1,29000000,3,["n2"],[["cells","${lanes}"],["members",""]]]`),
  frameOf('differs', `[1,7,1,3,["n2","n3"],[["cells",[[0,"${lanes}"],[63,""]]]]]`),
  frameOf('keys', '[2,29000000,"cells",[[0],[17,"a",-5,6,"b",7,-8]]]'),
  frameOf('page', '[2,"cells",2,["c"],["a",[0,1,"text",1,2]]]'),
  frameOf('question', '[3,"cells",["a","b"]]'),
  frameOf('answer', '[3,"cells",["b"],["a",[0,1,"text",1,2]]]'),
];

const bytesOf = (version: number, type: number, text: string) =>
  Buffer.concat([Buffer.from([version, type]), Buffer.from(text)]);
const faultOf = (frame: Uint8Array) => {
  const parsed = parseFrame(frame);
  return typeof parsed === 'string' ? parsed : undefined;
};

test('each type of message is read as it was written', () => {
  const messages = frames.map((frame) => parseFrame(frame) as Message);
  assert.deepEqual(
    messages.map(({ type }) => type),
    ['batch', 'ack', 'confirm', 'compare', 'differs', 'keys', 'page', 'question', 'answer'],
  );
  const [batch, , , compare, differs, keys] = messages;
  assert.deepEqual(batch, {
    type: 'batch',
    number: 7,
    confirm: true,
    maps: [
      ['cells', ['a', [0, 1, 'text', 1, 2], 'b', [1, 1, '', 1, 2]]],
      ['members', []],
    ],
  });
  assert.ok(
    compare?.type === 'compare' &&
      compare.maps[0]![1][5] === 5 * 7_919 &&
      compare.maps[1]![1].every((lane) => lane === 0),
  );
  assert.ok(differs?.type === 'differs' && differs.whole && differs.maps[0]![1][1]![0] === 63);
  assert.deepEqual(keys, {
    type: 'keys',
    id: 2,
    minute: 29_000_000,
    map: 'cells',
    buckets: [[0], [17, 'a', -5, 6, 'b', 7, -8]],
  });
});

test('V96: an unknown version or type, and whatever is no message, is told apart and dropped', () => {
  const good = '[7]';
  assert.equal(faultOf(new Uint8Array()), 'size');
  assert.equal(faultOf(bytesOf(1, 1, '7')), 'size');
  assert.equal(faultOf(new Uint8Array(maxFrameBytes + 1)), 'size');
  assert.equal(faultOf(bytesOf(2, 1, good)), 'version');
  assert.equal(faultOf(bytesOf(1, 200, good)), 'type');
  assert.equal(faultOf(bytesOf(1, 1, '[7')), 'json');
  assert.equal(faultOf(bytesOf(1, 1, '[7]]')), 'json');
  assert.equal(faultOf(bytesOf(1, 1, '{"0":7}')), 'shape');
  for (const wrong of ['[-1]', '[1.5]', '[1e30]', '["7"]', '[null]', '[]', '[[7]]', '[{"valueOf":7}]']) {
    assert.equal(faultOf(bytesOf(1, 1, wrong)), 'shape', wrong);
  }
  assert.equal(faultOf(frameOf('keys', '[2,1,"cells",[[4096,"a",1,2]]]')), 'shape');
  assert.equal(faultOf(frameOf('keys', '[2,1,"cells",[[1,"a",1]]]')), 'shape');
  assert.equal(faultOf(frameOf('page', '[2,"cells",2,["c"],["a"]]')), 'shape');
  assert.equal(faultOf(frameOf('page', `[2,"cells",2,["${'k'.repeat(513)}"],[]]`)), 'shape');
  assert.equal(faultOf(frameOf('compare', '[1,1,1,[],[["cells","AAAA"]]]')), 'shape');
});

test('a later version may append to a message', () => {
  assert.deepEqual(parseFrame(frameOf('ack', '[7,"more",{}]')), { type: 'ack', number: 7 });
});

test('check 69: deep nesting and crowds of containers are dropped before they are parsed', () => {
  const fill = (text: string) => text.repeat(Math.floor((maxFrameBytes - 2) / text.length));
  for (const text of [
    fill('['),
    fill('{"a":'),
    fill('[],'),
    fill('{},'),
    `["${'x'.repeat(90_000)}",${'['.repeat(30)}${']'.repeat(30)}]`,
  ]) {
    assert.equal(faultOf(bytesOf(1, 0, text)), 'nesting', text.slice(0, 10));
  }
  const quoted = JSON.stringify([1, 0, [['cells', ['a', `${'[{"\\'.repeat(20_000)}`]]]]);
  assert.equal(faultOf(bytesOf(1, 0, quoted)), undefined, 'brackets within a text are text');
});

test('check 69: whatever half a megabyte claims to be, reading it takes eight megabytes at most', () => {
  const fill = (head: string, text: string, tail: string) =>
    `${head}${text.repeat(Math.floor((maxFrameBytes - 100) / text.length)).slice(0, -1)}${tail}`;
  const texts = [
    fill('[1,0,[["m",[', '0,', ']]]]'),
    fill('[1,0,[["m",[', '-1e999,', ']]]]'),
    fill('[1,0,[["m",[', '"ab",', ']]]]'),
    fill('[1,0,[["m",["k",{', '"a":1,', '}]]]]'),
    fill('[1,0,[["m",["k",{', '"__proto__":1,', '}]]]]'),
    `[1,0,[["m",["k",{${Array.from({ length: 40_000 }, (_, index) => `"${index.toString(36)}x":1`).join()}}]]]]`,
  ];
  for (const text of texts) {
    const frame = bytesOf(1, 0, text);
    assert.ok(frame.length <= maxFrameBytes);
    parseFrame(frame);
    const before = process.memoryUsage();
    parseFrame(frame);
    const after = process.memoryUsage();
    assert.ok(after.heapUsed + after.external - before.heapUsed - before.external < 8e6, text.slice(0, 30));
  }
});

test('V96: names that belong to prototypes are keys like any others, and pollute nothing', () => {
  const wires = new Wires(['n1', 'n2']);
  wires.connect();
  wires.settle();
  const [n1, n2] = wires.nodes;
  for (const key of ['__proto__', 'constructor', 'toString']) wires.put(n1!, key, cell('x'));
  wires.flush(n1!);
  wires.settle();
  assert.deepEqual([...n2!.cells.entries()].map(([key]) => key).sort(), ['__proto__', 'constructor', 'toString']);
  const frame = frameOf(
    'batch',
    '[9,0,[["cells",["a",{"__proto__":{"polluted":1}}]],["__proto__",["a",1]],["constructor",["a",1]]]]',
  );
  wires.deliver({ from: n1!, to: n2!, frame });
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal(n2!.counters.all()['values-dropped'], 1);
  assert.equal(n2!.counters.all()['maps-unknown'], 2);
});

test('V96, check 69: 50,000 mutated frames never throw, and whatever is dropped is counted', () => {
  const random = seededRandom(69);
  const wires = new Wires(['n1', 'n2']);
  const [n1, n2] = wires.nodes;
  for (let index = 0; index < 30; index++) wires.put(n1!, `key${index}`, cell('x'));
  wires.connect();
  wires.settle();
  let dropped = 0;
  for (let run = 0; run < 50_000; run++) {
    const frame = mutated(frames[Math.floor(random.fraction() * frames.length)]!, random);
    if (typeof parseFrame(frame) === 'string') dropped++;
    n2!.core.receive(n1!.peer, frame, wires.moment);
  }
  const counted = Object.entries(n2!.counters.all()).filter(([name]) => name.startsWith('frame-'));
  assert.equal(
    counted.reduce((sum, [, count]) => sum + count, 0),
    dropped,
  );
  assert.ok(dropped > 20_000 && dropped < 50_000);
});

const pieces = [
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  '-',
  '9',
  '1e400',
  'null',
  'true',
  '""',
  '[]',
  '{}',
  '{"__proto__":[]}',
  '\\u0000',
  '\\',
  '\u{1F511}',
];

/** One to three bytes, or pieces of JSON, changed, taken out, doubled or put in. */
function mutated(frame: Uint8Array, random: Random): Uint8Array {
  const below = (most: number) => Math.floor(random.fraction() * most);
  let bytes = Buffer.from(frame);
  for (let count = 1 + below(3); count > 0; count--) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + below(20));
    const piece = Buffer.from(pieces[below(pieces.length)]!);
    const kind = below(5);
    if (kind === 0) bytes[Math.min(at, bytes.length - 1)] = below(256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)]);
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}
