/**
 * Cases V110 to V120 and V112b on a cluster, without a balancer: what the nodes say, and where mod_proxy_balancer and mod_jk
 * would lead a browser that keeps it. `routeOfHttpd` and `routeOfModJk` are compared with the real ones end to end.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Express } from 'express';
import expressSession from 'express-session';
import fc from 'fast-check';
import { httpdBalancer, routeOfHttpd } from '../../server/doctor/reading/httpd/route.ts';
import { jkBalancer, routeOfModJk } from '../../server/doctor/reading/mod-jk/route.ts';
import { type SsoNode, stickyRoute } from '../../sso/index.ts';
import { routeError } from '../../sso/route.ts';
import { cookieValue, parseCookieValue } from '../../sso/session/id.ts';
import type { Browser } from '../../sso/testing/index.ts';
import { A, copyOf, deletes, guarded, see, setCookies, signOn, ssoName, story } from '../support/story.ts';

const shop = '__Host-latchkey-a';
const sticky = 'STICKY_ROUTE';
const options = { hooks: { onSignOn: [stickyRoute()] } };
const apps = { more: (app: Express, sso: SsoNode) => void app.get('/readyz', sso.readyz()) };

/** The Cookie header that a browser would send. */
const headerOf = (browser: Browser) =>
  browser
    .cookies(A)
    .map((cookie) => cookie.cookieString())
    .join('; ');

/** Where the two balancers lead a browser that sends these cookies, by the cookie of this name; `balanced`: to any node. */
function led(header: string, cookie: string, routes: readonly string[] = ['n1', 'n2', 'n3']) {
  const httpd = routeOfHttpd(
    header,
    '/',
    httpdBalancer({ stickysession: cookie, members: routes.map((route) => ({ route })) }),
  );
  const jk = routeOfModJk(header, '/', jkBalancer({ cookie, members: routes.map((route) => ({ route })) }));
  return [httpd, jk].map((routing) => (routing.kind === 'member' ? routing.member.route : routing.kind));
}

story(
  'V110: by either cookie both balancers lead a browser to the node where it signed on',
  { options },
  async (it) => {
    for (const at of ['n1', 'n2']) {
      const browser = await it.signedOn('alice', at);
      await browser.post(`${A}/note?text=x`, { at }).expect(200);
      assert.deepEqual(led(headerOf(browser), shop), [at, at]);
      assert.deepEqual(led(headerOf(browser), sticky), [at, at]);
      assert.ok(!browser.cookie(ssoName)!.includes('.'), 'the sign-on itself is bound to no node');
    }
  },
);

test('V110, V114, V116: whatever the route and the id, both balancers read the route out of the cookie', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  const routes = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(routes, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (route, id) => {
      fc.pre(routeError(route) === undefined);
      const value = cookieValue(id, route);
      assert.deepEqual(led(`a=b; S=${value}; c=d`, 'S', [route, 'other']), [route, route]);
      assert.deepEqual(parseCookieValue(value, true), { id, route, quoted: false });
      assert.deepEqual(led(`R=route.${route}`, 'R', [route, 'other']), [route, route]);
    }),
  );
});

story(
  'V111: when its node has died the browser is led to the one that took over, by both cookies, each set once',
  { nodes: ['n1', 'n2', 'n3'], options },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
    await it.cluster.kill('n1');
    const moved = await browser.get(`${A}/session`, { at: 'n3' }).expect(200);
    assert.equal(moved.body.note, 'kept');
    assert.deepEqual(
      setCookies(moved)
        .map(({ key, value }) => [key, value.slice(value.indexOf('.'))])
        .sort(),
      [
        [sticky, '.n3'],
        [shop, '.n3'],
      ].sort(),
    );
    assert.deepEqual(led(headerOf(browser), shop), ['n3', 'n3']);
    assert.deepEqual(led(headerOf(browser), sticky), ['n3', 'n3']);
    assert.deepEqual(setCookies(await browser.get(`${A}/session`, { at: 'n3' })), []);
  },
);

story(
  'V112, V112b: parallel requests after a failover agree, and one that comes late with the old cookies is served',
  { options },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
    const late = copyOf(it, browser);
    const answers = await Promise.all(
      [1, 2, 3].map(() => copyOf(it, browser).get(`${A}/session`, { at: 'n2' }).expect(200)),
    );
    const lines = (answer: (typeof answers)[number]) =>
      setCookies(answer)
        .map(({ key, value }) => `${key}=${value}`)
        .sort();
    for (const answer of answers) {
      assert.equal(answer.body.note, 'kept');
      assert.deepEqual(lines(answer), lines(answers[0]!));
    }
    const again = await late.get(`${A}/session`, { at: 'n2' }).expect(200);
    assert.deepEqual([again.body.note, again.body.session], ['kept', answers[0]!.body.session]);
    assert.deepEqual(
      it.entries('n2', 'alice').map(({ sessions }) => sessions.length),
      [1],
    );
  },
);

story('V113: cookies of no session and no sign-on are neither rewritten nor adopted', { options }, async (it) => {
  for (const cookies of [`${shop}=${'A'.repeat(65)}.n1`, `${sticky}=route.n1`, `${shop}=x.n1; ${sticky}=route.n1`]) {
    const answer = await it.browser().get(`${A}/session`, { at: 'n2' }).set('Cookie', cookies).expect(200);
    assert.ok(setCookies(answer).every(deletes), cookies);
  }
});

story(
  'V114: a route with a domain leads to another node of the domain when its own is away',
  { nodes: ['west.n1', 'west.n2', 'east.n1'], options },
  async (it) => {
    const browser = await it.signedOn('alice', 'west.n1');
    await browser.post(`${A}/note?text=kept`, { at: 'west.n1' }).expect(200);
    for (const cookie of [shop, sticky]) {
      const members = ['west.n1', 'west.n2', 'east.n1'].map((route) => ({ route, isDown: route === 'west.n1' }));
      const routing = routeOfModJk(headerOf(browser), '/', jkBalancer({ cookie, members }));
      assert.deepEqual(routing.kind === 'balanced' && routing.among.map(({ route }) => route), ['west.n2']);
    }
    assert.equal((await see(browser, `${A}/session`, 'west.n2')).note, 'kept');
    assert.deepEqual(led(headerOf(browser), shop, ['west.n1', 'west.n2', 'east.n1']), ['west.n2', 'west.n2']);
  },
);

story('V117: an id or a route in the address is none, and sets no cookie', { options }, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await browser.post(`${A}/note?text=secret`, { at: 'n1' }).expect(200);
  const session = browser.cookie(shop)!;
  for (const address of [
    `/session;jsessionid=${session}`,
    `/session?${shop}=${session}`,
    `/session?${sticky}=route.n1`,
  ]) {
    const answer = await it.browser().get(`${A}${address}`, { at: 'n2' });
    assert.deepEqual(setCookies(answer), [], address);
    assert.notEqual(answer.body.note, 'secret');
  }
  const own = await browser.get(`${A}/session?${sticky}=route.n2`, { at: 'n1' }).expect(200);
  assert.deepEqual(setCookies(own), [], 'what the address says of a route is the balancer’s business alone');
});

story(
  'V118: a node that drains sends new visitors away, serves those it has, and what takes over keeps them',
  { nodes: ['n1', 'n2', 'n3'], options, apps },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
    const elsewhere = await it.signedOn('bob', 'n2');
    await elsewhere.post(`${A}/note?text=x`, { at: 'n2' }).expect(200);
    const visitor = it.browser();
    await visitor.post(`${A}/note?text=basket`, { at: 'n2' }).expect(200);
    await it.cluster.at('n1').sso.drain();

    const readyz = await it.browser().get(`${A}/readyz`, { at: 'n1' }).expect(503);
    assert.equal(readyz.body.why[0].reason, 'draining');
    const refused = await signOn(it.browser(), 'carol', 'n1').expect(503);
    assert.ok(refused.get('Retry-After'));
    assert.deepEqual(setCookies(refused, sticky), []);
    await signOn(it.browser(), 'carol', 'n2').expect(200);

    const stays = await browser.get(`${A}/protected/session`, { at: 'n1' }).expect(200);
    assert.equal(stays.body.note, 'kept');
    assert.deepEqual(setCookies(stays), []);
    for (const [strayed, note] of [
      [elsewhere, 'x'],
      [visitor, 'basket'],
    ] as const) {
      const answer = await strayed.get(`${A}/session`, { at: 'n1' }).expect(200);
      assert.equal(answer.body.note, note);
      assert.deepEqual(setCookies(answer), [], 'a node that is about to go binds nobody to itself');
    }

    await it.cluster.stopNode('n1');
    const moved = await browser.get(`${A}/protected/session`, { at: 'n2' }).expect(200);
    assert.equal(moved.body.note, 'kept');
    assert.deepEqual(
      [led(headerOf(browser), shop), led(headerOf(browser), sticky)],
      [
        ['n2', 'n2'],
        ['n2', 'n2'],
      ],
    );
  },
);

story(
  'a node that rests is unready for so long and by itself no longer; it signs on, serves, and keeps whom it has',
  { options, apps },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    it.cluster.at('n1').sso.rest(5_000);
    const resting = await it.browser().get(`${A}/readyz`, { at: 'n1' }).expect(503);
    assert.equal(resting.body.why[0].reason, 'resting');
    assert.equal(await guarded(browser, A, 'n1'), 200);
    await signOn(it.browser(), 'bob', 'n1').expect(200);
    await it.cluster.advance(4_900);
    await it.browser().get(`${A}/readyz`, { at: 'n1' }).expect(503);
    await it.cluster.advance(100);
    await it.browser().get(`${A}/readyz`, { at: 'n1' }).expect(200);
  },
);

story(
  "V119: express-session's signed cookie leads nowhere, its own store's too; the sticky cookie beside it does",
  {
    options,
    apps: {
      more: (app, sso) => {
        const keep = expressSession({
          ...{ name: 'signed', secret: 'keyboard cat', resave: false, saveUninitialized: true },
          store: sso.store({ app: 'signed' }),
        });
        app.get(
          '/signed',
          (req, _res, next) => {
            // As an application that has no `sso.sessions()` before it.
            for (const key of ['session', 'sessionID', 'sessionStore']) Reflect.deleteProperty(req, key);
            next();
          },
          keep,
          (_req, res) => void res.send('x'),
        );
      },
    },
  },
  async (it) => {
    const browser = await it.signedOn('alice', 'n2');
    await browser.get(`${A}/signed`, { at: 'n2' }).expect(200);
    const header = headerOf(browser);
    assert.match(header, /signed=s%3A[^;]*\./);
    assert.deepEqual(led(header, 'signed'), ['balanced', 'balanced']);
    assert.deepEqual(led(header, sticky), ['n2', 'n2']);
  },
);

story('V120: cookies in a predecessor’s quotes are taken, and set again without', { options }, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
  const quoted = headerOf(browser).replace(/(STICKY_ROUTE|__Host-latchkey-a)=([^;]*)/g, '$1="$2"');
  assert.deepEqual(led(quoted, sticky), ['balanced', 'n1'], 'the trap: mod_proxy_balancer strips no quotes');
  const answer = await it.browser().get(`${A}/session`, { at: 'n1' }).set('Cookie', quoted).expect(200);
  assert.equal(answer.body.note, 'kept');
  assert.deepEqual(
    setCookies(answer)
      .map(({ key, value }) => `${key}=${value}`)
      .sort(),
    [`${sticky}=route.n1`, `${shop}=${browser.cookie(shop)}`],
  );
});
