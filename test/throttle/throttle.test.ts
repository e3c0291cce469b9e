/** What the throttle promises, on nodes over a gossip of the test's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedCells } from '../../sso/throttle/limits.ts';
import { stranger, ThrottleWorld } from './world.ts';

const minute = 60_000;
/** Cookie header of a browser in which this account signed on. */
const knownTo = (world: ThrottleWorld, name: string, at = 0) =>
  world.nodes[at]!.throttle.remember(name, undefined)!.split(';', 1)[0]!;
const cellsOf = (world: ThrottleWorld, at = 0) => [...world.nodes[at]!.cells.entries()];

test('check 32: five failures anywhere, then every node tells the same wait', async () => {
  const world = new ThrottleWorld();
  for (const at of ['n1', 'n2', 'n3', 'n1', 'n2']) assert.equal(await world.fails(at), true);
  for (const at of ['n1', 'n2', 'n3']) {
    const wait = await world.fails(at);
    assert.ok(typeof wait === 'number' && wait > 900 && wait <= 1_000, `${wait}`);
  }
  world.pass(1_000);
  assert.equal(await world.fails('n3'), true);
  const wait = await world.fails('n1');
  assert.ok(typeof wait === 'number' && wait > 1_900 && wait <= 2_000, `${wait}`);
});

test('check 33: every form of a name has the one count, and the name an application makes of its aliases, too', async () => {
  const world = new ThrottleWorld({
    throttle: { accountOf: (name) => name.replace(/^XYZ\\/, '').replace(/@xyz\.com$/, '') },
  });
  for (const name of ['alice', 'ALICE', ' Alice ', 'XYZ\\alice', 'alice@xyz.com'])
    assert.equal(await world.fails('n1', { name }), true);
  assert.equal(typeof (await world.fails('n2', { name: 'ａｌｉｃｅ' })), 'number');
  assert.equal(await world.fails('n2', { name: 'bob' }), true);
});

test('a function for aliases that throws lets nobody guess for it', async () => {
  const accountOf = () => assert.fail('the application failed');
  const world = new ThrottleWorld({ nodes: ['n1'], throttle: { accountOf } });
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n1'), true);
  assert.equal(typeof (await world.fails('n1')), 'number');
  assert.ok(world.warnings.length > 0);
});

test('a right password costs nothing, however often it is sent, and leaves nothing behind', async () => {
  const world = new ThrottleWorld();
  for (let i = 0; i < 200; i++) assert.equal(await world.succeeds('n1'), true);
  world.pass(3 * minute);
  assert.deepEqual(
    cellsOf(world).map(([key]) => key.split('.')[0]),
    ['trusted'],
  );
});

test('an outcome that says nothing of the password is no failure, and only the first word of an attempt counts', async () => {
  const world = new ThrottleWorld({ nodes: ['n1'] });
  for (let i = 0; i < 20; i++) {
    const admission = await world.admit('n1');
    assert.ok(admission.kind === 'admitted');
    admission.attempt.end('undecided');
    admission.attempt.end('failed');
  }
});

test('check 34: strangers who use up the budget of an account keep nobody out whose browser is known', async () => {
  const world = new ThrottleWorld();
  const cookie = knownTo(world, 'alice');
  for (let i = 0; i < 5; i++) await world.fails('n1', { address: `198.51.100.${i}` });
  assert.equal(typeof (await world.admit('n2')).kind, 'string');
  assert.equal(typeof (await world.succeeds('n2')), 'number');
  assert.equal(await world.succeeds('n3', { name: 'Alice', cookie }), true);
  assert.equal(typeof (await world.succeeds('n3', { name: 'bob', cookie })), 'boolean');
});

test('check 34: nor does a flood from the same address, or from everywhere', async () => {
  const world = new ThrottleWorld({ throttle: { source: { failures: 20 }, all: { failures: 50 } } });
  const cookie = knownTo(world, 'alice');
  for (let i = 0; i < 21; i++) await world.fails('n1', { name: `user${i}` });
  assert.equal(typeof (await world.succeeds('n2', { name: 'bob' })), 'number');
  for (let i = 0; i < 60; i++) await world.fails('n1', { name: `user${i}`, address: `198.51.100.${i}` });
  assert.equal(typeof (await world.succeeds('n2', { name: 'carol', address: '203.0.113.1' })), 'number');
  assert.equal(await world.succeeds('n2', { cookie }), true);
});

test('a known browser that guesses is slowed as well, and after a right password begins anew', async () => {
  const world = new ThrottleWorld();
  const cookie = knownTo(world, 'alice');
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n1', { cookie }), true);
  assert.equal(typeof (await world.fails('n2', { cookie })), 'number');
  assert.equal(await world.succeeds('n2'), true);
  world.pass(1_000);
  assert.equal(await world.succeeds('n2', { cookie }), true);
  const next = world.nodes[1]!.throttle.remember('alice', cookie)!.split(';', 1)[0]!;
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n3', { cookie: next }), true);
});

test('who is signed on, or has proven the password before, has a count of their own', async () => {
  const world = new ThrottleWorld();
  for (let i = 0; i < 5; i++) await world.fails('n1');
  assert.equal(typeof (await world.succeeds('n1')), 'number');
  assert.equal(await world.succeeds('n2', { proof: 'the sign-on' }), true);
});

test('a source that tries one password on many accounts is slowed, another is not', async () => {
  const world = new ThrottleWorld();
  for (let i = 0; i < 100; i++) assert.equal(await world.fails(`n${(i % 3) + 1}`, { name: `user${i}` }), true);
  const wait = await world.fails('n2', { name: 'somebody' });
  assert.ok(typeof wait === 'number' && wait > 0, `${wait}`);
  assert.equal(await world.fails('n2', { name: 'somebody', address: '192.0.2.2' }), true);
  world.pass(wait + 1);
  assert.equal(await world.fails('n3', { name: 'somebody' }), true);
});

test('one network of IPv6 is one source', async () => {
  const world = new ThrottleWorld({ throttle: { source: { failures: 10 } } });
  for (let i = 0; i < 10; i++) await world.fails('n1', { name: `user${i}`, address: `2001:db8::${i}` });
  assert.equal(typeof (await world.fails('n2', { name: 'x', address: '2001:db8::ffff' })), 'number');
  assert.equal(await world.fails('n2', { name: 'x', address: '2001:db8:0:1::1' }), true);
});

test('an inside address that is slowed is warned about once: it may be a proxy', async () => {
  const world = new ThrottleWorld({ nodes: ['n1'], throttle: { source: { failures: 3 } } });
  for (let i = 0; i < 6; i++) await world.fails('n1', { name: `user${i}`, address: '10.0.0.1' });
  assert.deepEqual(world.warnings, [{ source: '10.0.0.1' }]);
});

test('a flood from everywhere delays strangers alone: sources from which somebody signs on go on, with their own budgets', async () => {
  const world = new ThrottleWorld({ throttle: { all: { failures: 100 } } });
  assert.equal(await world.succeeds('n1', { name: 'carol', address: '203.0.113.7' }), true);
  let passed = 0;
  for (let i = 0; i < 150; i++)
    if ((await world.fails(`n${(i % 3) + 1}`, { name: `user${i}`, address: `198.51.100.${i}` })) === true) passed++;
  assert.equal(passed, 100);
  assert.equal(typeof (await world.succeeds('n2', { name: 'dave', address: '192.0.2.9' })), 'number');
  assert.equal(await world.succeeds('n2', { name: 'dave', address: '203.0.113.7' }), true);
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n3', { name: 'erin', address: '203.0.113.7' }), true);
  assert.equal(typeof (await world.fails('n3', { name: 'erin', address: '203.0.113.7' })), 'number');
});

test('nodes that are cut off count alone, and together again after they meet', async () => {
  const world = new ThrottleWorld();
  world.cut('n3');
  for (let i = 0; i < 3; i++) assert.equal(await world.fails('n1'), true);
  for (let i = 0; i < 4; i++) assert.equal(await world.fails('n3'), true);
  assert.equal(await world.fails('n2'), true);
  world.cut();
  for (const at of ['n1', 'n2', 'n3']) {
    const wait = await world.fails(at);
    assert.ok(typeof wait === 'number' && wait > 4_000 && wait <= 8_000, `${wait}`);
  }
});

test('a node that hangs holds an attempt up for a quarter of a second, and no longer', async () => {
  const world = new ThrottleWorld({ nodes: ['n1', 'n2'] });
  const { throttle } = world.nodes[0]!;
  let admitted = false;
  void throttle.admit(stranger()).then(() => (admitted = true));
  world.steps()[0]!(); // flushed, and nothing arrives
  await new Promise(setImmediate);
  assert.equal(admitted, false);
  world.clock.advance(250);
  await new Promise(setImmediate);
  assert.equal(admitted, true);
});

test('an attempt whose node died is a failure after a minute, and stands in nobody’s way', async () => {
  const world = new ThrottleWorld();
  for (let i = 0; i < 5; i++) await world.fails('n1');
  world.pass(1_000);
  const lost = await world.admit('n1');
  assert.equal(lost.kind, 'admitted');
  const meanwhile = await world.admit('n2');
  assert.deepEqual(meanwhile, { kind: 'throttled', retryAfterMs: 1_000 });
  world.pass(61_000);
  assert.equal(await world.fails('n2'), true);
});

test('an attempt waits for those before it as long as it takes to know, and is refused at once where too many wait', async () => {
  const world = new ThrottleWorld({ nodes: ['n1'] });
  const { throttle } = world.nodes[0]!;
  const answers: (string | number)[] = [];
  const attempts: { end(outcome: 'failed' | 'succeeded'): void }[] = [];
  for (let i = 0; i < 600; i++) {
    void throttle.admit(stranger({ address: undefined })).then((one) => {
      answers.push(one.kind === 'admitted' ? 'admitted' : one.retryAfterMs);
      if (one.kind === 'admitted') attempts.push(one.attempt);
    });
  }
  await world.settle();
  assert.equal(attempts.length, 5);
  assert.equal(answers.length, 600 - 256);
  attempts.splice(0)[0]!.end('succeeded');
  await world.settle();
  assert.equal(attempts.length, 1);
  world.clock.advance(2_000);
  await world.settle();
  assert.equal(answers.length, 600);
});

test('T8: no name, no address and nothing that a dictionary could find is in what travels', async () => {
  const world = new ThrottleWorld();
  await world.fails('n1', { name: 'canary-name', address: '203.0.113.77' });
  await world.succeeds('n1', { name: 'canary-name', address: '203.0.113.77', proof: 'canary-proof' });
  const all = JSON.stringify(cellsOf(world, 1));
  assert.doesNotMatch(all, /canary|203\.0/);
  for (const [key] of cellsOf(world, 1))
    assert.match(key, /^(account|browser|source|all|trusted)\.[A-Za-z0-9_-]{22}\.\d+$/);
});

const flood = Number(process.env['LATCHKEY_THROTTLE_FLOOD'] ?? 3_000);

test(`check 78: a flood of ${flood} names and addresses takes no more memory than its budget, and switches nothing off`, async () => {
  const world = new ThrottleWorld({ nodes: ['n1'], throttle: { all: { failures: 1_000 } } });
  const cookie = knownTo(world, 'victim');
  for (let i = 0; i < 5; i++) await world.fails('n1', { name: 'victim' });
  let most = 0;
  let passed = 0;
  const { throttle, cells } = world.nodes[0]!;
  for (let i = 0; i < flood; i++) {
    const address = `2001:db8:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`;
    const asked = throttle.admit(stranger({ name: `user${i}`, address }));
    if (world.steps().length > 0) await world.settle();
    const admission = await asked;
    if (admission.kind === 'admitted') {
      admission.attempt.end('failed');
      passed++;
    }
    most = Math.max(most, cells.size);
    if (i % 1_000 === 0) world.pass(10_000);
  }
  const minutes = (flood / 1_000) * (10 / 60);
  assert.ok(passed <= 1_000 * (minutes / 10 + 1) + 1, `${passed} passed in ${minutes} minutes`);
  // At most twelve windows of ten minutes are remembered of accounts, and three of sources.
  assert.ok(most <= 2 * passed + 10 && most <= 1_000 * 22, `${most} cells`);
  const wait = await world.fails('n1', { name: 'victim', address: '192.0.2.200' });
  assert.equal(typeof wait, 'number');
  assert.equal(await world.succeeds('n1', { name: 'victim', cookie }), true);
});

test('check 78: where more keys are counted than fit, further ones share cells: none is dropped, none is refused for it', async () => {
  const maxKeys = 200;
  const world = new ThrottleWorld({ nodes: ['n1'], throttle: { maxKeys, all: { failures: 1_000_000 } } });
  for (let i = 0; i < 5; i++) await world.fails('n1', { name: 'victim' });
  let passed = 0;
  for (let i = 0; i < 1_000; i++) {
    const address = `2001:db8:0:${i.toString(16)}::1`;
    if ((await world.fails('n1', { name: `user${i}`, address })) === true) passed++;
  }
  assert.ok(passed > 950, `${passed}`);
  assert.ok(world.nodes[0]!.cells.size <= maxKeys + 2 + 2 * sharedCells, `${world.nodes[0]!.cells.size}`);
  assert.equal(typeof (await world.fails('n1', { name: 'victim' })), 'number');
  const late = [];
  for (let i = 0; i < 8; i++) late.push(await world.fails('n1', { name: 'late', address: '203.0.113.1' }));
  assert.ok(late.includes(true) === false || late.indexOf(true) < 5);
  assert.equal(typeof late.at(-1), 'number');
});

test('what was forgotten here and is held elsewhere does not swallow new attempts', async () => {
  const world = new ThrottleWorld({ nodes: ['n1', 'n2'] });
  for (let i = 0; i < 7; i++) await world.succeeds('n1');
  const kept = cellsOf(world, 1);
  world.pass(3 * minute); // both forget …
  for (const [key, cell] of kept) world.nodes[1]!.cells.settle(key, cell); // … but n2 did not
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n1'), true);
  for (const [key, cell] of cellsOf(world, 1)) world.nodes[0]!.cells.settle(key, cell);
  for (const at of ['n1', 'n2']) assert.equal(typeof (await world.fails(at)), 'number', at);
});

test('failures are forgotten after one to two windows without new ones', async () => {
  const world = new ThrottleWorld();
  for (let i = 0; i < 5; i++) await world.fails('n1');
  world.pass(2 * 60 * minute);
  for (let i = 0; i < 5; i++) assert.equal(await world.fails('n2'), true);
  world.pass(4 * 60 * minute);
  for (const [at] of world.nodes.entries()) assert.deepEqual(cellsOf(world, at), []);
});
