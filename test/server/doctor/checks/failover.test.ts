/** `--disturb`: what is said of a node that rests, for balancers that notice and for those that do not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ask } from '../../../../server/doctor/asking.ts';
import { type Disturbance, judgeFailover } from '../../../../server/doctor/checks/failover.ts';
import { examine } from '../../../../server/doctor/doctor.ts';
import { type Fake, fakeBalancer } from '../support/fake-balancer.ts';
import { right } from '../support/installations.ts';
import { seededChance } from '../support/seeded.ts';

const good = right['httpd by requests, which counts sticky requests as load']!;

/** Time passes by waiting only. */
function pace() {
  let now = 0;
  const wait = async (ms: number) => void (now += ms);
  return { now: () => now, wait, restMs: 6_000, everyMs: 100 };
}

async function disturbed(fake: Fake, seed = 5, around: (ask: Ask) => Ask = (ask) => ask) {
  const chance = seededChance(seed);
  const url = new URL('https://shop.xyz.com');
  const ask = around(fakeBalancer(fake, chance));
  const examination = await examine({ ask, chance, url, path: '/latchkey-probe', disturb: pace() });
  assert.equal(examination.kind, 'asked');
  return examination.kind === 'asked' ? examination.findings.find(({ check }) => check === 'failover')! : assert.fail();
}

test('new visitors go elsewhere, its own stay, and afterwards it is visited again', async () => {
  const { ok, says } = await disturbed(good);
  assert.equal(ok, true, says);
  assert.match(
    says,
    /^node\d rested: new visitors went elsewhere at once, none of \d+ requests failed; its own visitors stayed$/,
  );
});

test('a balancer that does not ask readyz sends new visitors all the time', async () => {
  const { ok, says, remedy } = await disturbed({ ...good, asksReady: false });
  assert.equal(ok, false);
  assert.match(says, /said for 6 s that it is not ready, and new visitors came there all the time/);
  assert.match(remedy!, /hcuri=\/readyz/);
});

test('visitors of a resting node who get errors are counted', async () => {
  const { ok, says } = await disturbed({ ...good, restStatus: 503 });
  assert.equal(ok, false);
  assert.match(says, /requests failed: 503/);
});

test('with one node nothing is disturbed', async () => {
  let rests = 0;
  const counting =
    (ask: Ask): Ask =>
    async (question) => {
      if (question?.rest !== undefined) rests++;
      return ask(question);
    };
  const { ok } = await disturbed(right['one node']!, 5, counting);
  assert.equal(ok, 'unknown');
  assert.equal(rests, 0);
});

test('the rest is ended even if the watching fails in the middle', async () => {
  const rests: number[] = [];
  const failing =
    (ask: Ask): Ask =>
    async (question) => {
      if (question?.rest !== undefined) rests.push(question.rest.ms);
      else if (rests.length > 0) throw new Error('a mistake of ours');
      return ask(question);
    };
  await assert.rejects(disturbed(good, 5, failing), /a mistake of ours/);
  assert.ok(rests.includes(6_000));
  assert.equal(rests.at(-1), 0);
});

const seen: Disturbance = {
  ...{ node: 'node2', lastNewAtMs: 1_900, requests: 200, failed: [], restMs: 10_000, isBack: true, server: '' },
  visitors: new Map([
    ['node2', 20],
    ['node1', 80],
  ]),
};

test('what was seen is judged: noticed after a while; never; by nginx, which asks nobody; never believed again', () => {
  const noticed = judgeFailover(seen);
  assert.equal(noticed.ok, true);
  assert.match(
    noticed.says,
    /elsewhere after 1\.9 s, none of 200 requests failed; its own visitors went elsewhere after a while/,
  );
  const never = { ...seen, lastNewAtMs: 8_900 };
  assert.equal(judgeFailover(never).ok, false);
  assert.equal(judgeFailover({ ...never, server: 'nginx/1.22.1' }).ok, 'unknown');
  assert.equal(judgeFailover({ ...never, server: 'nginx/1.22.1', failed: ['502'] }).ok, false);
  assert.match(judgeFailover({ ...seen, isBack: false }).says, /nobody has come back to it/);
});
