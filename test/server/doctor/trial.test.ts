/** A trial tells a balancer that follows a route from one that only seems to. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeOf } from '../../../server/doctor/asking.ts';
import { carrying, isFollowed } from '../../../server/doctor/routing.ts';
import { follows, type Trial, tryRoute } from '../../../server/doctor/trial.ts';
import { type Fake, fakeBalancer } from './support/fake-balancer.ts';
import { seededChance } from './support/seeded.ts';

const seed = Number(process.env['LATCHKEY_SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (LATCHKEY_SEED)`);

const nodes = [{ route: 'node1' }, { route: 'node2' }, { route: 'node3' }];
const routes = nodes.map(({ route }) => route);
const picks = ['least', 'turns', 'chance'] as const;
const byCookie: Fake['follow'] = ({ cookies }, members) =>
  members.find((member) => cookies.some(([, value]) => value.endsWith(`.${member}`)));

const trialAt = (fake: Fake, route: string, chance = seededChance(seed), ask = fakeBalancer(fake, chance)) =>
  tryRoute(chance, route, {
    wanted: async () => nodeOf(await ask(carrying('STICKY_ROUTE', `route.${route}`))),
    control: async () => nodeOf(await ask(carrying('STICKY_ROUTE', 'route.nobody'))),
  });

test('a balancer by least requests, which sends the next one where a naive test wants it, does not pass', async () => {
  // After requests to the other nodes the least loaded one is the wanted one: asked so, everything looks sticky.
  const blind: Fake = { nodes, follow: () => undefined };
  const naive = fakeBalancer(blind, seededChance(seed));
  const first = nodeOf(await naive());
  const second = nodeOf(await naive());
  const wanted = routes.find((route) => route !== first && route !== second)!;
  assert.equal(nodeOf(await naive(carrying('STICKY_ROUTE', `route.${wanted}`))), wanted, 'the naive test is fooled');

  for (const route of routes) assert.equal((await trialAt(blind, route)).verdict, 'missed');
});

test('a balancer that knows two of three routes is caught at the third, though the other two load their nodes', async () => {
  for (const pick of picks) {
    const partly: Fake = { nodes, follow: (request) => byCookie(request, ['node1', 'node2']), pick };
    const chance = seededChance(seed);
    const ask = fakeBalancer(partly, chance);
    for (let i = 0; i < 30; i++) await ask(carrying('STICKY_ROUTE', `route.node${1 + (i % 2)}`));
    const verdicts = [];
    for (const route of routes) verdicts.push((await trialAt(partly, route, chance, ask)).verdict);
    assert.deepEqual(verdicts, ['followed', 'followed', 'missed'], pick);
  }
});

test('of 300 balancers that look at nothing, none passes for all its nodes', async () => {
  for (let i = 0; i < 300; i++) {
    const fake: Fake = { nodes, follow: () => undefined, pick: picks[i % picks.length]! };
    const chance = seededChance(seed + i);
    const ask = fakeBalancer(fake, chance);
    const verdicts = [];
    for (const route of routes) verdicts.push((await trialAt(fake, route, chance, ask)).verdict);
    assert.ok(verdicts.includes('missed'), `seed ${seed + i}`);
    const guess = await follows(ask, chance, routes, (node) => carrying('STICKY_ROUTE', `route.${node}`));
    assert.equal(guess, false, `seed ${seed + i}`);
  }
});

test('where every request goes to the wanted node anyway, a trial is unsure, and ends', async () => {
  const fake: Fake = { nodes, follow: byCookie, pick: 'address' };
  const trial = await trialAt(fake, 'node1');
  assert.equal(trial.verdict, 'unsure');
  assert.deepEqual([...trial.controls.keys()], ['node1']);
  assert.equal((await trialAt(fake, 'node2')).verdict, 'followed');
});

test('a node that swallows requests is given up soon: each of them may take a whole timeout', async () => {
  const fake: Fake = { nodes: [{ route: 'node1', is: 'dead' }, ...nodes.slice(1)], follow: byCookie, asksReady: false };
  const { verdict, wanted } = await trialAt(fake, 'node1');
  assert.equal(verdict, 'missed');
  assert.deepEqual([...wanted], [['', 3]]);
});

test('a balancer that loses one visitor in four is caught, though most stay', async () => {
  const chance = seededChance(seed);
  const forgetful: Fake = {
    nodes,
    follow: (request, members) => (chance() < 1 / 4 ? undefined : byCookie(request, members)),
    pick: 'chance',
  };
  const verdicts = [];
  for (const route of [...routes, ...routes, ...routes])
    verdicts.push((await trialAt(forgetful, route, chance)).verdict);
  assert.ok(verdicts.includes('missed'));
});

test('trials that prove nothing make no carrier followed', () => {
  const carrier = {
    kind: 'sticky',
    name: 'STICKY_ROUTE',
    what: '',
    value: () => 'route.node1',
    quoted: false,
  } as const;
  const trial = (verdict: Trial['verdict']): Trial => ({ verdict, wanted: new Map(), controls: new Map() });
  const followed = (...verdicts: readonly Trial['verdict'][]) =>
    isFollowed({ carrier, trials: new Map(verdicts.map((verdict, index) => [`node${index}`, trial(verdict)])) });
  assert.equal(followed('unsure', 'unsure'), false);
  assert.equal(followed('unsure', 'followed'), true);
  assert.equal(followed('missed', 'followed'), false);
});
