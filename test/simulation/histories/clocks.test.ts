/**
 * What clocks may do at worst: oscillators that differ by all of the 0.2 % that leases allow for, one
 * wall clock of three that is an hour wrong while few others can be asked, answers about the time that
 * come late. Each script breaks a promise without the rule that it is named after (FINAL-LOGOUT.md, Leases,
 * Clocks and disk). Three voters, `refuse`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../../sso/errors.ts';
import { judgeHealed } from '../verdict.ts';
import { Script } from './script.ts';

const leaseMs = 6_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

test('S1: a lease is shorter than its note by twice the drift: an asker whose oscillator is 0.2 % slower than its givers’ outlasts no logout', async () => {
  const script = new Script();
  const { cluster, workload } = script.world;
  cluster.machine('n1').drift = 0.001;
  cluster.machine('n2').drift = 0.001;
  cluster.machine('n3').drift = -0.001;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(leaseMs);
  const given = () =>
    script
      .node('n3')
      .heart.finality.view()
      .leases.map(({ remainingMs }) => remainingMs);
  await script.until('n3 has just got its leases', () => given().every((ms) => ms > leaseMs - 30), 2_500);
  cluster.split([['n3']]);
  // When it is closed little is left of the leases: what is told of them as a rest has hardly an allowance for drift.
  await script.pass(leaseMs - 150);
  const ending = script.logOut('n1', id);
  for (let ms = 0; ms < 300; ms++) {
    await script.pass(1);
    workload.probeAll();
    script.hold();
  }
  assert.ok(ending.isComplete);
});

test('S3: of two clocks that are known, before a majority has agreed on the time, the later one decides what is over', async () => {
  const script = new Script({ lifeMs: minuteMs });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  script.crash('n3');
  cluster.leap('n3', -hourMs);
  await script.pass(5 * minuteMs);
  assert.equal(script.node('n2').heart.entries.get(id), undefined, 'nobody else has it any more');
  script.crash('n1');
  script.start('n3');
  await script.until('n3 accepts by the lease of n2', () => script.mayAccept('n3'), 2 * leaseMs);
  await script.pass(leaseMs);
  assert.ok(!script.accepts('n3', id));
});

test('D2: of two clocks that are known, before a majority has agreed on the time, the later one opens nothing that the third would refuse for an hour', async () => {
  const script = new Script();
  const { cluster, climate, model, checkers, schedule } = script.world;
  await script.begin();
  for (const name of cluster.names) script.crash(name);
  cluster.leap('n1', hourMs);
  script.start('n1');
  script.start('n2');
  for (const name of ['n1', 'n2']) await script.until(`${name} accepts`, () => script.mayAccept(name), 3 * leaseMs);
  const refused = ['n1', 'n2'].filter((name) => isRefused(() => script.open(name)));
  await script.pass(1_000);
  cluster.leap('n1', undefined);
  script.start('n3');
  await script.until('n3 accepts', () => script.mayAccept('n3'), 2 * leaseMs);
  const opened = ['n1', 'n2', 'n3'].map((name) => script.open(name));
  await script.pass(5_000);
  judgeHealed(cluster, climate, model, checkers, schedule.now);
  script.hold();
  assert.deepEqual(refused, ['n1', 'n2'], 'none of the two can tell which clock is right');
  for (const id of opened) for (const name of cluster.names) assert.ok(id && script.accepts(name, id));
});

test('S3: an answer about the time that took six seconds is none: its middle may be three seconds wrong', async () => {
  const askMs = 3_000;
  const script = new Script({ others: ['x1'], lifeMs: minuteMs, leaseMs: 3 * askMs, delay: { min: 1, max: 6_000 } });
  const { cluster, schedule } = script.world;
  await script.begin();
  const id = await script.signOn('x1');
  const { endsAt } = script.world.model.signOns.get(id)!;
  await script.pass(2_000);
  script.crash('x1');
  cluster.leap('x1', -hourMs);
  const heardAt = endsAt - 3_500;
  await script.pass(heardAt - 4 * askMs - 300 - schedule.now);
  // It recovers by one voter: that one's clock is no majority's, and is forgotten after 10 s.
  const silent = ['n2', 'n3'].map((from) => script.meddle('lose', { from, to: 'x1', types: ['grant'] }));
  script.start('x1');
  await script.until('x1 has recovered', () => script.standing('x1') === 'up', 1_000);
  for (const end of silent) end();
  const deaf = script.meddle('lose', { to: 'x1' });
  await script.pass(heardAt - 1_000 - schedule.now);
  deaf();
  const held = script.meddle('hold', { to: 'x1', types: ['grant'] });
  script.meddle('lose', { to: 'x1' });
  await script.pass(2_000);
  held();
  await script.pass(heardAt + 6_000 - schedule.now);
  script.release();
  await script.pass(10);
  assert.ok(!script.accepts('x1', id));
});

function isRefused(open: () => unknown): boolean {
  try {
    open();
    return false;
  } catch (error) {
    return error instanceof SsoError && error.code === 'ERR_UNAVAILABLE';
  }
}
