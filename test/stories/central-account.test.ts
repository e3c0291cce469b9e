/**
 * The account page (checks 13, 28, 29, 38, 44, 48 of SECURITY.md) as people of `latchkey serve` find it, and those who
 * are after their sign-ons: two nodes as processes, known by their addresses alone.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { everythingOf, navigationOn, type Person, personAt, setCookies } from '../support/person.ts';
import { type Answered, form, header, headerLines, rawly } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';

const host = 'sso.xyz.test';
const origin = `https://${host}`;
const limit = 12;
const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0';
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';

let cluster: ServedCluster;
let one: Served;
let two: Served;
before(async () => {
  cluster = await serve(2, { cookieDomain: 'xyz.test', site: { origin }, maxSignOns: limit, log: { level: 'info' } });
  [one, two] = cluster.nodes as [Served, Served];
});
after(() => cluster.stop());

/** Each test begins with nobody of these signed on. */
beforeEach(async () => {
  for (const [name, password] of [
    ['alice', 'wonderland'],
    ['bob', 'builder'],
  ] as const) {
    const cleaner = await signedOn(name, password);
    await act(cleaner, '/account/end-all');
    assert.equal(await cleaner.isKnown(), false);
  }
});

async function signedOn(name = 'alice', password = 'wonderland', at = one, agent = firefox): Promise<Person> {
  const person = personAt(host, at, { 'User-Agent': agent });
  assert.equal((await person.signOn(name, password)).status, 303);
  assert.ok(await person.isKnown());
  return person;
}

const tokenOf = (person: Person) => person.cookies.get('__Secure-latchkey')!;

/** What the page calls its sign-ons, in its order. */
const handlesOf = ({ body }: Answered) =>
  [...body.matchAll(/name="sign_on" value="([^"]+)"/g)].map(([, handle]) => handle!);

async function handles(person: Person, at?: Served): Promise<readonly string[]> {
  return handlesOf(await person.get('/account', {}, at));
}

/** Presses a button of the page; resolves with the answer to the post. */
async function act(person: Person, action: string, fields: Readonly<Record<string, string>> = {}, at?: Served) {
  const csrf = await person.token('/account', at);
  return person.post(action, form({ csrf, ...fields }), {}, at);
}

/** Nobody, at any node, by this cookie. */
async function isDead(token: string): Promise<boolean> {
  const thief = personAt(host, one);
  for (const node of cluster.nodes) {
    thief.cookies.set('__Secure-latchkey', token);
    if (await thief.isKnown(node)) return false;
  }
  return true;
}

test('check 28: each sign-on is listed at each node with its device, address, time and last use, and which is this browser; no token, id or part of one is in the page', async () => {
  const desk = await signedOn('alice', 'wonderland', one, firefox);
  const telephone = await signedOn('alice', 'wonderland', two, iphone);
  await signedOn('bob', 'builder', two);
  for (const node of cluster.nodes) {
    const page = await desk.get('/account', {}, node);
    assert.equal(page.status, 200);
    const items = page.body.split('<li>').slice(1).join('');
    assert.equal(handlesOf(page).length, 2);
    assert.match(items, /Firefox on Windows\s*<[^>]*>This browser/);
    assert.match(items, /Safari on iPhone/);
    assert.equal(items.match(/>This browser</g)?.length, 1);
    assert.equal(items.match(/from 198\.18\.\d+\.\d+/g)?.length, 2);
    assert.ok((items.match(/<time datetime="20\d\d-/g)?.length ?? 0) >= 4, 'when it began, and when it was used');
    assert.doesNotMatch(page.body, /bob/i);
    for (const token of [tokenOf(desk), tokenOf(telephone)]) {
      const id = createHash('sha256').update(token).digest();
      const secrets = [
        token,
        id.toString('hex'),
        id.toString('base64url'),
        id.toString('base64'),
        id.toString('latin1'),
      ];
      for (const secret of secrets)
        assert.ok(!everythingOf(page).includes(secret.slice(0, 12)), `a part of ${secret} is in the page`);
    }
  }
  // Nor does what the audit calls a sign-on stand there.
  const named = cluster.nodes.flatMap(({ output }) =>
    [...output().matchAll(/"signOn":"([^"]+)"/g)].map(([, id]) => id!),
  );
  assert.ok(named.length >= 3);
  const page = (await desk.get('/account')).body;
  for (const id of named) assert.ok(!page.includes(id), id);
});

test('check 28: whichever node is asked, one of them is ended and only that; once it is said to be, both nodes refuse its cookie', async () => {
  for (const [opened, asked] of [
    [one, one],
    [one, two],
    [two, one],
    [two, two],
  ] as const) {
    const [own, lost, kept] = [
      await signedOn(),
      await signedOn('alice', 'wonderland', opened, iphone),
      await signedOn(),
    ];
    const page = await own.get('/account', {}, asked);
    const item = page.body.split('<li>').find((text) => text.includes('Safari on iPhone'))!;
    const sign_on = /name="sign_on" value="([^"]+)"/.exec(item)![1]!;
    const token = tokenOf(lost);
    const answer = await act(own, '/account/end', { sign_on }, asked);
    assert.equal(answer.status, 303);
    assert.match((await own.get(header(answer, 'location')!, {}, asked)).body, /Ended.*No node accepts it any more/s);
    assert.ok(await isDead(token));
    for (const person of [own, kept])
      for (const node of cluster.nodes) assert.ok(await person.isKnown(node), 'the others go on');
    // A second press, of an old page, ends nothing else.
    await act(own, '/account/end', { sign_on }, asked);
    assert.deepEqual((await handles(own, one)).length, (await handles(own, two)).length);
    assert.ok(await kept.isKnown());
    await act(own, '/account/end-all');
  }
});

test('check 28: "all others" leaves this browser, at any node; "everywhere" leaves none, clears the cookie and shows a complete receipt', async () => {
  const [own, ...others] = [await signedOn(), await signedOn('alice', 'wonderland', two), await signedOn()];
  const bob = await signedOn('bob', 'builder', two);
  const tokens = others.map(tokenOf);
  const kept = await act(own!, '/account/end-others', {}, two);
  assert.equal(kept.status, 303);
  for (const token of tokens) assert.ok(await isDead(token));
  for (const node of cluster.nodes) assert.ok(await own!.isKnown(node));
  const last = tokenOf(own!);
  const all = await act(own!, '/account/end-all', {}, one);
  assert.equal(all.status, 303);
  assert.ok(setCookies(all).some((line) => /^__Secure-latchkey=;.*max-age=0/i.test(line)));
  assert.ok(await isDead(last));
  const receipt = header(all, 'location')!;
  for (const node of cluster.nodes) {
    const json = await personAt(host, node).get(receipt, { Accept: 'application/json', 'Sec-Fetch-Mode': 'cors' });
    assert.equal((JSON.parse(json.body) as { state: string }).state, 'complete', node.name);
  }
  for (const node of cluster.nodes) assert.ok(await bob.isKnown(node), 'nobody else is touched');
});

test('check 28: nobody ends or learns of another user’s sign-on: not by its handle, its id, its token, nor by anything like them', async () => {
  const [alice, bob] = [await signedOn(), await signedOn('bob', 'builder', two)];
  const [bobs] = await handles(bob);
  const [alices] = await handles(alice);
  assert.notEqual(bobs, alices);
  const id = createHash('sha256').update(tokenOf(bob)).digest();
  const guesses = [
    ...[bobs!, tokenOf(bob), id.toString('base64url'), id.toString('hex'), bobs!.slice(0, -1), bobs!.toLowerCase()],
    ...[
      '',
      ' ',
      '0',
      '1',
      '*',
      '%',
      '..',
      'all',
      'null',
      'undefined',
      '__proto__',
      'constructor',
      `${alices!} `,
      `${alices!}=`,
    ],
    ...[
      `${alices!},${bobs!}`,
      `${alices!}\0`,
      'A'.repeat(22),
      'é'.repeat(22),
      'x'.repeat(10_000),
      `' or 1=1 --`,
      '{"$ne":1}',
    ],
  ];
  for (const node of cluster.nodes)
    for (const sign_on of guesses) {
      const answer = await act(alice, '/account/end', { sign_on }, node);
      assert.ok([303, 400].includes(answer.status), `${sign_on.slice(0, 40)}: ${answer.status}`);
      assert.ok(!everythingOf(answer).includes('bob'));
      assert.ok((await alice.isKnown(node)) && (await bob.isKnown(node)), sign_on.slice(0, 40));
    }
  assert.deepEqual(await handles(bob), [bobs]);
  assert.deepEqual(await handles(alice), [alices]);
});

test('check 28: what a page calls a sign-on is of no use to another browser of the same user whose form it is not', async () => {
  const [own, other] = [await signedOn(), await signedOn()];
  const csrf = await own.token('/account');
  const [, second] = await handles(own);
  const posted = await other.post('/account/end', form({ csrf, sign_on: second! }));
  assert.equal(posted.status, 403);
  const nobody = personAt(host, two);
  assert.equal((await nobody.post('/account/end-all', form({ csrf }))).status, 403);
  assert.ok((await own.isKnown()) && (await other.isKnown()));
});

test('check 29: sign-ons at both nodes at once leave as many as one user may have, the same at both', async () => {
  const persons = Array.from({ length: 2 * limit }, () => personAt(host, one));
  await Promise.all(
    persons.map(async (person, i) => {
      const at = cluster.nodes[i % 2]!;
      await person.signOn('bob', 'builder', {}, at);
    }),
  );
  const witness = await signedOn('bob', 'builder');
  const at = async (node: Served) => [...(await handles(witness, node))].sort();
  // News between the nodes takes milliseconds; whoever asks again sees it settled.
  for (let asked = 0; asked < 100 && (await at(one)).join() !== (await at(two)).join(); asked++);
  assert.deepEqual(await at(one), await at(two));
  assert.equal((await at(one)).length, limit);
  let known = 0;
  for (const person of persons) if (await person.isKnown(two)) known++;
  assert.equal(known, limit - 1);
});

test('checks 36, 44: nothing but a form of the page, posted from it, ends a sign-on: no visit, image, frame, prefetch, HEAD, other method or other site', async () => {
  const [alice, other] = [await signedOn(), await signedOn('alice', 'wonderland', two)];
  const mallory = await signedOn('bob', 'builder');
  const csrf = await alice.token('/account');
  const [, sign_on] = await handles(alice);
  const foreign = await mallory.token('/account');
  const cookie = `__Secure-latchkey=${tokenOf(alice)}; __Host-latchkey-pre=${alice.cookies.get('__Host-latchkey-pre') ?? 'x'}`;
  const fields = form({ csrf, sign_on: sign_on! });
  const actions = ['/account/end', '/account/end-others', '/account/end-all'];
  for (const action of actions) {
    const raw = (method: string, target: string, headers: Readonly<Record<string, string | undefined>>, body = '') =>
      rawly(
        one.port,
        `${method} ${target} HTTP/1.1\r\n${headerLines({
          ...navigationOn(host),
          Cookie: cookie,
          ...(body !== '' && {
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': String(body.length),
          }),
          ...headers,
        })}Connection: close\r\n\r\n${body}`,
      );
    const image = { 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Site': 'cross-site' };
    const tried = [
      await raw('GET', `${action}?${fields}`, image),
      await raw('GET', `${action}?${fields}`, { 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Site': 'cross-site' }),
      await raw('GET', `${action}?${fields}`, { Purpose: 'prefetch', 'Sec-Purpose': 'prefetch;prerender' }),
      await raw('GET', `${action}?${fields}&_method=POST`, {
        'X-HTTP-Method-Override': 'POST',
        'X-HTTP-Method': 'POST',
      }),
      await raw('HEAD', `${action}?${fields}`, {}),
      ...(await Promise.all(
        ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'].map((method) => raw(method, action, {}, fields)),
      )),
      await raw('POST', action, { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' }, fields),
      await raw('POST', action, { 'Sec-Fetch-Site': 'same-site', Origin: 'https://app3.xyz.test' }, fields),
      await raw('POST', action, { 'Sec-Fetch-Site': '', Origin: 'null' }, fields),
      await raw('POST', action, { 'Sec-Fetch-Site': 'none', Origin: 'null' }, fields),
      ...(await Promise.all(
        [
          'https://evil.test',
          'null',
          `http://${host}`,
          'https://app3.xyz.test',
          `${origin}:8443`,
          `${origin}.evil.test`,
        ].map((from) => raw('POST', action, { 'Sec-Fetch-Site': undefined, Origin: from }, fields)),
      )),
      await raw('POST', action, {}, form({ sign_on: sign_on! })),
      await raw('POST', action, {}, form({ csrf: foreign, sign_on: sign_on! })),
      await raw('POST', `${action}?csrf=${csrf}`, {}, form({ sign_on: sign_on! })),
      await raw('POST', action, { 'Content-Type': 'text/plain' }, fields),
    ];
    // OPTIONS may say what else there is.
    for (const answer of tried.filter((text) => !/\r\nAllow: POST\r\n/i.test(text))) {
      assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|30[1278])/, answer.slice(0, 200));
      assert.doesNotMatch(answer, /max-age=0/i, answer.slice(0, 400));
    }
    for (const node of cluster.nodes) assert.ok((await alice.isKnown(node)) && (await other.isKnown(node)), action);
  }
});

test('check 48: doubled, nested and odd fields end nothing but what a single field names; odd addresses are pages or refusals', async () => {
  const alice = await signedOn();
  for (let i = 0; i < 2; i++) await signedOn('alice', 'wonderland', two);
  const csrf = encodeURIComponent(await alice.token('/account'));
  const [, second, third] = await handles(alice);
  for (const fields of [
    `csrf=${csrf}&sign_on=${second}&sign_on=${third}`,
    `csrf=${csrf}&sign_on[]=${second}`,
    `csrf=${csrf}&sign_on[0]=${second}`,
    `csrf=${csrf}&sign_on[a]=${second}`,
    `csrf=${csrf}&sign_on[toString]=${second}`,
    `csrf=${csrf}&__proto__[sign_on]=${second}`,
    `csrf=${csrf}&constructor[prototype][sign_on]=${second}`,
    `csrf=${csrf}&csrf=${csrf}&sign_on=${second}`,
    `csrf[]=${csrf}&sign_on=${second}`,
    `csrf=${csrf}&sign_on=%ff%fe`,
    `csrf=${csrf}&sign_on`,
    `csrf=${csrf}`,
    `csrf=${csrf}&${'a=b&'.repeat(5_000)}sign_on=`,
    `csrf=${csrf}&a${'[b]'.repeat(2_000)}=c`,
    `csrf=${csrf}&sign_on=${'x'.repeat(300_000)}`,
    '=&=&=',
  ]) {
    const { status } = await alice.post('/account/end', fields);
    assert.ok([303, 400, 403, 413].includes(status), `${fields.slice(0, 80)}: ${status}`);
    assert.equal((await handles(alice, two)).length, 3, fields.slice(0, 80));
  }
  for (const target of [
    ...['0', '-1', '1e9', '99999999999999999999', 'NaN', 'Infinity', '2&page=3', '<b>', '%00', '1.5', ''].map(
      (page) => `?page=${page}`,
    ),
    ...[
      '?page[]=1',
      '?page[a]=1',
      '?__proto__[page]=1',
      '?receipt=__proto__',
      '?receipt=<script>',
      '?receipt=',
      '?receipt[]=a',
    ],
    ...[
      '?lang=xx',
      '?lang[]=de',
      '?lang=__proto__',
      '/',
      '//',
      '/%2e%2e/account',
      '?receipt=AAAAAAAAAAAAAAAA',
      '?%ff=%ff',
    ],
  ].map((rest) => `/account${rest}`)) {
    const answer = await alice.get(target);
    assert.ok([200, 303, 400, 404].includes(answer.status), `${target}: ${answer.status}`);
    assert.doesNotMatch(answer.body, /undefined|NaN|\[object|Infinity|<script>|native code|<b>/, target);
  }
  assert.equal((await handles(alice, two)).length, 3, 'and all of them go on');
});

test('check 38: what a browser calls itself, and where a proxy says it is, is text on the page', async () => {
  const markup = `<img src=x onerror=alert(1)>"'&--><script>x</script>`;
  const alice = await signedOn('alice', 'wonderland', one, `Mozilla/5.0 ${markup} ${'A'.repeat(4_000)}`);
  const another = personAt(host, two);
  await another.signOn('alice', 'wonderland', { 'X-Forwarded-For': markup, 'User-Agent': markup });
  for (const target of ['/account', '/account?lang=de', '/']) {
    const { body, status } = await alice.get(target);
    assert.equal(status, 200);
    assert.ok(!/<img|<script>x|onerror=alert\(1\)>/.test(body), target);
    assert.ok(body.length < 50_000, `${body.length}`);
  }
});

test('check 13: every answer of the account page is kept out of caches and varies with the cookie; whoever is not signed on learns nothing', async () => {
  const [alice, nobody] = [await signedOn(), personAt(host, two)];
  const csrf = await alice.token('/account');
  const answers = [
    await alice.get('/account'),
    await alice.post('/account/end', form({ csrf, sign_on: 'x' })),
    await nobody.get('/account'),
    await nobody.post('/account/end-all', form({ csrf })),
    await alice.post('/account/end-all', form({ csrf })),
    await alice.get('/account'),
  ];
  for (const answer of answers) {
    assert.match(header(answer, 'cache-control') ?? '', /\bno-store\b/);
    assert.match(header(answer, 'vary') ?? '', /\bcookie\b/i);
  }
  const asked = await nobody.get('/account');
  assert.deepEqual([asked.status, header(asked, 'location')], [303, '/login?return_to=%2Faccount']);
  assert.doesNotMatch(everythingOf(asked), /alice|sign-ons?<\/h2>/i);
});

test('check 28: of many forms that are nearly right (seeded) not one ends a sign-on', async () => {
  const alice = await signedOn();
  for (let i = 0; i < 3; i++) await signedOn('alice', 'wonderland', two);
  const csrf = await alice.token('/account');
  const all = await handles(alice);
  const seed = 20_261_121;
  const handle = fc.constantFrom(...all);
  const spoiled = fc
    .tuple(handle, fc.nat({ max: 21 }), fc.constantFrom('A', 'z', '0', '-', '_', '.', '%', '', 'AA'))
    .map(([text, at, by]) => text.slice(0, at) + by + text.slice(at + 1))
    .filter((text) => !all.includes(text));
  const spoiledCsrf = fc
    .tuple(fc.nat({ max: csrf.length - 1 }), fc.constantFrom('A', 'z', '', 'zz', '%00'))
    .map(([at, by]) => csrf.slice(0, at) + by + csrf.slice(at + 1))
    .filter((text) => text !== csrf);
  const fields = fc.oneof(
    fc.record({ csrf: fc.constant(csrf), sign_on: spoiled }),
    fc.record({ csrf: spoiledCsrf, sign_on: handle }),
    fc.record({ csrf: fc.constant(csrf), Sign_on: handle }),
    fc.record({ csrf: fc.constant(csrf), signOn: handle, sign_on: spoiled }),
    fc.record({ CSRF: fc.constant(csrf), sign_on: handle }),
  );
  await fc.assert(
    fc.asyncProperty(fields, fc.constantFrom(...cluster.nodes), async (posted, node) => {
      const { status } = await alice.post('/account/end', form(posted as Record<string, string>), {}, node);
      assert.ok([303, 400, 403].includes(status), `${status}`);
      assert.equal((await handles(alice, node)).length, all.length);
    }),
    { seed, numRuns: 300 },
  );
});
