/** The re-check: who is gone is ended, whose groups changed has other roles, by one node each; no answer changes nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Found } from '../../../server/directories/directory.ts';
import { Recheck, type RecheckedNode, type RecheckParts, recheckMark } from '../../../server/directories/recheck.ts';
import { rolesBy } from '../../../server/directories/roles.ts';
import { responsible } from '../../../server/directories/share.ts';
import type { EntryView, SsoNode } from '../../../sso/index.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface World {
  /** Name → roles of the open sign-ons. */
  readonly signedOn: Map<string, readonly string[]>;
  readonly answers: Map<string, Found>;
  readonly asked: string[];
  readonly done: string[];
  members: { node: string; state: 'up' | 'draining' | 'left' | 'lost'; applications: readonly string[] }[];
  most: number;
  timers: { ms: number; run: () => void }[];
}

const found = (name: string, groups: readonly string[]): Found => ({ kind: 'found', person: { name, groups } });
const away: Found = { kind: 'unavailable', why: 'down' };

function worldOf(people: Readonly<Record<string, readonly [readonly string[], Found]>>): World {
  const marked = (node: string) => ({ node, state: 'up' as const, applications: [recheckMark] });
  return {
    signedOn: new Map(Object.entries(people).map(([name, [roles]]) => [name, roles])),
    answers: new Map(Object.entries(people).map(([name, [, answer]]) => [name, answer])),
    asked: [],
    done: [],
    members: [marked('n1')],
    most: 0,
    timers: [],
  };
}

function recheckAt(node: string, world: World, more: Partial<RecheckParts> = {}): Recheck {
  const sso: RecheckedNode = {
    name: node,
    users: () => world.signedOn.keys(),
    entries: (name) => {
      const roles = world.signedOn.get(name);
      return roles === undefined ? [] : [{ principal: { name, roles } } as EntryView];
    },
    members: () => world.members,
    endSubject: async (name) => {
      world.done.push(`${node} ends ${name}`);
      world.signedOn.delete(name);
    },
    setRoles: async (name, roles) => {
      world.done.push(`${node} gives ${name} ${roles.join('+')}`);
      world.signedOn.set(name, roles);
    },
  };
  let under = 0;
  return new Recheck({
    sso,
    directory: {
      name: 'd',
      find: async (name) => {
        world.asked.push(name);
        world.most = Math.max(world.most, ++under);
        await new Promise(setImmediate);
        under--;
        return world.answers.get(name) ?? { kind: 'gone' };
      },
    },
    rolesOf: rolesBy(),
    log: silent,
    random: () => 0.5,
    after: (ms, run) => {
      const timer = { ms, run };
      world.timers.push(timer);
      return () => {
        world.timers = world.timers.filter((one) => one !== timer);
      };
    },
    ...more,
  });
}

test('check 27: who is gone or disabled is ended, whose groups changed has other roles, and nobody else is touched', async () => {
  const world = worldOf({
    alice: [['staff'], found('alice', ['staff'])],
    bob: [['staff'], found('bob', ['admins', 'staff'])],
    carol: [['staff'], { kind: 'gone' }],
    dave: [['staff'], { kind: 'gone', disabled: true }],
    erin: [['staff'], away],
  });
  const round = await recheckAt('n1', world).now();
  assert.deepEqual(world.done.sort(), ['n1 ends carol', 'n1 ends dave', 'n1 gives bob admins+staff']);
  assert.deepEqual(round, { asked: 5, ended: 2, changed: 1, unanswered: 1, heldBack: 0, away: false });
});

test('a directory that does not answer ends the round, changes nothing, and is asked later and later until it answers', async () => {
  const names = Array.from({ length: 500 }, (_, at) => `user${at}`);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [['staff'], away] as const])));
  const recheck = recheckAt('n1', world, { everyMs: 1_000 });
  recheck.start();
  const waits: number[] = [world.timers[0]!.ms];
  for (let rounds = 0; rounds < 5; rounds++) {
    const round = await recheck.now();
    assert.ok(round.away && round.asked < 12, JSON.stringify(round));
    waits.push(world.timers[0]!.ms);
  }
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  assert.deepEqual(world.done, []);
  for (const name of names) world.answers.set(name, found(name, ['staff']));
  assert.deepEqual(await recheck.now(), { asked: 500, ended: 0, changed: 0, unanswered: 0, heldBack: 0, away: false });
  assert.equal(world.timers[0]!.ms, 1_000);
  await recheck.stop();
  assert.deepEqual(world.timers, []);
});

test('one account that cannot be read does not keep the others from being asked about', async () => {
  const people = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => {
      const name = `user${at}`;
      const answer: Found = at % 4 === 0 ? away : at % 4 === 1 ? { kind: 'gone' } : found(name, []);
      return [name, [[], answer] as const];
    }),
  );
  const world = worldOf(people);
  const round = await recheckAt('n1', world, { concurrency: 1 }).now();
  assert.equal(round.asked, 40);
  assert.equal(round.ended, 10);
});

test('five thousand users are asked about a few at a time, each once', async () => {
  const names = Array.from({ length: 5_000 }, (_, at) => `user${at}`);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], found(name, [])] as const])));
  const round = await recheckAt('n1', world, { concurrency: 8 }).now();
  assert.equal(round.asked, 5_000);
  assert.ok(world.most <= 8, `${world.most}`);
  assert.equal(new Set(world.asked).size, 5_000);
});

test('each user is asked about by one of the nodes that re-check, and by another when that one is gone', async () => {
  const names = Array.from({ length: 300 }, (_, at) => `user${at}`);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], found(name, [])] as const])));
  world.members = [
    ...['n1', 'n2', 'n3'].map((node) => ({ node, state: 'up' as const, applications: [recheckMark] })),
    { node: 'application', state: 'up', applications: ['shop'] },
    { node: 'left', state: 'left', applications: [recheckMark] },
    { node: 'draining', state: 'draining', applications: [recheckMark] },
  ];
  const shares = await Promise.all(['n1', 'n2', 'n3'].map((node) => recheckAt(node, world).now()));
  assert.deepEqual([...world.asked].sort(), [...names].sort());
  for (const { asked } of shares) assert.ok(asked > 60, `${asked}`);

  const before = new Map(names.map((name) => [name, responsible(name, ['n1', 'n2', 'n3'])]));
  for (const name of names)
    if (before.get(name) !== 'n3') assert.equal(responsible(name, ['n1', 'n2']), before.get(name), name);
});

test('on demand while a round is under way, another one follows it', async () => {
  const world = worldOf({ alice: [[], found('alice', [])] });
  const recheck = recheckAt('n1', world);
  const first = recheck.now();
  world.answers.set('alice', { kind: 'gone' });
  const rounds = await Promise.all([first, recheck.now(), recheck.now()]);
  assert.deepEqual(world.done, ['n1 ends alice']);
  assert.equal(rounds[0].asked, 1);
  await recheck.stop();
});

test('a re-check that fails in an odd way goes on at its next time', async () => {
  const many = Array.from({ length: 300 }, (_, at) => `g${at}`);
  const world = worldOf({ alice: [['staff'], found('alice', many)] });
  const recheck = recheckAt('n1', world);
  assert.equal((await recheck.now()).unanswered, 1);
  assert.deepEqual(world.done, []);
  assert.equal(world.timers.length, 1);
  await recheck.stop();
});

const gone: Found = { kind: 'gone' };
const users = (count: number) => Array.from({ length: count }, (_, at) => `user${at}`);

interface Line {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

function lines(): { readonly said: Line[]; readonly log: RecheckParts['log'] } {
  const said: Line[] = [];
  const at = (level: string) => (fields: object, message: string) => void said.push({ level, fields, message });
  return { said, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

test('a directory that knows nobody any more ends nobody: it is said loudly, round by round, until it knows them again', async () => {
  const names = users(200);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], gone] as const])));
  const { said, log } = lines();
  const told: number[] = [];
  const recheck = recheckAt('n1', world, { log, onRound: ({ heldBack }) => told.push(heldBack) });
  for (let rounds = 0; rounds < 3; rounds++)
    assert.deepEqual(await recheck.now(), {
      ...{ asked: 200, ended: 0, changed: 0, unanswered: 0, heldBack: 200, away: false },
    });
  assert.deepEqual(world.done, []);
  assert.deepEqual(
    said.map(({ level }) => level),
    ['error', 'error', 'error'],
  );
  assert.match(said[0]!.message, /no longer knows 200 of 200 .* nobody is ended for it\. .*empty search base.* SIGHUP/);
  assert.equal((said[0]!.fields as { some: string[] }).some.length, 5);

  for (const name of names) world.answers.set(name, found(name, []));
  world.answers.set('user7', gone);
  assert.equal((await recheck.now()).ended, 1);
  assert.deepEqual(world.done, ['n1 ends user7']);
  assert.match(said.map(({ message }) => message).join('\n'), /nobody is held back any more/);
  assert.deepEqual(told, [200, 200, 200, 0]);
});

test('whom somebody has confirmed to be gone is ended if still missing, and nobody else', async () => {
  const names = users(30);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], gone] as const])));
  const recheck = recheckAt('n1', world);
  // There is nothing to confirm yet: a signal that was meant otherwise ends nobody.
  assert.equal((await recheck.now({ confirms: true })).heldBack, 30);
  assert.equal(world.done.length, 0);
  world.answers.set('user3', found('user3', []));
  for (const late of ['late1', 'late2', 'late3', 'late4', 'late5', 'late6']) world.signedOn.set(late, []);
  const round = await recheck.now({ confirms: true });
  assert.deepEqual([round.ended, round.heldBack], [29, 6]);
  assert.ok(!world.done.includes('n1 ends user3'));
  assert.ok(!world.done.some((what) => what.includes('late')));
  // The confirmation was for that round.
  assert.deepEqual(await recheck.now().then(({ ended, heldBack }) => [ended, heldBack]), [0, 6]);
});

test('what was confirmed is not forgotten by a round in which the directory did not answer', async () => {
  const names = users(12);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], gone] as const])));
  const recheck = recheckAt('n1', world);
  await recheck.now();
  for (const name of names) world.answers.set(name, away);
  const broken = await recheck.now({ confirms: true });
  assert.deepEqual([broken.away, broken.heldBack], [true, 12]);
  assert.deepEqual(world.done, []);
  for (const name of names) world.answers.set(name, gone);
  assert.equal((await recheck.now()).ended, 12);
});

test('held back is who is missing: who is marked as disabled ends at once, and roles follow as ever', async () => {
  const names = users(20);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], gone] as const])));
  world.answers.set('user1', { kind: 'gone', disabled: true });
  world.answers.set('user2', found('user2', ['staff']));
  const round = await recheckAt('n1', world).now();
  assert.deepEqual([round.ended, round.changed, round.heldBack], [1, 1, 18]);
  assert.deepEqual(world.done.sort(), ['n1 ends user1', 'n1 gives user2 staff']);
});

test("the share that is believed is the operator's: half by default, all where it is 1; a handful is always believed", async () => {
  const missing = async (of: number, count: number, mostGone?: number) => {
    const people = users(of).map((name, at) => [name, [[], at < count ? gone : found(name, [])] as const] as const);
    const round = recheckAt('n1', worldOf(Object.fromEntries(people)), { ...(mostGone !== undefined && { mostGone }) });
    const { ended, heldBack } = await round.now();
    assert.equal(ended + heldBack, count);
    return heldBack > 0 ? 'held back' : 'ended';
  };
  assert.deepEqual(
    await Promise.all([missing(40, 20), missing(40, 21), missing(40, 9, 0.2), missing(40, 40, 1), missing(4, 4)]),
    ['ended', 'held back', 'held back', 'ended', 'ended'],
  );
  assert.equal(await missing(5, 5), 'held back');
});

test("nine people spread over three nodes: each of the nodes sees by the others' people that the directory knows nobody", async () => {
  const names = users(9);
  const world = worldOf(Object.fromEntries(names.map((name) => [name, [[], gone] as const])));
  world.members = ['n1', 'n2', 'n3'].map((node) => ({ node, state: 'up' as const, applications: [recheckMark] }));
  const rounds = await Promise.all(['n1', 'n2', 'n3'].map((node) => recheckAt(node, world).now()));
  assert.equal(
    rounds.reduce((sum, { heldBack }) => sum + heldBack, 0),
    9,
  );
  assert.deepEqual(world.done, []);
});

test('who is missing at the first question and found at the second stays', async () => {
  const world = worldOf({ alice: [[], gone], bob: [[], found('bob', [])] });
  let asked = 0;
  const recheck = recheckAt('n1', world, {
    directory: {
      name: 'd',
      find: async (name) => (name === 'alice' && ++asked === 1 ? gone : found(name, [])),
    },
  });
  assert.deepEqual(await recheck.now().then(({ ended }) => [ended, asked]), [0, 2]);
  assert.deepEqual(world.done, []);
});

/** The port is what a node has. */
export const isNode = (node: SsoNode): RecheckedNode => node;
