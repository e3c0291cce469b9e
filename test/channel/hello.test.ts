/** What a hello may be, and who may talk to whom. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeHello,
  encodeRefusal,
  greetingBytes,
  type Hello,
  judgeHello,
  parseHello,
  parseRefusal,
} from '../../sso/channel/hello.ts';
import { seededRandom } from '../../sso/random.ts';

const own: Hello = {
  node: 'n1',
  incarnation: 1,
  cluster: 'shop',
  address: '10.0.0.1:7800',
  versions: [1, 2],
  fingerprint: 'x',
};
const theirs: Hello = { ...own, node: 'n2', incarnation: 7, address: '' };
const known = { own, vouched: () => true, latest: () => undefined };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test('a hello is what was said, without what this version does not know', () => {
  assert.deepEqual(parseHello(encodeHello(theirs)), theirs);
  assert.deepEqual(parseHello(json({ ...theirs, later: { things: true } })), theirs);
});

test('V96: what is no hello is none, and leaves no trace on any object', () => {
  const wrong: readonly unknown[] = [
    null,
    1,
    'n2',
    [],
    [theirs],
    {},
    { ...theirs, node: '' },
    { ...theirs, node: 'a b' },
    { ...theirs, node: 'x'.repeat(129) },
    { ...theirs, node: { toString: 'n2' } },
    { ...theirs, incarnation: -1 },
    { ...theirs, incarnation: 1.5 },
    { ...theirs, incarnation: 1e300 },
    { ...theirs, incarnation: '7' },
    { ...theirs, cluster: undefined },
    { ...theirs, address: 7 },
    { ...theirs, address: 'x'.repeat(301) },
    { ...theirs, versions: 1 },
    { ...theirs, versions: [1] },
    { ...theirs, versions: ['1', '2'] },
    { ...theirs, versions: { 0: 1, 1: 2 } },
    { ...theirs, fingerprint: 'x'.repeat(1_025) },
    { ...theirs, fingerprint: null },
  ];
  for (const value of wrong) assert.equal(parseHello(json(value)), undefined, JSON.stringify(value));
  for (const text of [
    '',
    '{',
    'nul',
    '\u0000',
    '[['.repeat(2_000),
    '{"__proto__":{"node":"n2"}}',
    '{"node":NaN}',
    '{"incarnation":Infinity}',
  ]) {
    assert.equal(parseHello(Buffer.from(text)), undefined, text);
  }
  const poisoned = `{"__proto__":{"stained":1},"constructor":{"prototype":{"stained":1}},${JSON.stringify(theirs).slice(1)}`;
  assert.deepEqual(parseHello(Buffer.from(poisoned)), theirs);
  assert.equal(({} as Record<string, unknown>)['stained'], undefined);
});

test('V96: any bytes are a hello or none, never an exception', () => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = seededRandom(seed);
    const bytes = encodeHello(theirs);
    for (let i = 0; i < 3; i += 1)
      bytes[Math.floor(random.fraction() * bytes.length)] = Math.floor(random.fraction() * 256);
    const hello = parseHello(bytes.subarray(0, 1 + Math.floor(random.fraction() * bytes.length)));
    if (hello !== undefined) assert.match(hello.node, /^[A-Za-z0-9._-]{1,128}$/);
    assert.equal(parseHello(random.bytes(200)), undefined);
  }
});

test('two that agree may talk; versions need only overlap', () => {
  assert.equal(judgeHello(theirs, known), undefined);
  assert.equal(judgeHello({ ...theirs, versions: [2, 9] }, known), undefined);
  assert.equal(judgeHello({ ...theirs, versions: [0, 1] }, known), undefined);
});

test('check 68: whoever differs is refused with a reason that names both sides', () => {
  const cases: readonly (readonly [Partial<Hello>, string, RegExp])[] = [
    [{ cluster: 'other' }, 'cluster', /"n2" belongs to cluster "other", node "n1" to "shop"/],
    [{ versions: [3, 4] }, 'version', /"n2" speaks frame versions 3 to 4, node "n1" speaks frame versions 1 to 2/],
    [{ versions: [0, 0] }, 'version', /0 to 0/],
    [{ fingerprint: 'y' }, 'settings', /"y" on node "n2", "x" on node "n1"/],
  ];
  for (const [change, code, pattern] of cases) {
    const refusal = judgeHello({ ...theirs, ...change }, known);
    assert.equal(refusal?.code, code);
    assert.match(refusal?.text ?? '', pattern);
  }
});

test('a refusal for settings names those that differ, and no others; it travels as words alone', () => {
  const fingerprint = (leaseMs: number, voters: string) =>
    `lifeMs 1000, voters ${voters}, leaseMs ${leaseMs}, whenCutOff serve`;
  const ours = { ...own, fingerprint: fingerprint(6_000, 'a:1 b:1') };
  const differ = (one: string) => judgeHello({ ...theirs, fingerprint: one }, { ...known, own: ours })?.differ;
  assert.deepEqual(differ(fingerprint(500, 'a:1 b:1')), ['leaseMs']);
  assert.deepEqual(differ(fingerprint(500, 'a:1 b:1 c:1')), ['voters', 'leaseMs']);
  assert.deepEqual(
    differ('lifeMs 1000'),
    ['voters', 'leaseMs', 'whenCutOff'],
    'a node without a cluster of its own kind',
  );
  assert.deepEqual(differ(`${ours.fingerprint}, more 1`), ['more'], 'what this node knows nothing of');
  assert.deepEqual(differ(`${ours.fingerprint}, <b>10.0.0.1:7800</b> 1`), [], 'what is no name of a setting');
  const refusal = judgeHello({ ...theirs, fingerprint: fingerprint(500, 'a:1 b:1') }, { ...known, own: ours })!;
  assert.match(refusal.text, /must be equal differ \(leaseMs\): /);
  assert.equal(parseRefusal(encodeRefusal(refusal))?.differ, undefined);
});

test("credentials of another node's are refused before anything else is compared", () => {
  const refusal = judgeHello({ ...theirs, cluster: 'other' }, { ...known, vouched: (node) => node === 'n3' });
  assert.equal(refusal?.code, 'name');
});

test('of two lives of a node the earlier is refused, and told of the later', () => {
  const latest = (node: string) => (node === 'n2' ? 8 : undefined);
  assert.deepEqual(judgeHello(theirs, { ...known, latest })?.incarnation, 8);
  assert.equal(judgeHello({ ...theirs, incarnation: 8 }, { ...known, latest }), undefined);
  assert.equal(judgeHello({ ...theirs, incarnation: 9 }, { ...known, latest }), undefined);
});

test('a refusal travels, cut to what a greeting may hold', () => {
  const refusal = { code: 'replaced', text: 'x'.repeat(10_000), incarnation: 8 } as const;
  const encoded = encodeRefusal(refusal);
  assert.ok(encoded.length <= greetingBytes);
  assert.deepEqual(parseRefusal(encoded), { ...refusal, text: 'x'.repeat(3_000) });
  for (const text of ['', '{}', '[]', '{"code":1,"text":""}', '{"code":"full"}'])
    assert.equal(parseRefusal(Buffer.from(text)), undefined);
});
