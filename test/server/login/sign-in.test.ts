/** The page with the form: tabs, old forms, words for what went wrong, and loops. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import supertest from 'supertest';
import { loginSite } from '../../../server/login/site.ts';
import { startNode } from '../../../sso/index.ts';
import { centralSite, markup, passwordCheck, silent, type TestSite } from '../support/site.ts';
import { visitor } from '../support/visitor.ts';

const host = 'sso.xyz.localhost:8080';
const app1 = 'https://app1.xyz.com/orders?a=1&b=2';
const to = (page: string, returnTo: string) => `${page}?return_to=${encodeURIComponent(returnTo)}`;
const alice = { username: 'alice', password: 'wonderland' };
let site: Omit<TestSite, 'restarted'>;
before(async () => {
  site = await centralSite();
});
after(() => site.sso.stop());

test('V28: whoever is signed on already is sent on from the login page at once, and keeps the sign-on', async () => {
  const person = visitor(site.listener, host);
  await person.post('/login', { ...alice, csrf: await person.csrf('/login') });
  const cookie = person.cookies.get('latchkey');
  for (const [path, expected] of [
    [to('/login', app1), app1],
    ['/login', '/'],
    [to('/login', '/account'), '/account'],
    [to('/login', 'https://evil.example/'), '/'],
    ['/login?return_to=/a&return_to=/b', '/'],
  ] as const) {
    const { status, headers } = await person.get(path);
    assert.deepEqual([status, headers['location']], [303, expected]);
  }
  assert.equal(person.cookies.get('latchkey'), cookie);
  assert.equal(site.sso.entries('alice').length, 1);
  await site.sso.endSubject('alice');
});

test('the form of a second tab finds the sign-on of the first and goes on; nobody is signed on twice', async () => {
  const person = visitor(site.listener, host);
  const forms = [];
  for (const path of ['/orders', '/cart', '/help'])
    forms.push({
      returnTo: `https://app1.xyz.com${path}`,
      csrf: await person.csrf(to('/login', `https://app1.xyz.com${path}`)),
    });
  for (const { returnTo, csrf } of forms) {
    const answer = await person.post('/login', { ...alice, username: ' Alice', csrf, return_to: returnTo });
    assert.deepEqual([answer.status, answer.headers['location']], [303, returnTo]);
  }
  assert.equal(site.sso.entries('alice').length, 1);
  await site.sso.endSubject('alice');
});

test('who types another name than the one that is signed on by now is told so, and asked again', async () => {
  const person = visitor(site.listener, host);
  const [first, second] = [await person.csrf('/login'), await person.csrf('/login')];
  await person.post('/login', { ...alice, csrf: first });
  const answer = await person.post('/login', { username: 'bob', password: 'builder', csrf: second, return_to: app1 });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /Somebody is signed on already.*Go on as Alice Example/s);
  assert.doesNotMatch(answer.text, /builder/);
  const csrf = /name="csrf" value="([^"]+)"/.exec(answer.text)![1]!;
  assert.equal((await person.post('/login', { username: 'bob', password: 'builder', csrf })).status, 303);
  assert.match((await person.get('/')).text, /<h1>bob<\/h1>/);
  assert.equal(site.sso.entries('alice').length, 0, 'replaced');
});

test('check 39: a form that is too old, of another browser, or tampered with is refused, and shown anew with what was typed', async () => {
  const stranger = visitor(site.listener, host);
  const foreign = await stranger.csrf('/login');
  const person = visitor(site.listener, host);
  const own = await person.csrf('/login');
  const begun = `${own.startsWith('A') ? 'B' : 'A'}${own.slice(1)}`;
  // The same bytes, written in another way.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const respelt = `${own.slice(0, -1)}${alphabet[alphabet.indexOf(own.at(-1)!) ^ 1]}`;
  assert.deepEqual(Buffer.from(respelt, 'base64url'), Buffer.from(own, 'base64url'));
  for (const csrf of [foreign, begun, respelt, '', 'x'.repeat(43)]) {
    const answer = await person.post('/login', { ...alice, username: markup, csrf, return_to: app1 });
    assert.equal(answer.status, 403);
    assert.match(answer.text, /role="alert".*Please sign on once more/s);
    assert.match(answer.text, /name="return_to" value="https:\/\/app1\.xyz\.com\/orders\?a=1&amp;b=2"/);
    assert.match(answer.text, /value="&lt;b&gt;&quot;Eve&quot;/);
    assert.doesNotMatch(answer.text, /wonderland|<b>/);
    assert.equal(/latchkey=/.test(String(answer.headers['set-cookie'])), false);
  }
  const shown = await person.post('/login', { ...alice, csrf: foreign });
  const csrf = /name="csrf" value="([^"]+)"/.exec(shown.text)![1]!;
  assert.equal((await person.post('/login', { ...alice, csrf })).status, 303, 'the new form works');
  // Used once: the visitor's cookie is gone with the sign-on.
  await person.post('/logout', { csrf: await person.csrf('/logout') });
  assert.equal((await person.post('/login', { ...alice, csrf })).status, 403);
});

test('check 39: a form of one node is answered by another that never heard of it', async () => {
  const second = await startNode({
    route: 'node2',
    secret: 'd5'.repeat(32),
    allowInsecureCookie: true,
    log: silent,
  });
  const other = loginSite({
    sso: second,
    log: silent,
    trustProxy: [],
    origins: [],
    authenticate: passwordCheck,
    isBusy: () => false,
  });
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  assert.equal((await visitor(other, host, person.cookies).post('/login', { ...alice, csrf })).status, 303);
  await second.stop();
});

test('what went wrong is said in words, tied to the fields, and nothing else of the address is repeated', async () => {
  const person = visitor(site.listener, host);
  const page = async (query: string) => (await person.get(`/login?${query}`)).text;
  assert.match(
    await page('error=credentials'),
    /<title>Error: Sign on.*role="alert".*The name or the password is not right.*aria-invalid="true" aria-describedby="problem"/s,
  );
  assert.match(await page('error=throttled&retry_after=40'), /Too many attempts.*try again in 40 seconds/s);
  assert.match(await page('error=throttled&retry_after=600'), /try again in 10 minutes/);
  assert.match(await page('error=throttled&retry_after=-1'), /try again in a while/);
  assert.match(await page('error=throttled&retry_after=%3Cb%3E'), /try again in a while/);
  assert.match(await page('error=busy'), /Too many people are signing on/);
  assert.match(await page('error=unavailable'), /it is not your password/);
  for (const error of ['nonsense', '<script>alert(1)</script>', '__proto__', 'constructor']) {
    const text = await page(`error=${encodeURIComponent(error)}`);
    assert.doesNotMatch(text, /role="alert"|alert\(1\)|nonsense/);
  }
});

test('while too many passwords are being verified the form says so at once, keeps where it leads, and works afterwards', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  site.load.busy = true;
  const refused = await person.post('/login', { ...alice, csrf, return_to: app1 });
  site.load.busy = false;
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
  assert.match(refused.text, /Too many people are signing on.*name="return_to" value="https:\/\/app1/s);
  assert.equal((await person.post('/login', { ...alice, csrf, return_to: app1 })).headers['location'], app1);
});

test('check 35: a form that is too large is a clean 413; a program gets JSON as before', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  const large = await person.post('/login', { ...alice, password: 'x'.repeat(1024 * 1024), csrf });
  assert.equal(large.status, 413);
  assert.match(large.text, /What was sent is too large/);
  const program = await supertest(site.listener)
    .post('/login')
    .set('Accept', 'application/json')
    .send({ ...alice, csrf });
  assert.deepEqual([program.status, program.body.error], [403, 'form-expired']);
});

test('a loop is broken after three rounds, by a page that names the cookie and why it does not come back; a new try is a new count', async () => {
  const person = visitor(site.listener, host);
  const round = () => person.get(to('/login', app1));
  await person.post('/login', { ...alice, csrf: await person.csrf(to('/login', app1)), return_to: app1 });
  assert.equal((await round()).status, 303);
  assert.equal((await round()).status, 303);
  const page = await round();
  assert.equal(page.status, 409);
  assert.match(page.text, /You keep being sent back here/);
  assert.match(page.text, /The cookie <code>latchkey<\/code> did not reach <strong>app1\.xyz\.com<\/strong>/);
  assert.match(page.text, /no cookieDomain is configured/);
  assert.equal((await round()).status, 303);
  await site.sso.endSubject('alice');
});

test('who signs on and out again and again for the same page is in no loop', async () => {
  const person = visitor(site.listener, host);
  for (let times = 0; times < 5; times++) {
    const csrf = await person.csrf(to('/login', app1));
    const { headers } = await person.post('/login', { ...alice, csrf, return_to: app1 });
    assert.equal(headers['location'], app1);
    await person.post('/logout', { csrf: await person.csrf('/logout') });
  }
});

test('a person whose browser keeps every cookie but that of the sign-on is told so after three forms', async () => {
  const person = visitor(site.listener, host);
  for (let times = 0; times < 3; times++) {
    const csrf = await person.csrf(to('/login', app1));
    assert.equal((await person.post('/login', { ...alice, csrf, return_to: app1 })).status, 303);
    person.cookies.delete('latchkey');
  }
  const page = await person.get(to('/login', app1));
  assert.equal(page.status, 409);
  assert.match(page.text, /each time your browser came back without the cookie.*<code>latchkey<\/code> did not reach/s);
  assert.equal((await person.get(to('/login', app1))).status, 200, 'the form again');
  await site.sso.endSubject('alice');
});

test('other pages, and the same one a minute later, are no loop; four tabs of different pages are none either', async () => {
  const person = visitor(site.listener, host);
  await person.post('/login', { ...alice, csrf: await person.csrf('/login') });
  for (let tab = 0; tab < 12; tab++)
    assert.equal((await person.get(to('/login', `https://app1.xyz.com/${tab}`))).status, 303);
  await site.sso.endSubject('alice');
});

test('a form that is sent three times by a browser without any cookie ends in a page that says cookies are blocked', async () => {
  let form: Record<string, string> = { csrf: 'x'.repeat(43) };
  const send = async () => {
    const person = visitor(site.listener, host);
    const answer = await person.post('/login', { ...alice, ...form, return_to: app1 });
    form = { csrf: 'x'.repeat(43), round: /name="round" value="(\d)"/.exec(answer.text)?.[1] ?? '' };
    return answer;
  };
  for (let times = 0; times < 3; times++) assert.match((await send()).text, /Please sign on once more/);
  const page = await send();
  assert.equal(page.status, 409);
  assert.match(page.text, /blocks or deletes cookies/);
});

test('check 12: over http nobody is asked for a password where the cookie goes over https alone', async () => {
  const secure = await centralSite({
    node: { allowInsecureCookie: false },
    site: {
      site: {
        origin: 'https://sso.xyz.com',
        name: 'Example',
        logo: undefined,
        colours: undefined,
        languages: ['en'],
        help: undefined,
      },
    },
  });
  const { status, text, headers } = await visitor(secure.listener, 'sso.xyz.com').get('/login');
  assert.equal(status, 403);
  assert.equal(headers['set-cookie'], undefined);
  assert.match(text, /needs a secure connection.*href="https:\/\/sso\.xyz\.com\/"/s);
  assert.doesNotMatch(text, /type="password"/);
  await secure.sso.stop();
});

test('the box to be remembered is there where the operator offers it, unticked, and nowhere else', async () => {
  assert.doesNotMatch((await visitor(site.listener, host).get('/login')).text, /checkbox/);
  const remembering = await centralSite({
    node: { remember: { lifeMs: 30 * 86_400_000 } },
    site: { rememberDays: 30 },
  });
  const person = visitor(remembering.listener, host);
  const { text } = await person.get('/login');
  assert.match(text, /type="checkbox" id="remember" name="remember" value="on"/);
  assert.match(text, /for 30 days/);
  assert.doesNotMatch(text, / checked/);
  const answer = await person.post('/login', { ...alice, remember: 'on', csrf: await person.csrf('/login') });
  assert.match(answer.headers['set-cookie']!.toString(), /latchkey=[^;]+; Max-Age=2[0-9]{6};/);
  assert.match((await person.get('/account')).text, /Kept signed on/);
  await remembering.sso.stop();
});

test('the form is one that password managers know', async () => {
  const { text } = await visitor(site.listener, host).get('/login');
  assert.match(
    text,
    /<label for="username">.*<input id="username" name="username"[^>]*autocomplete="username"[^>]*autofocus/s,
  );
  assert.match(
    text,
    /<label for="password">.*<input id="password"[^>]*type="password" autocomplete="current-password"/s,
  );
  assert.doesNotMatch(text, /<script|style=|onsubmit/);
});
