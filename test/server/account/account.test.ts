/** The account page: one's own sign-ons, and nobody else's. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { handleOf } from '../../../server/account/handle.ts';
import { entriesPerPage } from '../../../server/account/view.ts';
import { centralSite, type TestSite } from '../support/site.ts';
import { type Visitor, visitor } from '../support/visitor.ts';

const host = 'sso.xyz.localhost:8080';
const firefox = 'Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0';
let site: Omit<TestSite, 'restarted'>;
before(async () => {
  site = await centralSite();
});
after(() => site.sso.stop());

async function signedOn(username = 'alice', password = 'wonderland', agent = firefox): Promise<Visitor> {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  await person.post('/login', { username, password, csrf }).set('User-Agent', agent);
  return person;
}

/** The handles of the page, in its order. */
const handles = (text: string) => [...text.matchAll(/name="sign_on" value="([^"]+)"/g)].map(([, handle]) => handle!);

test('check 28: a user sees each sign-on with its device, and which is this browser; no id and no token is in the page', async () => {
  const [one, other] = [await signedOn(), await signedOn('alice', 'wonderland', 'curl/8.14.1')];
  const { text, status } = await one.get('/account');
  assert.equal(status, 200);
  assert.match(text, /2 sign-ons/);
  assert.match(text, /Firefox on Windows\s*<span class="tag good">This browser<\/span>/);
  assert.match(text, /curl \(a program\)/);
  assert.match(text, /from 127\.0\.0\.1/);
  for (const { id } of site.sso.entries('alice')) assert.ok(!text.includes(id), 'a raw id');
  for (const person of [one, other]) assert.ok(!text.includes(person.cookies.get('latchkey')!), 'a token');
  await site.sso.endSubject('alice');
});

test('check 28: a user ends one sign-on by the page of another browser, from any of them; it is over at once', async () => {
  const [one, other] = [await signedOn(), await signedOn()];
  const page = (await one.get('/account')).text;
  const [own, second] = handles(page);
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)![1]!;
  const answer = await one.post('/account/end', { csrf, sign_on: second! });
  assert.equal(answer.status, 303);
  assert.match((await one.get(answer.headers['location']!)).text, /Ended.*No node accepts it any more.*One sign-on/s);
  assert.match((await other.get('/')).text, /Nobody is signed on/);
  assert.match((await one.get('/')).text, /Alice Example/);
  // Once more, and it says so; one's own is a sign-out.
  const again = await one.post('/account/end', { csrf, sign_on: second! });
  assert.match((await one.get(again.headers['location']!)).text, /Already ended/);
  const out = await one.post('/account/end', { csrf, sign_on: own! });
  assert.match((await one.get(out.headers['location']!)).text, /You are signed out everywhere/);
});

test('check 28: nobody sees or ends another user’s sign-on, not by its handle and not by its id', async () => {
  const [alice, bob] = [await signedOn(), await signedOn('bob', 'builder')];
  const [entry] = site.sso.entries('bob');
  const csrf = await alice.csrf('/account');
  assert.doesNotMatch((await alice.get('/account')).text, /bob/);
  const [bobs] = handles((await bob.get('/account')).text);
  assert.equal(bobs, handleOf('bob', entry!));
  for (const handle of [bobs!, handleOf('alice', entry!), entry!.id, '', '__proto__', 'A'.repeat(22)]) {
    const { headers } = await alice.post('/account/end', { csrf, sign_on: handle });
    assert.equal(headers['location'], '/account?receipt=none');
  }
  assert.match((await bob.get('/')).text, /<h1>bob<\/h1>/);
  await Promise.all(['alice', 'bob'].map((name) => site.sso.endSubject(name)));
});

test('check 28: all others end and this one stays; then everything ends, this one included', async () => {
  const [one, ...others] = [await signedOn(), await signedOn(), await signedOn()];
  const kept = await one!.post('/account/end-others', { csrf: await one!.csrf('/account') });
  assert.match((await one!.get(kept.headers['location']!)).text, /No node accepts it any more.*One sign-on/s);
  for (const other of others) assert.match((await other.get('/')).text, /Nobody is signed on/);
  const another = await signedOn();
  const all = await one!.post('/account/end-all', { csrf: await one!.csrf('/account') });
  assert.match(all.headers['location']!, /^\/receipts\//);
  assert.equal(one!.cookies.has('latchkey'), false);
  assert.match((await one!.get(all.headers['location']!)).text, /You are signed out everywhere/);
  for (const person of [one!, another]) assert.match((await person.get('/')).text, /Nobody is signed on/);
});

test('checks 36, 44: a visit, a forged form or one of another site ends nothing; who is not signed on is asked to sign on', async () => {
  const [one] = [await signedOn(), await signedOn()];
  const csrf = await one.csrf('/account');
  for (const path of ['/account/end', '/account/end-others', '/account/end-all']) {
    assert.equal((await one.get(path)).status, 404);
    assert.equal((await one.post(path, {})).status, 403);
    assert.equal((await one.post(path, { csrf: 'x'.repeat(43) })).status, 403);
    assert.equal((await visitor(site.listener, host).post(path, { csrf })).status, 403);
    assert.equal((await one.post(path, { csrf }).set('Sec-Fetch-Site', 'cross-site')).status, 403);
  }
  assert.equal(site.sso.entries('alice').length, 2);
  const stranger = await visitor(site.listener, host).get('/account');
  assert.deepEqual([stranger.status, stranger.headers['location']], [303, '/login?return_to=%2Faccount']);
  await site.sso.endSubject('alice');
});

test('check 48: odd pages and fields that come twice change nothing', async () => {
  const one = await signedOn();
  for (const page of ['0', '-1', '1e9', '9999', 'NaN', '2&page=3', '<b>'])
    assert.match((await one.get(`/account?page=${page}`)).text, /One sign-on/);
  const [handle] = handles((await one.get('/account')).text);
  const csrf = await one.csrf('/account');
  await one.post('/account/end').send(`csrf=${csrf}&sign_on=${handle}&sign_on=${handle}`);
  assert.equal(site.sso.entries('alice').length, 1);
  await site.sso.endSubject('alice');
});

test('many sign-ons are shown fifty a page, this browser’s first, and the page is made quickly', async () => {
  const one = await signedOn('bob', 'builder');
  for (let i = 0; i < 2 * entriesPerPage; i++) await signedOn('bob', 'builder');
  const first = (await one.get('/account')).text;
  assert.equal(handles(first).length, entriesPerPage);
  assert.match(first, /101 sign-ons.*This browser.*Page 1 of 3.*href="\/account\?page=2">Older/s);
  const last = (await one.get('/account?page=3')).text;
  assert.equal(handles(last).length, 1);
  assert.doesNotMatch(last, />This browser<|>Older/);
  const shown = new Set(
    (await Promise.all([1, 2, 3].map((page) => one.get(`/account?page=${page}`)))).flatMap(({ text }) => handles(text)),
  );
  assert.equal(shown.size, 101);
  await one.post('/account/end-others', { csrf: await one.csrf('/account') });
  assert.equal(site.sso.entries('bob').length, 1);
});
