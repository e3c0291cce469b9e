import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { Gauge, Registry, register } from 'prom-client';
import supertest from 'supertest';
import { Metrics, type MetricsOptions } from '../../sso/health/metrics.ts';
import type { HealthSnapshot } from '../../sso/health/snapshot.ts';
import { parseExposition } from './exposition.ts';
import { finality, picture, source, voters } from './picture.ts';

async function scrape(metrics: Metrics, options?: MetricsOptions) {
  const app = express().use('/metrics', metrics.handler(options));
  const answer = await supertest(app).get('/metrics').expect(200);
  assert.equal(answer.get('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(answer.get('Cache-Control'), 'no-store');
  return parseExposition(answer.text);
}

async function samples(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  return new Map([...(await scrape(metrics)).values()].flatMap((family) => [...family.samples]));
}

test('a scrape is well formed, and every metric is named by the conventions and explained', async () => {
  const families = await scrape(new Metrics(source()));
  assert.ok(families.size >= 35, `${families.size} families`);
  for (const [name, { type, help, samples }] of families) {
    assert.match(name, /^latchkey_[a-z_]+[a-z]$/);
    assert.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`);
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|count|sum|bucket)$/, 'base units');
    assert.match(help, /^[A-Z1].{10,}\.$/, `${name}: ${help}`);
    for (const value of samples.values()) assert.ok(Number.isFinite(value), name);
  }
});

test('what is goes into gauges, from one picture for each scrape', async () => {
  let taken = 0;
  const from = source(
    picture({
      finality: finality({ accepting: false, leases: [], outstanding: 4 }),
      queues: { frames: 7, 'disk-writes': 2 },
      clock: { offsetMs: -1_500, isWrong: false },
      diskFailure: 'ENOSPC',
      longLived: { open: { socket: 5, response: 2, work: 0 }, closed: { logout: 3 } },
    }),
  );
  const counting = {
    ...from,
    snapshot() {
      taken++;
      return from.shown;
    },
  };
  const shown = await samples(new Metrics(counting));
  assert.equal(taken, 1);
  const expected: Record<string, number> = {
    latchkey_sign_ons_open: 12,
    latchkey_sign_ons_closed: 3,
    latchkey_sessions_live: 20,
    latchkey_sessions_active: 9,
    latchkey_sessions_passivated: 5,
    'latchkey_sessions_placed{data="owned"}': 4,
    'latchkey_sessions_placed{data="kept"}': 3,
    'latchkey_sessions_placed{data="elsewhere"}': 6,
    latchkey_sessions_strays: 1,
    latchkey_ready: 0,
    'latchkey_not_ready{reason="without-quorum"}': 1,
    'latchkey_not_ready{reason="disk"}': 1,
    'latchkey_not_ready{reason="draining"}': 0,
    latchkey_accepting: 0,
    latchkey_leases_held: 1,
    latchkey_leases_quorum: 2,
    latchkey_voters: 3,
    latchkey_voter: 1,
    latchkey_lease_seconds: 6,
    'latchkey_when_cut_off{mode="refuse"}': 1,
    'latchkey_when_cut_off{mode="serve"}': 0,
    'latchkey_standing{standing="up"}': 1,
    latchkey_epoch: 1_800_000_000_000,
    latchkey_closings_outstanding: 4,
    'latchkey_members{state="up"}': 2,
    'latchkey_members{state="lost"}': 1,
    'latchkey_members{state="left"}': 0,
    latchkey_members_reachable: 2,
    'latchkey_queue_length{queue="frames"}': 7,
    'latchkey_queue_length{queue="disk-writes"}': 2,
    latchkey_clock_offset_seconds: -1.5,
    latchkey_disk_failed: 1,
    'latchkey_long_lived_connections{kind="socket"}': 5,
    'latchkey_long_lived_connections_closed_total{cause="logout"}': 3,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(shown.get(series), value, series);
});

test('a second scrape shows the second picture, and nothing of the first', async () => {
  const from = source(picture({ queues: { frames: 7 }, counters: { 'values-repaired': 5 } }));
  const metrics = new Metrics(from);
  await scrape(metrics);
  from.shown = picture({ queues: { closings: 1 }, counters: { 'values-repaired': 6 } });
  const shown = await samples(metrics);
  assert.equal(shown.get('latchkey_values_repaired_total'), 6);
  assert.equal(shown.get('latchkey_queue_length{queue="closings"}'), 1);
  assert.equal(shown.has('latchkey_queue_length{queue="frames"}'), false);
});

test('what happens is counted when it happens, and a cause that never was shows 0', async () => {
  const metrics = new Metrics(source());
  metrics.opened(true);
  metrics.opened(true);
  metrics.opened(false);
  metrics.ended('logout', true);
  metrics.ended('subject-ended', false);
  metrics.refused('credentials');
  metrics.answered('pending');
  const shown = await samples(metrics);
  const expected: Record<string, number> = {
    'latchkey_sign_ons_opened_total{through="this-node"}': 2,
    'latchkey_sign_ons_opened_total{through="another"}': 1,
    'latchkey_sign_ons_ended_total{cause="logout",through="this-node"}': 1,
    'latchkey_sign_ons_ended_total{cause="subject-ended",through="another"}': 1,
    'latchkey_sign_ons_ended_total{cause="epoch",through="another"}': 0,
    'latchkey_sign_ons_refused_total{reason="credentials"}': 1,
    'latchkey_sign_ons_refused_total{reason="limit"}': 0,
    'latchkey_logouts_total{state="pending"}': 1,
    'latchkey_logouts_total{state="complete"}': 0,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(shown.get(series), value, series);
});

test('how long logouts take is a histogram in seconds, with edges on both sides of T', async () => {
  const metrics = new Metrics(source());
  for (const ms of [3, 40, 6_500]) metrics.completed(ms);
  const shown = await samples(metrics);
  assert.equal(shown.get('latchkey_logout_duration_seconds_bucket{le="0.005"}'), 1);
  assert.equal(shown.get('latchkey_logout_duration_seconds_bucket{le="0.05"}'), 2);
  assert.equal(shown.get('latchkey_logout_duration_seconds_bucket{le="6"}'), 2);
  assert.equal(shown.get('latchkey_logout_duration_seconds_bucket{le="7"}'), 3);
  assert.equal(shown.get('latchkey_logout_duration_seconds_count'), 3);
  assert.ok(Math.abs(shown.get('latchkey_logout_duration_seconds_sum')! - 6.543) < 1e-9);
});

test('counters of gossip and channel have metrics of their own; a new one is shown by its name', async () => {
  const counters = {
    'sessions-gravitated': 8,
    comparisons: 9,
    frame: 1,
    'frame-shape': 2,
    overflow: 3,
    'dial-refused': 4,
    'leases-refused': 5,
  };
  const shown = await samples(new Metrics(source(picture({ counters }))));
  assert.equal(shown.get('latchkey_comparisons_total'), 9);
  assert.equal(shown.get('latchkey_session_gravitations_total'), 8);
  assert.equal(shown.get('latchkey_values_repaired_total'), 0);
  assert.equal(shown.get('latchkey_frames_dropped_total{reason="malformed"}'), 1);
  assert.equal(shown.get('latchkey_frames_dropped_total{reason="shape"}'), 2);
  assert.equal(shown.get('latchkey_frames_dropped_total{reason="overflow"}'), 3);
  assert.equal(shown.get('latchkey_occurrences_total{kind="dial-refused"}'), 4);
  assert.equal(shown.get('latchkey_occurrences_total{kind="leases-refused"}'), 5);
});

test('nothing personal is in a label: no address, no text of an error, and no flood of words', async () => {
  const counters: Record<string, number> = { 'alice@xyz.com': 1, 'eyJhbGciOi.J9': 2 };
  for (let i = 0; i < 500; i++) counters[`word-${i}`] = 1;
  const shown: HealthSnapshot = picture({
    counters,
    diskFailure: 'EACCES: permission denied, open data.mdb',
    finality: finality({ waitsFor: `the state of ${voters[2]}` }),
  });
  const families = await scrape(new Metrics(source(shown)));
  const labels = [...families.values()].flatMap((family) => family.labels);
  for (const { value } of labels) assert.match(value, /^([a-z][a-z0-9-]*|[0-9.]+|\+Inf)$/);
  const text = JSON.stringify(labels);
  for (const secret of ['alice', 'eyJ', 'example', '7800']) assert.ok(!text.includes(secret), secret);
  const occurrences = families.get('latchkey_occurrences_total')!.samples;
  assert.ok(occurrences.size <= 65, `${occurrences.size} series`);
  assert.equal(
    [...occurrences.values()].reduce((sum, count) => sum + count, 0),
    503,
    'what has no label of its own is counted as other',
  );
});

test('two nodes in one process do not mix, and the process-wide registry stays empty', async () => {
  const [one, other] = [new Metrics(source()), new Metrics(source())];
  one.opened(true);
  assert.equal((await samples(one)).get('latchkey_sign_ons_opened_total{through="this-node"}'), 1);
  assert.equal((await samples(other)).get('latchkey_sign_ons_opened_total{through="this-node"}'), 0);
  assert.deepEqual(register.getMetricsAsArray(), []);
});

test("a program's own metrics stand behind the node's on one page, which can still be read", async () => {
  const registry = new Registry();
  new Gauge({ name: 'shop_orders', help: 'Orders.', registers: [registry] }).set(7);
  const page = await scrape(new Metrics(source()), { also: registry });
  assert.equal(page.get('shop_orders')?.samples.get('shop_orders'), 7);
  assert.ok(page.has('latchkey_ready'));
});

test('metrics of the process come only when asked for, and once', async () => {
  const metrics = new Metrics(source());
  assert.equal((await scrape(metrics)).has('process_resident_memory_bytes'), false);
  assert.equal((await scrape(metrics, { processMetrics: true })).has('process_resident_memory_bytes'), true);
  metrics.handler({ processMetrics: true });
  assert.throws(() => metrics.handler({ defaults: true } as MetricsOptions), { code: 'ERR_CONFIG_INVALID' });
});
