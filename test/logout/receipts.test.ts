/** Receipts, told by a finality that a test leads: how far a logout has come, who looks after it, and what it ended. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import { setting } from '../session/support/changes.ts';
import { leaseMs, World } from './receipts-world.ts';

const three = ['n1', 'n2', 'n3'];
const quiet = { prompt: false };
const unavailable = (error: unknown) => error instanceof SsoError && error.code === 'ERR_UNAVAILABLE';

test('a logout that everybody confirms is answered complete at once, and its receipt costs one value', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  const receipt = await world.at('n2').registry.close(id, 'logout');
  assert.equal(receipt.state, 'complete');
  assert.equal(receipt.finalAt, undefined);
  assert.equal(receipt.cause, 'logout');
  assert.equal(receipt.closedAt, world.clock.now());
  assert.deepEqual(receipt.nodes, { confirmed: three, outstanding: [] });
  assert.equal(world.at('n2').copies.puts, 1);
  assert.deepEqual(world.at('n2').seals(), [], 'nobody is left to tell');
  assert.equal(world.clock.pending(), 0, 'and no timer is left');
});

test('a logout waits at most 1,000 ms for complete, is pending then, and becomes complete in the background', async () => {
  const world = new World(three, quiet);
  const { id } = world.signOn('n1');
  let answered = 0;
  const closing = world.at('n1').registry.close(id, 'logout');
  void closing.then(() => (answered = world.clock.monotonic()));
  await world.pass(999);
  assert.equal(answered, 0);
  await world.pass(1);
  const receipt = await closing;
  assert.equal(answered, 1_000);
  assert.equal(receipt.state, 'pending');
  assert.equal(receipt.finalAt, undefined, 'one of three has it: too few to say when');
  assert.deepEqual(receipt.nodes, { confirmed: ['n1'], outstanding: ['n2', 'n3'] });
  world.tell();
  const later = (await world.at('n1').receipts.find(receipt.id))!;
  assert.equal(later.state, 'complete');
  assert.deepEqual(later.nodes, { confirmed: three, outstanding: [] });
});

test('a pending receipt is written into the copies after 100 ms, so that others have it before it is answered', async () => {
  const world = new World(three, quiet);
  const closing = world.at('n1').registry.close(world.signOn('n1').id, 'logout');
  await world.pass(99);
  assert.equal(world.at('n2').copies.size, 0);
  await world.pass(1);
  assert.equal(world.at('n2').copies.size, 1);
  await world.pass(900);
  assert.equal(world.at('n2').copies.get((await closing).id)?.completeAt, 0);
});

test('a logout that is complete within the wait is answered then, not at its end', async () => {
  const world = new World(three, quiet);
  const { id } = world.signOn('n1');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(300);
  world.tell();
  assert.equal((await closing).state, 'complete');
  assert.equal(world.clock.monotonic(), 300);
});

test('with a quorum a pending receipt says from when on it is final, and with none silent any more it does not need to', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  world.cut('n3');
  const from = world.clock.now();
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  assert.equal(receipt.state, 'pending');
  assert.equal(receipt.finalAt, from + leaseMs);
  assert.deepEqual(receipt.nodes.outstanding, ['n3']);
  await world.pass(leaseMs);
  world.tell();
  const final = (await world.at('n1').receipts.find(receipt.id))!;
  assert.equal(final.state, 'complete', 'every lease has run out, though n3 is silent');
  assert.equal(final.finalAt, undefined);
  assert.deepEqual(final.nodes.outstanding, ['n3']);
  world.heal();
  world.tell();
  assert.deepEqual((await world.at('n1').receipts.find(receipt.id))!.nodes.outstanding, []);
  assert.deepEqual(world.at('n1').seals(), [], 'it is retried until everybody has it, and no longer');
});

test('where nodes that are cut off go on (serve), a pending receipt promises no instant', async () => {
  const world = new World(['n1', 'n2'], { mode: 'serve' });
  const { id } = world.signOn('n1');
  world.cut('n2');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  assert.deepEqual([receipt.state, receipt.finalAt], ['pending', undefined]);
  await world.pass(10 * leaseMs);
  world.tell();
  assert.equal((await world.at('n1').receipts.find(receipt.id))!.state, 'pending');
});

test('a receipt is found by its id at any node, and is asked for where it is not known', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  world.cut('n3');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  assert.deepEqual(await world.at('n2').receipts.find(receipt.id), receipt);
  assert.equal(world.at('n2').copies.questions, 0, 'it had come by itself');
  await assert.rejects(world.at('n3').receipts.find(receipt.id), unavailable, 'not knowing is not "there is none"');
  world.start('n4');
  assert.equal(world.at('n4').copies.size, 0);
  assert.deepEqual(await world.at('n4').receipts.find(receipt.id), receipt);
});

test('an id that nobody knows is no receipt; text that is no id is not even asked for', async () => {
  const world = new World(three);
  assert.equal(await world.at('n1').receipts.find('A'.repeat(16)), undefined);
  assert.equal(world.at('n1').copies.questions, 1);
  for (const id of ['', 'short', 'A'.repeat(17), '../../../etc/pas', '"'.repeat(16)]) {
    assert.equal(await world.at('n1').receipts.find(id), undefined);
  }
  assert.equal(world.at('n1').copies.questions, 1);
});

test('a flood of guessed ids is refused once 64 questions are open', async () => {
  const world = new World(three);
  const { receipts, copies } = world.at('n1');
  const all = Array.from({ length: 65 }, (_, i) => receipts.find(String(i).padStart(16, '0')));
  const refused = await Promise.allSettled(all);
  assert.equal(refused.filter(({ status }) => status === 'rejected').length, 1);
  assert.equal(copies.questions, 64);
  assert.equal(await receipts.find('B'.repeat(16)), undefined, 'and answered again afterwards');
});

test('an id has 96 random bits, and a receipt does not tell which entry it is about', async () => {
  const world = new World(three);
  const ids = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const { id } = world.signOn('n1');
    const receipt = await world.at('n1').registry.close(id, 'logout');
    assert.match(receipt.id, /^[A-Za-z0-9_-]{16}$/);
    assert.equal(JSON.stringify(receipt).includes(id), false);
    ids.add(receipt.id);
  }
  assert.equal(ids.size, 50);
});

test('after a restart a node takes up its pending receipts again', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  world.cut('n1');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  assert.equal(receipt.state, 'pending');
  world.at('n1').receipts.stop();
  assert.deepEqual(world.at('n1').seals(), [], 'a node that stops leaves nothing running');
  const again = world.start('n1');
  assert.deepEqual(again.seals(), [{ map: 'entries', key: id }]);
  world.heal();
  world.tell();
  assert.equal((await world.at('n1').receipts.find(receipt.id))!.state, 'complete');
  assert.equal((await world.at('n3').receipts.find(receipt.id))!.state, 'complete', 'and everybody knows');
});

test('of a node that is gone the first living node by name takes its pending receipts up, nobody else', async () => {
  const world = new World(['n1', 'n2', 'n3', 'n4', 'n5'], quiet);
  const { id } = world.signOn('n3');
  const closing = world.at('n3').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  await world.pass(10_000);
  assert.deepEqual(world.at('n1').seals(), [], 'its maker lives');
  world.lose('n3');
  world.lose('n1');
  await world.pass(2_000);
  assert.deepEqual(world.at('n2').seals(), [{ map: 'entries', key: id }]);
  assert.deepEqual(world.at('n4').seals(), []);
  world.tell();
  const found = (await world.at('n4').receipts.find(receipt.id))!;
  assert.equal(found.state, 'pending', 'three of five have it, two of them newly told');
  assert.deepEqual(found.nodes, { confirmed: ['n2', 'n3', 'n4', 'n5'], outstanding: ['n1'] });
  assert.ok(found.finalAt !== undefined);
  await world.pass(leaseMs);
  world.tell();
  assert.equal((await world.at('n5').receipts.find(receipt.id))!.state, 'complete');
});

test('a maker that comes back looks after its receipts again, and who had taken them up lets go', async () => {
  const world = new World(three, quiet);
  const { id } = world.signOn('n3');
  const closing = world.at('n3').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  world.lose('n3');
  await world.pass(2_000);
  assert.equal(world.at('n1').seals().length, 1);
  world.start('n3');
  world.heal();
  await world.pass(2_000);
  assert.deepEqual(world.at('n1').seals(), []);
  assert.deepEqual(world.at('n3').seals(), [{ map: 'entries', key: id }]);
  world.tell();
  assert.equal((await world.at('n2').receipts.find(receipt.id))!.state, 'complete');
});

test('a node that has the receipt and not the closing stores what the receipt proves, and takes it to everybody', async () => {
  const world = new World(three, quiet);
  const { id } = world.signOn('n3');
  const closing = world.at('n3').registry.close(id, 'logout');
  await world.pass(1_000);
  const { id: receipt } = await closing;
  const record = world.at('n3').copies.get(receipt)!;
  world.start('n0').copies.settle(receipt, record);
  world.lose('n3');
  await world.pass(2_000);
  assert.deepEqual(world.at('n0').seals(), [{ map: 'entries', key: id }]);
  assert.deepEqual(
    { ...world.at('n0').entries.get(id) },
    { state: 'closed', cause: 'logout', closedAt: record.closedAt, endsAt: record.overAt },
  );
});

test('the end of a subject is proven by its receipt, too: with its stamp, once', async () => {
  const world = new World(three, quiet);
  const ending = world.at('n3').registry.endSubject('alice', 'administrator');
  await world.pass(1_000);
  const { id: receipt } = await ending;
  const record = world.at('n3').copies.get(receipt)!;
  const ended = world.at('n3').subjects.get('alice')!;
  world.start('n0').copies.settle(receipt, record);
  world.lose('n3');
  await world.pass(2_000);
  assert.deepEqual(world.at('n0').seals(), [{ map: 'subjects', key: 'alice' }]);
  const stored = world.at('n0').subjects.get('alice')!;
  assert.deepEqual(
    [{ ...stored.ends }, stored.endedAt, stored.endedCause],
    [{ ...ended.ends }, ended.endedAt, 'administrator'],
  );
});

test('a complete receipt can be asked for during 10 minutes; a pending one is complete once its closing is over by time', async () => {
  const world = new World(three);
  const done = await world.at('n1').registry.close(world.signOn('n1').id, 'logout');
  world.cut('n1');
  const { id, entry } = world.signOn('n1');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const pending = await closing;
  const { copies, receipts } = world.at('n1');
  await world.pass(600_000);
  copies.forget();
  assert.ok(copies.get(done.id), 'freed a minute later, as all copies are');
  await world.pass(120_000);
  copies.forget();
  assert.equal(copies.get(done.id), undefined);
  assert.equal((await receipts.find(pending.id))!.state, 'pending');
  const uselessAt = entry.endsAt + 4_000; // twice what clocks may differ by
  await world.pass(uselessAt - world.clock.now() - 1);
  assert.equal((await receipts.find(pending.id))!.state, 'pending');
  await world.pass(2_000);
  const { state, nodes } = (await receipts.find(pending.id))!;
  assert.deepEqual([state, nodes], ['complete', { confirmed: ['n1'], outstanding: [] }]);
  assert.equal(copies.get(pending.id)!.completeAt, uselessAt);
  assert.deepEqual(world.at('n1').seals(), [], 'nobody can accept it any more: the retries end');
  assert.equal(world.clock.pending(), 0);
  await world.pass(720_000);
  copies.forget();
  assert.equal(copies.get(pending.id), undefined);
  assert.equal(world.clock.pending(), 0);
});

test('a receipt whose closing is over by time is ended by whoever has it, though another node was to look after it', async () => {
  const world = new World(three, quiet);
  const { id, entry } = world.signOn('n1');
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  world.at('n1').receipts.stop();
  await world.pass(entry.endsAt + 4_000 - world.clock.now() - 1);
  assert.equal((await world.at('n2').receipts.find(receipt.id))!.state, 'pending');
  await world.pass(2_000);
  assert.equal((await world.at('n2').receipts.find(receipt.id))!.state, 'complete');
});

test('beyond the limit of receipts (100,000; 3 here) a complete one is answered and not kept, a pending one is kept', async () => {
  const world = new World(three, { receipts: { receipts: 3 }, leaseMs: 50 });
  for (let i = 0; i < 5; i++)
    assert.equal((await world.at('n1').registry.close(world.signOn('n1').id, 'logout')).state, 'complete');
  assert.equal(world.at('n1').copies.size, 3);
  assert.deepEqual(world.at('n1').seals(), []);
  world.cut('n3');
  const unkept = world.at('n1').registry.close(world.signOn('n1').id, 'logout');
  await world.pass(60);
  world.tell();
  const answer = await unkept;
  assert.deepEqual([answer.state, answer.nodes.outstanding], ['complete', ['n3']]);
  assert.deepEqual(world.at('n1').seals(), [], 'what is not kept is not looked after');
  world.cut('n2', 'n3');
  const closing = world.at('n1').registry.close(world.signOn('n1').id, 'logout');
  await world.pass(1_000);
  const pending = await closing;
  assert.equal(world.at('n1').copies.size, 4);
  assert.equal((await world.at('n1').receipts.find(pending.id))!.state, 'pending');
});

test('each node says itself what it ended of its own sessions; of those that are silent counts what was seen; none counts twice', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  world.session('n1', 'shop', id);
  world.session('n2', 'shop', id);
  world.session('n2', 'forum', id);
  world.session('n3', 'forum', id);
  world.cut('n3');
  world.session('n3', 'wiki', id);
  const closing = world.at('n1').registry.close(id, 'logout');
  await world.pass(1_000);
  const receipt = await closing;
  assert.deepEqual(receipt.applications, [
    { app: 'forum', sessions: 2 },
    { app: 'shop', sessions: 2 },
  ]);
  assert.equal(receipt.sessions, 4);
  world.heal();
  world.tell();
  const later = (await world.at('n2').receipts.find(receipt.id))!;
  assert.deepEqual(later.applications, [
    { app: 'forum', sessions: 2 },
    { app: 'shop', sessions: 2 },
    { app: 'wiki', sessions: 1 },
  ]);
});

test('sessions of a former life of a node, which nobody serves any more, are counted once', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  world.session('n2', 'shop', id);
  world.start('n2');
  world.session('n2', 'forum', id);
  const receipt = await world.at('n1').registry.close(id, 'logout');
  assert.deepEqual(receipt.applications, [
    { app: 'forum', sessions: 1 },
    { app: 'shop', sessions: 1 },
  ]);
  assert.deepEqual(receipt.nodes.confirmed, three);
});

test('the end of a subject is one closing with one receipt; its entries need none of their own', async () => {
  const world = new World(three);
  const first = world.signOn('n1').id;
  const second = world.signOn('n2').id;
  const other = world.signOn('n2', 'bob').id;
  world.session('n1', 'shop', first);
  world.session('n2', 'shop', second);
  world.session('n3', 'forum', second);
  world.session('n3', 'forum', other, 'of bob');
  world.cut('n2');
  const ending = world.at('n1').registry.endSubject('alice', 'administrator');
  await world.pass(1_000);
  const receipt = await ending;
  assert.deepEqual([receipt.state, receipt.cause, receipt.sessions], ['pending', 'administrator', 3]);
  assert.deepEqual(world.at('n1').seals(), [{ map: 'subjects', key: 'alice' }]);
  world.heal();
  world.tell();
  const later = (await world.at('n3').receipts.find(receipt.id))!;
  assert.equal(later.state, 'complete');
  assert.deepEqual(later.applications, [
    { app: 'forum', sessions: 1 },
    { app: 'shop', sessions: 2 },
  ]);
  for (const node of world.nodes) {
    assert.equal(node.registry.look(first).state, 'over');
    assert.equal(node.registry.look(other).state, 'open');
  }
  const again = await world.at('n1').registry.endSubject('alice');
  assert.notEqual(again.id, receipt.id, 'a second end is a closing of its own');
  assert.equal(again.state, 'complete');
});

test('V68: of 50 applications one throws at its end; the other 49 are ended all the same, and the receipt names the one', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  const told: string[] = [];
  const apps = Array.from({ length: 50 }, (_, i) => `app${i}`);
  for (const [i, app] of apps.entries()) {
    const name = three[i % 3]!;
    const { table } = world.at(name);
    table.onEnd(app, ({ signOn, cause, signOnCause, attributes }) => {
      told.push(app);
      assert.deepEqual([signOn, cause, signOnCause, attributes], [id, 'sign-on', 'logout', { of: 'it' }]);
      if (app === 'app7') throw new Error('its database is away');
    });
    world.session(name, app, id);
  }
  const receipt = await world.at('n1').registry.close(id, 'logout');
  assert.equal(receipt.state, 'complete');
  assert.equal(receipt.sessions, 50);
  assert.deepEqual(receipt.failures, [{ app: 'app7', message: 'its database is away' }]);
  assert.deepEqual(told.sort(), apps.sort(), 'each once, on the node that served it');
  for (const node of world.nodes) {
    for (const [, session] of node.sessions.entries()) assert.equal(session.state, 'ended');
  }
  assert.deepEqual(
    world.nodes.map(({ errors }) => errors.length),
    [0, 1, 0],
    'logged where it failed',
  );
  assert.deepEqual(await world.at('n3').receipts.find(receipt.id), receipt, 'the failure is told at every node');
});

test('V69: a second logout at another node has no second effect, and both receipts are complete', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  const ends: string[] = [];
  world.at('n1').table.onEnd('shop', ({ session }) => void ends.push(session));
  world.session('n1', 'shop', id);
  const first = await world.at('n1').registry.close(id, 'logout');
  await world.pass(500);
  const second = await world.at('n2').registry.close(id, 'administrator');
  assert.deepEqual([first.state, second.state], ['complete', 'complete']);
  assert.deepEqual([second.cause, second.closedAt], [first.cause, first.closedAt], 'it tells of the end there was');
  assert.notEqual(second.id, first.id);
  assert.equal(second.sessions, first.sessions);
  assert.equal(ends.length, 1);
  assert.deepEqual(world.nodes.flatMap(({ closed }) => closed).filter(({ own }) => own).length, 1, 'one to write down');
  for (const { closed } of world.nodes) assert.equal(closed.length, 1);
});

test('V69: two logouts at once on two nodes that cannot reach each other become one end, and both receipts complete', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  const ends: string[] = [];
  for (const name of three) world.at(name).table.onEnd('shop', () => void ends.push(name));
  world.session('n2', 'shop', id);
  world.cut('n1', 'n2');
  const closing = Promise.all([
    world.at('n1').registry.close(id, 'logout'),
    world.at('n2').registry.close(id, 'logout'),
  ]);
  await world.pass(1_000);
  const receipts = await closing;
  assert.deepEqual(
    receipts.map(({ state }) => state),
    ['pending', 'pending'],
  );
  world.heal();
  world.tell();
  for (const { id: receipt } of receipts) {
    const later = (await world.at('n3').receipts.find(receipt))!;
    assert.equal(later.state, 'complete');
    assert.equal(later.sessions, 1);
  }
  assert.deepEqual(ends, ['n2']);
  for (const { closed } of world.nodes) assert.equal(closed.length, 1);
});

test('V69: who asks twice at one node gets the same receipt, even at the same time', async () => {
  const world = new World(three, quiet);
  const { id } = world.signOn('n1');
  const { registry } = world.at('n1');
  const closing = Promise.all([registry.close(id, 'logout'), registry.close(id, 'logout')]);
  await world.pass(1_000);
  const [first, second] = await closing;
  assert.deepEqual(first, second);
  assert.equal(world.at('n1').seals().length, 1);
  const third = registry.close(id, 'logout');
  world.tell();
  assert.deepEqual([(await third).id, (await third).state], [first.id, 'complete'], 'and waits for it again');
  assert.deepEqual((await registry.close(id, 'logout')).id, first.id);
  assert.equal(world.at('n1').copies.size, 1);
});

test('V67: a request that finishes after the logout saves nothing and revives nothing, on any node', async () => {
  const world = new World(three);
  const { id } = world.signOn('n1');
  const key = world.session('n2', 'shop', id);
  const late = { app: 'shop', signOn: id, idleMs: 1_800_000, changes: setting({ late: true }) };
  await world.at('n1').registry.close(id, 'logout');
  for (const node of world.nodes) {
    assert.equal(node.table.write(key, late), undefined);
    assert.equal(node.table.write(node.table.key('shop', 'a new one'), late), undefined);
    node.table.touch(key, { afterMs: 0 });
    assert.equal(node.table.look(key).state, 'ended');
  }
});
