/** Sessions that only some nodes have: who serves them when nodes part, leave and die, and where the data is afterwards. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveSession } from '../../../sso/session/record.ts';
import type { Climate } from '../climate.ts';
import type { AppSession } from '../model.ts';
import { buddies } from '../placement.ts';
import { judgePlaces } from '../verdict.ts';
import { Script } from './script.ts';

/** Five nodes; how many beside the owner's have the data. */
async function five(count = 1, climate: Partial<Climate> = {}): Promise<Script> {
  const script = new Script({ others: ['x1', 'x2'], placement: buddies(count), ...climate });
  await script.begin();
  return script;
}

const names = ['n1', 'n2', 'n3', 'x1', 'x2'] as const;

function record(script: Script, name: string, { key }: AppSession): LiveSession {
  const held = script.node(name).heart.sessions.get(key);
  assert.equal(held?.state, 'live', `${name} has ${held?.state}`);
  return held;
}

const buddiesOf = (script: Script, session: AppSession, at = 'n1') => record(script, at, session).buddies ?? [];
/** Who has data, in the order of their names. */
const holders = (script: Script, session: AppSession): readonly string[] =>
  names.filter((name) => {
    const held = script.node(name).heart.sessions.get(session.key);
    return script.node(name).life.alive && held?.state === 'live' && held.data.latest > 0;
  });
const ownerOf = (script: Script, at: string, session: AppSession) => record(script, at, session).owner.split(':')[0];

/** A session that this node serves, and whose buddies are (not) among these. */
async function make(script: Script, at: string, wanted: (names: readonly string[]) => boolean = () => true) {
  for (let tries = 0; tries < 60; tries++) {
    const session = script.world.workload.sessionOn(script.node(at), 'shop');
    await script.pass(20);
    if (wanted(buddiesOf(script, session, at))) return session;
  }
  assert.fail('no such session in 60');
}

const ask = async (script: Script, at: string, session: AppSession): Promise<string> => {
  let state = '';
  void script.world.workload.requestOn(script.node(at), session).then((look) => {
    state = look.state;
  });
  await script.until(`${at} answers`, () => state !== '', 2_000);
  return state;
};

/** After digests and offers have had their time everything is where it is to be. */
async function judge(script: Script): Promise<void> {
  await script.pass(25_000);
  judgePlaces(script.world.cluster, script.world.checkers);
  script.hold();
}

for (const count of [1, 2]) {
  test(`the owner and ${count} of the others have a session's data, everybody has its record`, async () => {
    const script = await five(count);
    const session = await make(script, 'n1');
    const listed = buddiesOf(script, session);
    assert.equal(listed.length, count);
    assert.deepEqual(holders(script, session), ['n1', ...listed].sort());
    for (const name of names) assert.equal(ownerOf(script, name, session), 'n1');
    await judge(script);
  });

  test(`V85: the owner dies, and nothing moves before somebody asks; whoever is asked has it all, and ${count} others`, async () => {
    const script = await five(count);
    const session = await make(script, 'n1');
    const listed = buddiesOf(script, session);
    script.crash('n1');
    await script.pass(12_000);
    assert.deepEqual(holders(script, session), [...listed].sort());
    const asked = names.find((name) => name !== 'n1' && !listed.includes(name))!;
    assert.equal(await ask(script, asked, session), 'live');
    await script.pass(3_000);
    assert.equal(ownerOf(script, asked, session), asked);
    const now = buddiesOf(script, session, asked);
    assert.equal(now.length, count);
    assert.deepEqual(holders(script, session), [asked, ...now].sort());
  });
}

for (const count of [1, 2]) {
  test(`one of ${count} that have what n1 serves stays away: another gets it; one that is back in time keeps its place`, async () => {
    const script = await five(count);
    const session = await make(script, 'n1');
    const listed = buddiesOf(script, session);
    script.crash(listed[0]!);
    await script.pass(10_000);
    script.start(listed[0]!);
    await script.pass(20_000);
    assert.deepEqual(buddiesOf(script, session), listed, 'it was back in time');
    script.crash(listed[0]!);
    await script.pass(25_000);
    const now = buddiesOf(script, session);
    assert.equal(ownerOf(script, 'n1', session), 'n1');
    assert.equal(now.length, count);
    assert.ok(!now.includes(listed[0]!));
    assert.deepEqual(holders(script, session), ['n1', ...now].sort());
    script.start(listed[0]!);
    await judge(script);
    assert.deepEqual(holders(script, session), ['n1', ...now].sort(), 'what it had goes');
  });
}

test('owner and holders stay away one after the other, and nobody asks: what is left is on two nodes each time, and nobody’s', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const owner = ownerOf(script, 'n1', session);
  const alive = (): readonly string[] => names.filter((name) => script.node(name).life.alive);
  for (let dead = owner!; alive().length > 3; dead = holders(script, session)[0]!) {
    script.crash(dead);
    await script.pass(30_000);
    assert.equal(holders(script, session).length, 2, `after ${dead}`);
    assert.equal(ownerOf(script, alive()[0]!, session), owner);
  }
  const asked = alive().find((name) => !holders(script, session).includes(name))!;
  assert.equal(await ask(script, asked, session), 'live');
  for (const name of names) if (!script.node(name).life.alive) script.start(name);
  await judge(script);
});

test('where the owner is over, who need not have data keeps it until all have it that are to and live', async () => {
  const script = await five(2);
  const session = await make(script, 'n1');
  const holder = names.find((name) => name !== 'n1' && !buddiesOf(script, session).includes(name))!;
  const silent = script.meddle('lose', { from: 'n1', types: ['offer'] });
  assert.equal(await ask(script, holder, session), 'live');
  await script.pass(500);
  const [has, lacks] = buddiesOf(script, session, holder);
  assert.ok(!buddiesOf(script, session, holder).includes('n1') && holders(script, session).includes('n1'));
  script.crash(holder);
  script.crash(lacks!, 'wiped');
  await script.pass(500);
  const mute = script.meddle('lose', { to: lacks!, types: ['carry', 'offer'] });
  script.start(lacks!);
  silent();
  await script.pass(15_000);
  assert.deepEqual([holders(script, session).includes(has!), holders(script, session).includes(lacks!)], [true, false]);
  assert.ok(holders(script, session).includes('n1'), 'n1 has let go of it');
  mute();
  await script.pass(15_000);
  assert.ok(holders(script, session).includes(lacks!), 'it came');
  script.start(holder);
  await judge(script);
});

test('V93: two sides of a partition go on with a session; afterwards one node serves it with the changes of both', async () => {
  const script = await five();
  const session = await make(script, 'n1', ([buddy]) => buddy !== 'x1');
  const [buddy] = buddiesOf(script, session);
  script.world.cluster.split([['n1']]);
  for (let round = 0; round < 4; round++) {
    assert.equal(await ask(script, 'n1', session), 'live');
    assert.equal(await ask(script, 'x1', session), 'live');
    await script.pass(300);
  }
  assert.equal(ownerOf(script, 'x1', session), 'x1');
  assert.equal(ownerOf(script, 'n1', session), 'n1');
  assert.notEqual(buddy, undefined);
  script.world.cluster.heal();
  await judge(script);
});

test('a node that reaches nobody who has a session says so, and ends nothing; later it is all there', async () => {
  const script = await five();
  const session = await make(script, 'n1', ([buddy]) => buddy === 'n2' || buddy === 'n3');
  script.world.cluster.split([['x1', 'x2']]);
  for (let round = 0; round < 20; round++) {
    assert.equal(await ask(script, 'x1', session), 'out of reach');
    await script.pass(3_000);
  }
  assert.equal(await ask(script, 'n1', session), 'live');
  script.world.cluster.heal();
  await script.pass(5_000);
  assert.equal(await ask(script, 'x1', session), 'live');
  await judge(script);
});

test('who once had a session does not serve what it has of it while those that have it now cannot be asked', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const buddy = buddiesOf(script, session)[0]!;
  const [holder, other] = names.filter((name) => name !== 'n1' && name !== buddy);
  // The first owner cannot offer what it has left.
  const lost = script.meddle('lose', { from: 'n1', types: ['offer'] });
  assert.equal(await ask(script, holder!, session), 'live');
  await script.pass(500);
  assert.ok(!buddiesOf(script, session).includes('n1'));
  assert.ok(holders(script, session).includes('n1'), 'it still has what it had');
  assert.equal(await ask(script, holder!, session), 'live');
  const old = ['n1', other!];
  script.world.cluster.split([old]);
  for (const name of old) assert.equal(await ask(script, name, session), 'out of reach', name);
  await script.pass(20_000);
  for (const name of old) assert.equal(await ask(script, name, session), 'out of reach', `${name}, much later`);
  script.world.cluster.heal();
  lost();
  await judge(script);
  assert.equal(holders(script, session).length, 2);
});

test('V88: a node that leaves gives what it has to others first, and so one after the other', async () => {
  const script = await five();
  const sessions: AppSession[] = [];
  for (const name of names) for (let count = 0; count < 4; count++) sessions.push(await make(script, name));
  for (const name of names) {
    let gone = false;
    void script.world.cluster.leave(name).then(() => {
      gone = true;
    });
    await script.until(`${name} has left`, () => gone, 20_000);
    for (const session of sessions)
      assert.ok(holders(script, session).length > 0, `nobody has a session after ${name} left`);
    script.start(name);
    await script.until(`${name} is back`, () => script.mayAccept(name));
  }
  for (const [index, session] of sessions.entries())
    assert.equal(await ask(script, names[index % names.length]!, session), 'live');
  await judge(script);
});

test('V88: owner and buddy leave one right after the other, and neither is back: who leaves last hands over what it alone has', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  await script.pass(500);
  const both = ['n1', buddiesOf(script, session)[0]!];
  for (const name of both) {
    let gone = false;
    void script.world.cluster.leave(name).then(() => {
      gone = true;
    });
    await script.until(`${name} has left`, () => gone, 20_000);
    assert.ok(holders(script, session).length > 0, `nobody has the session after ${name} left`);
  }
  assert.equal(await ask(script, names.find((name) => !both.includes(name))!, session), 'live');
  for (const name of both) script.start(name);
  for (const name of both) await script.until(`${name} is back`, () => script.mayAccept(name));
  await judge(script);
});

test('the nodes die one after the other and come back with nothing: what nobody uses is lost nowhere', async () => {
  const script = await five(1, { disks: 'none' });
  const sessions: AppSession[] = [];
  for (const name of names) for (let count = 0; count < 4; count++) sessions.push(await make(script, name));
  for (const name of names) {
    script.crash(name);
    await script.pass(1_000);
    script.start(name);
    await script.until(`${name} is back`, () => script.mayAccept(name), 40_000);
    await script.pass(12_000);
  }
  for (const [index, session] of sessions.entries())
    assert.equal(await ask(script, names[index % names.length]!, session), 'live');
  await judge(script);
});

test('V85: whoever comes back with nothing is filled before it says that it has all; then the next one may die', async () => {
  const script = await five();
  const sessions: AppSession[] = [];
  for (let count = 0; count < 12; count++) sessions.push(await make(script, names[count % names.length]!));
  for (const name of names) {
    script.crash(name, 'wiped');
    await script.pass(1_000);
    script.start(name);
    const { heart } = script.node(name);
    await script.until(`${name} is up`, () => heart.gossip.state === 'up', 5_000);
    await script.until(`${name} has all`, () => heart.courier.view().refilling === 0, 3_000);
  }
  for (const [at, session] of sessions.entries())
    assert.equal(await ask(script, names[at % names.length]!, session), 'live');
  await judge(script);
});

test('V87: everybody dies and comes back with its disk: data is where it was', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const before = holders(script, session);
  await script.pass(2_000);
  for (const name of names) script.crash(name);
  await script.pass(500);
  await script.begin();
  assert.deepEqual(holders(script, session), before);
  const asked = names.find((name) => !before.includes(name))!;
  assert.equal(await ask(script, asked, session), 'live');
  await judge(script);
});

test('V67: what ended while one who has its data was away stays ended, whoever is asked', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const [buddy] = buddiesOf(script, session);
  script.world.cluster.split([[buddy!]]);
  assert.equal(await ask(script, 'n1', session), 'live');
  script.node('n1').heart.table.end(session.key, 'destroyed');
  await script.pass(1_000);
  const parted = await ask(script, buddy!, session);
  assert.ok(parted === 'live' || parted === 'out of reach', parted);
  script.world.cluster.heal();
  await script.pass(5_000);
  for (const name of names) assert.equal(await ask(script, name, session), 'ended', name);
  await judge(script);
});

test('V67: who has data of what ended elsewhere hears of the end before it lets go of that, also if whoever knew of it dies then', async () => {
  const script = await five();
  const session = await make(script, 'n1', ([buddy]) => buddy !== 'x1');
  const seen = record(script, 'n1', session).data;
  assert.equal(await ask(script, 'x1', session), 'live');
  await script.pass(20);
  script.meddle('lose', { from: 'n1', types: ['carry'] });
  void script.world.workload.requestOn(script.node('n1'), session, seen);
  // Nobody hears of the end but who offers x1 what it alone has.
  script.meddle('lose', { from: 'x1', types: ['batch', 'compare', 'differs', 'keys', 'page', 'question', 'answer'] });
  script.node('x1').heart.table.end(session.key, 'destroyed');
  const others = names.filter((name) => name !== 'x1');
  await script.pass(100);
  for (const name of others) assert.equal(ownerOf(script, name, session), 'x1');
  await script.pass(2_000);
  script.crash('x1');
  await script.pass(15_000);
  for (const name of others) assert.equal(await ask(script, name, session), 'ended', name);
  script.start('x1');
  await judge(script);
});

test('a request that began on the owner saves there though another node took the session over meanwhile', async () => {
  const script = await five();
  const session = await make(script, 'n1', ([buddy]) => buddy !== 'x1');
  const seen = record(script, 'n1', session).data;
  assert.equal(await ask(script, 'x1', session), 'live');
  await script.pass(2_000);
  assert.equal(ownerOf(script, 'n1', session), 'x1');
  void script.world.workload.requestOn(script.node('n1'), session, seen);
  await script.pass(2_000);
  assert.equal(await ask(script, 'x2', session), 'live');
  await judge(script);
});

test('two nodes are asked at the same instant: one serves it in the end, and both changes are there', async () => {
  const script = await five();
  for (let round = 0; round < 5; round++) {
    const session = await make(script, 'n1');
    const answers: string[] = [];
    for (const name of ['x1', 'x2', 'n2'])
      void script.world.workload.requestOn(script.node(name), session).then(({ state }) => answers.push(state));
    await script.pass(1_000);
    assert.deepEqual(answers, ['live', 'live', 'live']);
  }
  await judge(script);
});

test('who served a session before keeps what it has of it until the buddies of the next one have it, too', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const [buddy] = buddiesOf(script, session);
  const holder = names.find((name) => name !== 'n1' && name !== buddy)!;
  const lost = script.meddle('lose', { from: holder, to: buddy!, types: ['carry'] });
  assert.equal(await ask(script, holder, session), 'live');
  await script.pass(6_000);
  assert.ok(holders(script, session).includes('n1'), 'n1 has let go of it');
  lost();
  await script.pass(20_000);
  assert.ok(!holders(script, session).includes('n1'), 'n1 still has it');
  await judge(script);
});

test('what is changed after it was offered is not let go of because of the answer to that offer', async () => {
  const script = await five();
  const session = await make(script, 'n1');
  const seen = record(script, 'n1', session).data;
  const [buddy] = buddiesOf(script, session);
  const holder = names.find((name) => name !== 'n1' && name !== buddy)!;
  const held = script.meddle('hold', { to: 'n1', types: ['offered'] });
  assert.equal(await ask(script, holder, session), 'live');
  await script.pass(3_000);
  const lost = script.meddle('lose', { from: 'n1', types: ['carry'] });
  void script.world.workload.requestOn(script.node('n1'), session, seen);
  await script.pass(10);
  held();
  script.release();
  await script.pass(100);
  assert.ok(holders(script, session).includes('n1'), 'n1 has let go of what nobody else has');
  lost();
  await judge(script);
});
