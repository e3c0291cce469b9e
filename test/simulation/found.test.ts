/** Histories that the simulation has found, each shortened to what it needs: rare by chance, so they are kept by name. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryNetwork } from '../../sso/channel/memory.ts';
import { Heart } from '../../sso/heart.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { votersOf } from '../../sso/logout/voters.ts';
import { seededRandom } from '../../sso/random.ts';
import { type Host, Schedule } from './schedule.ts';

const minuteMs = 60_000;
/** The absolute life of a sign-on. An end of a user is remembered for about three minutes longer. */
const lifeMs = 10 * minuteMs;
const keys = deriveKeys('fV3nT8qLx2Zr7Wc5Ky9Hd4Js6Pb1Mg0Q');

/** Nodes that can be started at any time, in a network without faults. */
function world() {
  const schedule = new Schedule();
  const network = memoryNetwork({ clock: schedule.clockOf(), random: seededRandom(1) });
  let incarnation = 0;
  const pass = async (ms: number) => {
    const until = schedule.now + ms;
    await schedule.settle();
    while (await schedule.step(until));
  };
  const start = async (node: string, skewMs = 0): Promise<Heart> => {
    const clocks = { skewMs, drift: 0 };
    const host: Host = { clocks, bornAt: schedule.now, gone: false, paused: false, held: undefined };
    const self = { node, incarnation: ++incarnation };
    const heart = new Heart({
      self,
      route: node,
      address: node,
      channel: network.channel(self),
      voters: votersOf(['n1'], node),
      clock: schedule.clockOf(host),
      random: seededRandom(incarnation),
      keys,
      registry: { lifeMs },
    });
    void heart.start();
    await pass(10_000);
    return heart;
  };
  return { schedule, pass, start };
}

function signOn({ registry }: Heart, name: string, ...roles: string[]) {
  const opened = registry.openNow({ principal: { name, roles }, how: 'form', mark: registry.mark() });
  assert.ok(opened);
  return opened;
}

test('S8: a user is ended again after the first end was forgotten, and a sign-on that has seen the first one ends', async () => {
  const { start, pass } = world();
  const node = await start('n1');
  void node.registry.endSubject('ada');
  await pass(lifeMs - minuteMs);
  const { id } = signOn(node, 'ada');
  await pass(5 * minuteMs);
  assert.equal(node.subjects.get('ada'), undefined, 'the first end is forgotten');
  assert.equal(node.registry.look(id).state, 'open');
  void node.registry.endSubject('ada');
  assert.equal(node.registry.look(id).state, 'over');
});

test('D1: a sign-on that is opened just when its node has forgotten an old end of the user lives on the others, too', async () => {
  const { schedule, start, pass } = world();
  const early = await start('n1', 1_000);
  const late = await start('n2', -1_000);
  void early.registry.endSubject('ada');
  await pass(lifeMs);
  const giveUpAt = schedule.now + 10 * minuteMs;
  while (early.subjects.get('ada') !== undefined && schedule.now < giveUpAt) await pass(100);
  assert.notEqual(late.subjects.get('ada'), undefined, 'one has forgotten, the other has not yet');
  const { id } = signOn(early, 'ada');
  await pass(5_000);
  for (const node of [early, late]) assert.equal(node.registry.look(id).state, 'open');
});

test('S5: the roles that the latest sign-on brought stay in force when it ends, on nodes that never saw it as well', async () => {
  const { start, pass } = world();
  const first = await start('n1');
  const { entry } = signOn(first, 'ada', 'editor');
  await pass(1_000);
  const { id } = signOn(first, 'ada', 'reader');
  void first.registry.close(id, 'logout');
  await pass(5_000);
  const second = await start('n2');
  assert.deepEqual(first.registry.rolesOf(entry), ['reader']);
  assert.deepEqual(second.registry.rolesOf(entry), ['reader']);
});
