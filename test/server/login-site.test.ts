import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import supertest from 'supertest';
import { metricsSite } from '../../server/login/site.ts';
import { centralSite, silent, type TestSite } from './support/site.ts';
import { visitor } from './support/visitor.ts';

const host = 'sso.xyz.localhost:8080';
let site: Omit<TestSite, 'restarted'>;
before(async () => {
  site = await centralSite();
});
after(() => site.sso.stop());

test('a person signs on, is shown who they are, and signs out with a receipt', async () => {
  const person = visitor(site.listener, host);
  assert.match((await person.get('/')).text, /Nobody is signed on/);
  const csrf = await person.csrf('/login');
  const wrong = await person.post('/login', { username: 'alice', password: 'wrong', csrf });
  assert.equal(wrong.headers['location'], '/login?error=credentials');
  assert.match((await person.get('/login?error=credentials')).text, /role="alert"/);
  assert.equal((await person.post('/login', { username: ' ALICE ', password: 'wonderland', csrf })).status, 303);
  const { text } = await person.get('/');
  assert.match(text, /<h1>Alice Example<\/h1>/);
  assert.match(text, /<dd>customer<\/dd>/);
  const answer = await person.post('/logout', { csrf: await person.csrf('/logout') });
  assert.equal(answer.status, 303);
  const address = answer.headers['location']!;
  assert.match((await person.get(address)).text, /You are signed out everywhere/);
  const stranger = await supertest(site.listener).get(address).set('Accept', 'application/json');
  assert.equal(stranger.body.state, 'complete');
  assert.equal(address, `/receipts/${stranger.body.id}`);
  assert.match((await person.get('/')).text, /Nobody is signed on/);
});

test('check 36: the form is believed with its token alone, and from its own origin alone', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  const credentials = { username: 'alice', password: 'wonderland' };
  assert.equal((await person.post('/login', credentials)).status, 403);
  assert.equal((await person.post('/login', { ...credentials, csrf }).set('Sec-Fetch-Site', 'same-site')).status, 403);
  assert.equal((await visitor(site.listener, host).post('/login', { ...credentials, csrf })).status, 403);
  assert.match((await person.get('/')).text, /Nobody is signed on/);
});

test('the sign-in form leads back to the origins that are configured, and nowhere else', async () => {
  const locations = [];
  for (const returnTo of [
    'https://app1.xyz.com/orders',
    'https://evil.example/',
    '//evil.example',
    'javascript:alert(1)',
  ]) {
    const person = visitor(site.listener, host);
    const csrf = await person.csrf(`/login?return_to=${encodeURIComponent(returnTo)}`);
    locations.push(
      (await person.post('/login', { username: 'alice', password: 'wonderland', csrf, return_to: returnTo })).headers[
        'location'
      ],
    );
  }
  assert.deepEqual(locations, ['https://app1.xyz.com/orders', '/', '/', '/']);
});

test('check 50: health says whether to send requests here and names nobody; metrics are not on this address', async () => {
  const health = async (listener: TestSite['listener'], path: string) => {
    const { status, text, headers } = await supertest(listener).get(path);
    assert.equal(headers['set-cookie'], undefined);
    assert.doesNotMatch(text, /node1|127\.0\.0\.1|express/);
    return `${status} ${text}`;
  };
  assert.equal(await health(site.listener, '/livez'), '200 {"alive":true}\n');
  assert.match(await health(site.listener, '/readyz'), /^200 \{"ready":true,/);
  assert.match(await health(site.listener, '/metrics'), /^404 /);
  const draining = await centralSite();
  await draining.sso.drain();
  assert.match(await health(draining.listener, '/readyz'), /^503 .*"reason":"draining"/);
  assert.match(await health(draining.listener, '/livez'), /^200 /);
  await draining.sso.stop();
});

test('check 50: a receipt that nobody knows is a 404 that tells nothing', async () => {
  for (const id of ['AAAAAAAAAAAAAAAA', '..%2f..%2fetc', '%3Cscript%3E']) {
    const page = await visitor(site.listener, host).get(`/receipts/${id}`);
    assert.equal(page.status, 404);
    assert.match(page.text, /There is no such receipt/);
    assert.doesNotMatch(page.text, /node1|express|passwd|<script>|Error:/);
    const { status, body } = await supertest(site.listener).get(`/receipts/${id}`).set('Accept', 'application/json');
    assert.deepEqual([status, body.error], id.length === 16 ? [404, 'receipt-unknown'] : [400, 'receipt-id']);
    assert.doesNotMatch(JSON.stringify(body), /node1|express|passwd|<script>|Error:/);
  }
});

test('check 50: metrics, on an address of their own, count and name nobody', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  await person.post('/login', { username: 'alice', password: 'wonderland', csrf });
  const metrics = metricsSite(site.sso, silent);
  const { status, text } = await supertest(metrics).get('/metrics');
  assert.equal(status, 200);
  assert.match(text, /^latchkey_sign_ons_open [1-9]/m);
  assert.match(text, /^nodejs_eventloop_lag_seconds /m);
  assert.doesNotMatch(text, /alice|Alice/);
  assert.equal((await supertest(metrics).get('/')).status, 404);
});

test('the key set that verifies assertions is public', async () => {
  const { status, body } = await supertest(site.listener).get('/.well-known/jwks.json');
  assert.equal(status, 200);
  assert.ok(body.keys.length > 0);
  for (const key of body.keys) assert.equal(key.d, undefined, 'no private part');
});

test('check 47: a forged Host leads no sign-on elsewhere, and X-Forwarded-* of a stranger are not believed', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  const answer = await person
    .post('/login', { username: 'alice', password: 'wonderland', csrf, return_to: 'https://evil.example/x' })
    .set('X-Forwarded-Host', 'evil.example')
    .set('X-Forwarded-Proto', 'https');
  assert.equal(answer.headers['location'], '/');
  assert.equal(answer.headers['strict-transport-security'], undefined);
});
