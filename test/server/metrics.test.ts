/** What the program counts beside the node: every series from the start, by words of ours. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisions } from '../../server/forward-auth/outcome.ts';
import { serverMetrics } from '../../server/metrics.ts';
import { parseExposition } from '../health/exposition.ts';

const round = { asked: 0, ended: 0, changed: 0, unanswered: 0, heldBack: 0, away: false };

test('what proxies were told is counted by the decision, and how long it took', async () => {
  const { registry, decided } = serverMetrics({ forwardAuth: true, recheck: false });
  const before = parseExposition(await registry.metrics()).get('latchkey_forward_auth_decisions_total')!;
  assert.deepEqual(
    before.labels.map(({ value }) => value),
    decisions,
  );
  assert.ok([...before.samples.values()].every((count) => count === 0));
  decided('signed-on', 0.07);
  decided('signed-on', 3);
  decided('refused', 0.2);
  const page = parseExposition(await registry.metrics());
  const counted = (decision: string) =>
    page
      .get('latchkey_forward_auth_decisions_total')!
      .samples.get(`latchkey_forward_auth_decisions_total{decision="${decision}"}`);
  assert.deepEqual([counted('signed-on'), counted('refused'), counted('stranger')], [2, 1, 0]);
  const took = page.get('latchkey_forward_auth_duration_seconds')!.samples;
  assert.equal(took.get('latchkey_forward_auth_duration_seconds_count'), 3);
  assert.equal(took.get('latchkey_forward_auth_duration_seconds_bucket{le="0.0001"}'), 1);
  assert.equal(page.has('latchkey_recheck_held_back'), false, 'of what does not happen here there is no series');
});

test('rounds of the re-check are counted by how they ended, people by what was found; who is held back is a gauge', async () => {
  const { registry, rechecked } = serverMetrics({ forwardAuth: false, recheck: true });
  rechecked({ ...round, asked: 10, ended: 2, changed: 1 });
  rechecked({ ...round, asked: 10, heldBack: 9 });
  rechecked({ ...round, asked: 5, unanswered: 5, away: true, heldBack: 0 });
  const page = parseExposition(await registry.metrics());
  const of = (name: string, label?: string) =>
    page.get(name)!.samples.get(label === undefined ? name : `${name}{result="${label}"}`);
  assert.deepEqual(
    ['done', 'held-back', 'away'].map((result) => of('latchkey_recheck_rounds_total', result)),
    [1, 1, 1],
  );
  assert.deepEqual(
    ['asked', 'ended', 'changed', 'unanswered'].map((result) => of('latchkey_recheck_people_total', result)),
    [25, 2, 1, 5],
  );
  assert.equal(of('latchkey_recheck_held_back'), 0);
});
