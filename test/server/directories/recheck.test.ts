/** The re-check: who is gone is ended, whose groups changed has other roles, by one node each; no answer changes nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Found } from '../../../server/directories/directory.ts';
import { Recheck, type RecheckedNode, recheckMark, responsible } from '../../../server/directories/recheck.ts';
import { rolesBy } from '../../../server/directories/roles.ts';
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

function recheckAt(node: string, world: World, more: { concurrency?: number; everyMs?: number } = {}): Recheck {
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
  assert.deepEqual(round, { asked: 5, ended: 2, changed: 1, unanswered: 1, away: false });
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
  assert.deepEqual(await recheck.now(), { asked: 500, ended: 0, changed: 0, unanswered: 0, away: false });
  assert.equal(world.timers[0]!.ms, 1_000);
  await recheck.stop();
  assert.deepEqual(world.timers, []);
});

test('one account that cannot be read does not keep the others from being asked about', async () => {
  const people = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `user${at}`,
      [[], at % 4 === 0 ? away : ({ kind: 'gone' } as Found)] as const,
    ]),
  );
  const world = worldOf(people);
  const round = await recheckAt('n1', world, { concurrency: 1 }).now();
  assert.equal(round.asked, 40);
  assert.equal(round.ended, 30);
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

/** The port is what a node has. */
export const isNode = (node: SsoNode): RecheckedNode => node;
