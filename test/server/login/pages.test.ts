/** What holds for every page of a central node: headers, escaping, languages, sign-out, and what an address may not do. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import supertest from 'supertest';
import type { SiteConfig } from '../../../config/site.ts';
import { centralSite, markup, type TestSite } from '../support/site.ts';
import { type Visitor, visitor } from '../support/visitor.ts';

const host = 'sso.xyz.localhost:8080';
const app1 = 'https://app1.xyz.com/orders';
const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
const look: SiteConfig = {
  origin: undefined,
  name: `Müller & Söhne ${markup}`,
  logo: { type: 'image/svg+xml', bytes: svg },
  colours: { light: '#0f6b63', dark: '#6fd0c5' },
  languages: ['en', 'de'],
  help: { text: 'Ask <us>', href: 'https://help.xyz.com/?a=1&b="2"' },
};
let site: Omit<TestSite, 'restarted'>;
before(async () => {
  site = await centralSite({ site: { site: look } });
});
after(() => site.sso.stop());

async function signedOn(username = 'alice', password = 'wonderland'): Promise<Visitor> {
  const person = visitor(site.listener, host);
  await person.post('/login', { username, password, csrf: await person.csrf('/login') });
  return person;
}

test('check 37: every page says what a browser may do with it, allows no inline script, and is nobody else’s to keep', async () => {
  const [somebody, nobody] = [await signedOn(), visitor(site.listener, host)];
  const answers = [
    ...(await Promise.all(
      ['/', '/login', '/logout', '/account', '/nothing', '/receipts/AAAAAAAAAAAAAAAA', '/login?lang=de'].map((path) =>
        nobody.get(path),
      ),
    )),
    ...(await Promise.all(['/', '/logout', '/account'].map((path) => somebody.get(path)))),
  ];
  for (const { headers, text } of answers) {
    const policy = headers['content-security-policy']!;
    assert.match(
      policy,
      /default-src 'none'.*script-src 'self'.*form-action 'self' https:\/\/app1\.xyz\.com; frame-ancestors 'none'; base-uri 'none'/,
    );
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.doesNotMatch(text ?? '', /<script(?! src="\/follow\.js")|style="|\son\w+=/);
  }
  for (const path of ['/', '/login', '/logout', '/account']) {
    const { headers } = await somebody.get(path);
    assert.match(headers['cache-control']!, /no-store/);
    assert.match(headers['vary']!, /Cookie/);
  }
});

test('check 37: a logo is served as what it is, an SVG in a sandbox; the colours are a style sheet', async () => {
  const logo = await supertest(site.listener).get('/logo.svg');
  assert.equal(logo.headers['content-type'], 'image/svg+xml');
  assert.equal(logo.headers['x-content-type-options'], 'nosniff');
  assert.match(logo.headers['content-security-policy']!, /default-src 'none'.*sandbox$/);
  const colours = await supertest(site.listener).get('/colours.css');
  assert.match(colours.headers['content-type']!, /^text\/css/);
  assert.match(colours.text, /--accent: #0f6b63.*prefers-color-scheme: dark.*--accent: #6fd0c5/s);
  assert.equal((await supertest(site.listener).get('/logo.png')).status, 404);
});

test('check 38: markup in a name, a role, an address, an error and the site’s own name stays text on every page, in every language', async () => {
  const somebody = await signedOn(markup, 'apple');
  const nobody = visitor(site.listener, host);
  const payload = encodeURIComponent(`"><script>alert(1)</script><b>'`);
  for (const lang of ['en', 'de']) {
    const paths = ['/', '/login', '/logout', '/account', '/receipts/x', '/x'].flatMap((path) => [
      `${path}?lang=${lang}`,
      `${path}?lang=${lang}&return_to=${payload}&error=${payload}&page=${payload}&receipt=${payload}&retry_after=${payload}`,
      `${path}/${payload}?${payload}=${payload}`,
    ]);
    for (const path of paths)
      for (const person of [somebody, nobody]) {
        const { text } = await person.get(path);
        assert.doesNotMatch(text ?? '', /<script>|<b>|<i>role|<us>|alert\(1\)<|"Eve"/, path);
      }
  }
  await site.sso.endSubject(markup);
});

test('pages speak the browser’s language, then the one that was chosen; the cookie of it is small and the host’s own', async () => {
  const person = visitor(site.listener, host);
  assert.match(
    (await person.get('/login').set('Accept-Language', 'de-AT,de;q=0.9,en;q=0.1')).text,
    /<html lang="de".*Anmelden.*Passwort/s,
  );
  assert.match((await person.get('/login').set('Accept-Language', 'fr')).text, /<html lang="en"/);
  const chosen = await person.get('/login?lang=de&return_to=%2Faccount');
  assert.match(chosen.text, /<html lang="de"/);
  assert.match(
    chosen.headers['set-cookie']!.toString(),
    /latchkey-lang=de; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax/,
  );
  assert.match(chosen.text, /href="\/login\?return_to=%2Faccount&amp;lang=en" lang="en"/);
  assert.match((await person.get('/').set('Accept-Language', 'en')).text, /Niemand ist angemeldet/);
  assert.match((await person.get('/nothing')).text, /Diese Seite gibt es nicht/);
  assert.match((await person.get('/receipts/AAAAAAAAAAAAAAAA')).text, /Eine solche Quittung gibt es nicht/);
  const unknown = await visitor(site.listener, host).get('/login?lang=xx');
  assert.doesNotMatch(String(unknown.headers['set-cookie']), /lang/);
});

test('check 44: nothing but a form of ours signs anybody out: not a visit, an image, a frame, a prefetch or HEAD', async () => {
  const person = await signedOn();
  for (const headers of [
    {},
    { 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' },
    { 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Purpose': 'prefetch' },
  ])
    assert.match((await person.get('/logout').set(headers)).text, /Sign out\?/);
  await supertest(site.listener)
    .head('/logout')
    .set('Cookie', [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; '));
  const forged = await person.post('/logout', { csrf: 'x'.repeat(43) });
  assert.equal(forged.status, 403);
  assert.match(forged.text, /You are still signed on/);
  assert.equal((await person.post('/logout', {}).set('Sec-Fetch-Site', 'cross-site')).status, 403);
  assert.equal(
    (await person.post('/logout', { csrf: await person.csrf('/logout') }).set('Sec-Fetch-Site', 'same-site')).status,
    403,
  );
  assert.match((await person.get('/')).text, /Alice Example/);
});

test('check 45: after the receipt one may go on to where one came from, if it is allowed, and nowhere else', async () => {
  for (const [returnTo, expected] of [
    [app1, /<a class="button" href="https:\/\/app1\.xyz\.com\/orders">Go on to app1\.xyz\.com<\/a>/],
    ['https://evil.example/', undefined],
    ['//evil.example', undefined],
    ['javascript:alert(1)', undefined],
  ] as const) {
    const person = await signedOn();
    const csrf = await person.csrf(`/logout?return_to=${encodeURIComponent(returnTo)}`);
    const { status, headers } = await person.post('/logout', { csrf, return_to: returnTo });
    assert.equal(status, 303);
    assert.match(headers['location']!, /^\/receipts\/[\w-]+/);
    const { text } = await person.get(headers['location']!);
    assert.match(text, /You are signed out everywhere/);
    if (expected === undefined) assert.doesNotMatch(text, /evil|alert/);
    else assert.match(text, expected);
    // Whoever writes the address of a receipt leads nobody elsewhere.
    const forged = await person.get(
      `${headers['location']!.split('?')[0]}?return_to=${encodeURIComponent('https://evil.example/')}`,
    );
    assert.doesNotMatch(forged.text, /href="https:\/\/evil/);
  }
});

test('a sign-out form that is posted when nobody is signed on any more leads to the first page', async () => {
  const person = await signedOn();
  const csrf = await person.csrf('/logout');
  await site.sso.endSubject('alice');
  const { status, headers } = await person.post('/logout', { csrf });
  assert.equal(status, 303);
  assert.equal(headers['location'], '/');
});

test('check 46: a preflight of another origin is granted nothing', async () => {
  for (const path of ['/', '/login', '/logout', '/account/end-all', '/receipts/x']) {
    const { headers } = await supertest(site.listener)
      .options(path)
      .set('Origin', 'https://evil.example')
      .set('Access-Control-Request-Method', 'POST');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['access-control-allow-credentials'], undefined);
  }
});

test('check 43: whatever is posted is answered by 303 or by a page, never by 301, 302, 307 or 308', async () => {
  const person = visitor(site.listener, host);
  const statuses = [
    (await person.post('/login', { username: 'alice', password: 'wrong', csrf: await person.csrf('/login') })).status,
    (await person.post('/login', { username: 'alice', password: 'wonderland', csrf: await person.csrf('/login') }))
      .status,
    (await person.post('/account/end-others', { csrf: await person.csrf('/account') })).status,
    (await person.post('/logout', { csrf: await person.csrf('/logout') })).status,
  ];
  assert.deepEqual(statuses, [303, 303, 303, 303]);
});

test('check 47: neither Host nor X-Forwarded-Host is repeated in a page, a redirect or a cookie', async () => {
  const person = visitor(site.listener, 'evil.example');
  for (const path of [
    '/',
    '/login',
    '/logout',
    '/account',
    '/nothing',
    '/login?return_to=https%3A%2F%2Fevil.example%2Fx',
  ]) {
    const { text = '', headers } = await person.get(path).set('X-Forwarded-Host', 'evil.example');
    assert.doesNotMatch(text.replace(/name="return_to" value="\/x"/, ''), /evil\.example/, path);
    assert.doesNotMatch(`${headers['location']} ${headers['set-cookie']}`, /evil/);
  }
});

test('check 48: parameters that come twice, as lists or as objects count as nothing or are refused', async () => {
  const person = visitor(site.listener, host);
  const csrf = await person.csrf('/login');
  for (const path of [
    '/login?error=credentials&error=busy',
    '/login?error[a]=credentials',
    '/login?lang=de&lang=en',
    '/login?__proto__=1&constructor=2',
    '/account?page=1&page=2&receipt[]=x',
  ])
    assert.ok((await person.get(path)).status < 400, path);
  for (const body of [
    `csrf=${csrf}&username=alice&username=bob&password=wonderland`,
    `csrf=${csrf}&username[a]=alice&password=wonderland`,
    `csrf=${csrf}&__proto__=x&username=%zz&password=wonderland`,
  ]) {
    const answer = await person.post('/login').send(body);
    assert.equal(answer.status, 400, body);
  }
  assert.equal(
    (await person.post('/login').send(`csrf=${csrf}&csrf=${csrf}&username=alice&password=wonderland`)).status,
    403,
  );
  assert.equal(({} as Record<string, unknown>)['1'], undefined);
});

test('check 50: what is missing or too much is told in a sentence, without a stack, a version, a node or an id', async () => {
  const person = visitor(site.listener, host);
  for (const answer of [
    await person.get('/nothing'),
    await person.get('/%'),
    await person.get('/receipts/%ff'),
    await person.post('/nothing', {}),
    await person.post('/account/end', { sign_on: 'x' }),
    await person.post('/logout', { x: 'y'.repeat(20_000) }),
  ]) {
    assert.ok(answer.status >= 400 || answer.status === 303, String(answer.status));
    assert.doesNotMatch(answer.text ?? '', /node1|[Ee]xpress|\bat [\w.]+ \(|node_modules|Error:|127\.0\.0\.1/);
    assert.equal(answer.headers['x-powered-by'], undefined);
  }
});
