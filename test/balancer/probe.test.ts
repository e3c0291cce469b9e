/** The probe at a node: who gets an answer, what it says, and what a rest does. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express, { type Request, type RequestHandler, type Response } from 'express';
import fc from 'fast-check';
import supertest from 'supertest';
import { Passes, passMs } from '../../sso/balancer/passes.ts';
import { Probe } from '../../sso/balancer/probe.ts';
import type { ProbeAnswer } from '../../sso/balancer/probe-answer.ts';
import { type ProbeAsk, signProbe } from '../../sso/balancer/probe-pass.ts';
import type { AjpView } from '../../sso/balancer/saw.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { hosts, manualClock, secret } from '../valve/world.ts';

const newer = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
const reading: ProbeAsk = { method: 'GET', act: '', node: '', ms: '' };
const resting = (node: string, ms: string): ProbeAsk => ({ method: 'POST', act: 'rest', node, ms });

let nonces = 0;
const freshNonce = () => Buffer.from(String(++nonces).padStart(16, 'n')).toString('base64url');

interface Made {
  readonly clock: ReturnType<typeof manualClock>;
  readonly rests: number[];
  readonly probe: RequestHandler;
  /** A pass for this ask; by default of this moment, by the first secret. */
  pass(ask?: ProbeAsk, of?: { readonly at?: number; readonly secret?: string; readonly nonce?: string }): string;
}

function made(secrets: string | readonly string[] = secret, retired: readonly string[] = [], ajpOf?: AjpView): Made {
  const clock = manualClock();
  const rests: number[] = [];
  const probe = new Probe({
    keys: deriveKeys(secrets, retired).probe,
    clock,
    node: 'n1',
    standing: () => ({ state: 'up', ready: true, why: [] }),
    members: () => [{ node: 'n1', state: 'up', reachable: true }],
    cookies: () => ({ sso: { name: 'latchkey', secure: false }, sessions: [], sticky: [] }),
    rest: (forMs) => void rests.push(forMs),
    ajpOf,
  });
  return {
    clock,
    rests,
    probe: (req, res, next) => probe.handle(req, res, next),
    pass: (ask = reading, { at = clock.now(), secret: by = secret, nonce = freshNonce() } = {}) =>
      signProbe(by, ask, { at, nonce }),
  };
}

function asked({ probe }: Made, settings: Readonly<Record<string, unknown>> = {}, make = express) {
  const app = make();
  for (const [name, value] of Object.entries(settings)) app.set(name, value);
  app.use('/latchkey-probe', probe);
  app.use((_req, res) => void res.status(404).send('nothing here'));
  return supertest(app);
}

for (const { name, express: make } of hosts) {
  test(`whoever shows a pass of the secret is told how the request arrived (${name})`, async () => {
    const node = made();
    const answer = await asked(node, { 'trust proxy': 'loopback' }, make)
      .get('/latchkey-probe?x=1')
      .set({
        'Latchkey-Probe': node.pass(),
        Host: 'foo.bar.com',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-For': '203.0.113.7',
        Cookie: 'a="b"; a=c',
        Authorization: 'Basic c2VjcmV0',
      })
      .expect(200);
    assert.equal(answer.get('Cache-Control'), 'no-store');
    const { saw, node: route, version, now } = answer.body as ProbeAnswer;
    assert.deepEqual([route, version, now], ['n1', 1, node.clock.now()]);
    const { method, url, host, protocol, secure, ip, remoteAddress } = saw;
    assert.deepEqual(
      { method, url, host, protocol, secure, ip },
      {
        ...{ method: 'GET', url: '/latchkey-probe?x=1', host: 'foo.bar.com' },
        ...{ protocol: 'https', secure: true, ip: '203.0.113.7' },
      },
    );
    assert.match(remoteAddress ?? '', /127\.0\.0\.1$/);
    const seen = new Map(saw.headers.map(([header, value]) => [header.toLowerCase(), value]));
    assert.equal(seen.get('cookie'), 'a="b"; a=c');
    assert.equal(seen.get('x-forwarded-for'), '203.0.113.7');
    assert.equal(seen.has('authorization'), false, 'what is nobody’s business is not repeated');
    assert.ok(saw.headerBytes > 150);
  });
}

test('check 51: what a client claims in headers is shown as it came, and not believed where the host does not', async () => {
  const node = made();
  const { body } = await asked(node)
    .get('/latchkey-probe')
    .set({ 'Latchkey-Probe': node.pass(), 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.7' })
    .expect(200);
  const { saw } = body as ProbeAnswer;
  assert.deepEqual([saw.protocol, saw.secure], ['http', false]);
  assert.match(saw.ip ?? '', /127\.0\.0\.1$/);
});

test('everybody else gets what stands behind, as at any address where there is nothing', async () => {
  const node = made();
  const right = node.pass();
  const [at, nonce, mac] = right.split('.') as [string, string, string];
  const wrong: readonly (string | undefined)[] = [
    undefined,
    '',
    'x',
    `${at}.${nonce}`,
    `${Number(at) + 1}.${nonce}.${mac}`,
    `${at}.${nonce.slice(1)}A.${mac}`,
    `${at}.${nonce}.${mac.slice(1)}A`,
    `${at}.${nonce}.${mac}x`,
    `${right},${right}`,
    node.pass(reading, { secret: newer }),
    node.pass(resting('n1', '5')),
  ];
  const other = (await asked(node).get('/elsewhere')).text;
  for (const pass of wrong) {
    const answer = await asked(node)
      .get('/latchkey-probe')
      .set(pass === undefined ? {} : { 'Latchkey-Probe': pass });
    assert.deepEqual([answer.status, answer.text], [404, other], pass ?? 'no pass');
  }
  for (const method of ['put', 'delete', 'post'] as const)
    await asked(node)[method]('/latchkey-probe').set('Latchkey-Probe', node.pass()).expect(404);
});

test('whatever a request says, without a genuine pass nothing happens and nothing is thrown', () => {
  const node = made();
  const anything = fc.string({ unit: 'binary', maxLength: 60 });
  const near = fc
    .tuple(fc.nat(), fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), fc.stringMatching(/^[A-Za-z0-9_-]{43}$/))
    .map((parts) => parts.join('.'));
  const query = fc.oneof(
    anything,
    fc.constantFrom('act=rest&node=n1&ms=5', 'act=rest', 'act=%zz&ms=-1', 'ms=1e3&act=rest&node=n1', '__proto__=x'),
  );
  fc.assert(
    fc.property(fc.oneof(anything, near), fc.constantFrom('GET', 'POST', 'PUT', ''), query, (pass, method, asked) => {
      const req = { method, url: `/?${asked}`, headers: { 'latchkey-probe': pass } } as unknown as Request;
      let passedOn = 0;
      node.probe(req, {} as Response, () => (passedOn += 1));
      assert.deepEqual([passedOn, node.rests], [1, []]);
    }),
    { numRuns: 2_000 },
  );
});

test('a pass opens the probe once', async () => {
  const node = made();
  const pass = node.pass();
  await asked(node).get('/latchkey-probe').set('Latchkey-Probe', pass).expect(200);
  const again = await asked(node).get('/latchkey-probe').set('Latchkey-Probe', pass).expect(409);
  assert.deepEqual(again.body, { error: 'used', node: 'n1', now: node.clock.now() });
});

test('a pass that was made by another clock is told this one', async () => {
  const node = made();
  for (const off of [-passMs - 1, passMs + 1]) {
    const stale = await asked(node)
      .get('/latchkey-probe')
      .set('Latchkey-Probe', node.pass(reading, { at: node.clock.now() + off }))
      .expect(409);
    assert.deepEqual(stale.body, { error: 'stale', node: 'n1', now: node.clock.now() });
  }
  for (const off of [-passMs, passMs])
    await asked(node)
      .get('/latchkey-probe')
      .set('Latchkey-Probe', node.pass(reading, { at: node.clock.now() + off }))
      .expect(200);
});

test('a secret that is in force opens it; one that is retired, which verifies sign-ons still, does not', async () => {
  const node = made([newer, secret], ['Retired0retired0Retired0retired0Rx']);
  for (const by of [newer, secret])
    await asked(node)
      .get('/latchkey-probe')
      .set('Latchkey-Probe', node.pass(reading, { secret: by }))
      .expect(200);
  await asked(node)
    .get('/latchkey-probe')
    .set('Latchkey-Probe', node.pass(reading, { secret: 'Retired0retired0Retired0retired0Rx' }))
    .expect(404);
});

test('a rest is for the node that the pass names and no longer than a minute', async () => {
  const node = made();
  const post = (query: string, ask: ProbeAsk) =>
    asked(node).post(`/latchkey-probe?${query}`).set('Latchkey-Probe', node.pass(ask));
  await post('act=rest&node=n1&ms=60000', resting('n1', '60000')).expect(200);
  await post('act=rest&node=n1&ms=0', resting('n1', '0')).expect(200);
  assert.deepEqual(node.rests, [60_000, 0]);
  const { body } = await post('act=rest&node=n2&ms=5', resting('n2', '5')).expect(409);
  assert.equal(body.error, 'other-node');
  await post('act=rest&node=n1&ms=60001', resting('n1', '60001')).expect(404);
  await post('act=rest&node=n1&ms=50000', resting('n1', '5')).expect(404);
  await post('act=rest&act=rest&node=n1&ms=5', resting('n1', '5')).expect(404);
  await post('act=stop&node=n1&ms=5', { ...resting('n1', '5'), act: 'stop' }).expect(404);
  assert.deepEqual(node.rests, [60_000, 0]);
});

test('a pass that came to another node first is not used up by that', async () => {
  const node = made();
  const pass = node.pass(resting('n2', '5'));
  for (let i = 0; i < 2; i++) {
    const { body } = await asked(node)
      .post('/latchkey-probe?act=rest&node=n2&ms=5')
      .set('Latchkey-Probe', pass)
      .expect(409);
    assert.equal(body.error, 'other-node');
  }
});

test('what has the shape of a token or of a session id is left out of the cookies that are shown', async () => {
  const node = made();
  const token = 'T'.repeat(70);
  const id = 'i'.repeat(65);
  const { text, body } = await asked(node)
    .get('/latchkey-probe')
    .set({ 'Latchkey-Probe': node.pass(), Cookie: `latchkey=${token}; s="${id}.n1"; r=route.n1; p=${'x'.repeat(300)}` })
    .expect(200);
  assert.ok(!text.includes(token) && !text.includes(id));
  const cookie = (body as ProbeAnswer).saw.headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1];
  assert.equal(cookie, `latchkey=…; s="….n1"; r=route.n1; p=${'x'.repeat(300)}`);
});

test('it stands on a bare server, too, and tells what AJP said', async (t) => {
  const node = made(secret, [], () => ({ jvmRoute: 'n9', isSsl: true }));
  const server = createServer((req, res) => {
    node.probe(req as never, res as never, () => void res.writeHead(404).end());
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'Latchkey-Probe': node.pass() } });
  const { saw } = (await answer.json()) as ProbeAnswer;
  assert.deepEqual([saw.protocol, saw.secure, saw.ip, saw.localPort], ['http', false, '127.0.0.1', port]);
  assert.deepEqual(saw.ajp, { jvmRoute: 'n9', isSsl: true });
});

test('passes are remembered for as long as they are good, and no longer', () => {
  const clock = manualClock();
  const passes = new Passes(clock);
  const early = { at: clock.now() + passMs, nonce: 'early' };
  assert.equal(passes.show(early), 'fresh');
  clock.advance(2 * passMs - 1);
  assert.equal(passes.show(early), 'used');
  clock.advance(2);
  assert.equal(passes.show(early), 'stale');
});

test('only so many passes are remembered: more are refused until the first are forgotten', () => {
  const clock = manualClock();
  const passes = new Passes(clock, 3);
  const show = (nonce: string) => passes.show({ at: clock.now(), nonce });
  assert.deepEqual(['a', 'b', 'c', 'd'].map(show), ['fresh', 'fresh', 'fresh', 'too-many']);
  assert.equal(show('a'), 'used');
  clock.advance(2 * passMs);
  assert.deepEqual(['d', 'a'].map(show), ['fresh', 'fresh']);
});
