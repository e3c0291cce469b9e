/** Stories of VALVE-BEHAVIOUR.md 2.3: roles, applications that cannot ask, and asking again. */

import assert from 'node:assert/strict';
import express from 'express';
import type { ProtectOptions } from '../../sso/index.ts';
import type { ApplicationsOptions } from '../support/applications.ts';
import {
  A,
  B,
  C,
  copyOf,
  guarded,
  minutes,
  seconds,
  see,
  setCookies,
  signOn,
  ssoName,
  story,
  who,
} from '../support/story.ts';

story('V30: who lacks a role gets 403 and no challenge, and stays signed on', {}, async (it) => {
  const browser = await it.signedOn('alice');
  for (const app of [A, B, C]) {
    const response = await browser.get(`${app}/admin`).set('Accept', 'text/html').expect(403);
    assert.equal(response.get('WWW-Authenticate'), undefined);
    assert.deepEqual(setCookies(response, ssoName), []);
  }
  assert.equal(await guarded(browser, B), 200);
  await (await it.signedOn('bob')).get(`${A}/admin`).expect(200);
});

story(
  'V31: the roles in another application are those of the sign-on, as long as nobody gave others',
  {},
  async (it) => {
    const browser = await it.signedOn('bob', 'n1');
    for (const at of ['n1', 'n2']) {
      assert.deepEqual((await see(browser, `${B}/protected`, at)).roles, ['admin', 'customer']);
      await browser.get(`${B}/admin`, { at }).expect(200);
    }
    await it.cluster.at('n2').sso.setRoles('bob', ['guest']);
    for (const at of ['n1', 'n2']) assert.deepEqual((await see(browser, `${B}/protected`, at)).roles, ['guest']);
  },
);

story(
  'V33: with requireReauthentication a user who may not go on is challenged, and the sign-on stays',
  {
    options: {
      requireReauthentication: {
        everyMs: 0,
        check: ({ name }, req) => !(name === 'alice' && req.headers['x-no'] === 'yes'),
      },
    },
  },
  async (it) => {
    const browser = await it.signedOn();
    assert.equal(await guarded(browser, B), 200);
    const response = await browser.get(`${B}/protected`).set('X-No', 'yes').expect(401);
    assert.match(response.get('WWW-Authenticate') ?? '', /^Basic/, "B's own challenge");
    assert.deepEqual(setCookies(response, ssoName), []);
    assert.equal(await guarded(browser, B), 200);
  },
);

const mapped: ApplicationsOptions['more'] = (app, sso) => {
  const clerks: ProtectOptions['mapRoles'] = ({ roles }, name) => (roles.includes('admin') ? [`clerk of ${name}`] : []);
  app.get('/desk', sso.protect({ login: '/login', mapRoles: clerks }), (req, res) => {
    res.json({ roles: req.sso.roles, isClerk: req.sso.hasRole(`clerk of ${name(req.hostname)}`) });
  });
  app.get(
    '/desk/clerk',
    sso.protect({ login: '/login', mapRoles: clerks, roles: [`clerk of a`] }),
    (_req, res) => void res.json({}),
  );
  app.get('/desk/open', sso.mapRoles(clerks), (req, res) => void res.json({ roles: req.sso.roles }));
};
const name = (host: string) => (host.startsWith('app1') ? 'a' : host.startsWith('app2') ? 'b' : 'c');

story(
  'V37: an application derives its roles from the same identity, on every node, and the others see what it was',
  { nodes: ['n1', 'n2', 'n3'], apps: { more: mapped } },
  async (it) => {
    const browser = await it.signedOn('bob', 'n1');
    for (const at of ['n1', 'n2', 'n3']) {
      for (const app of [A, B, C]) {
        const role = `clerk of ${name(new URL(app).hostname)}`;
        assert.deepEqual((await browser.get(`${app}/desk`, { at })).body, { roles: [role], isClerk: true });
        assert.deepEqual((await browser.get(`${app}/desk/open`, { at })).body, { roles: [role] });
        assert.deepEqual((await see(browser, `${app}/public`, at)).roles, ['admin', 'customer']);
      }
      await browser.get(`${A}/desk/clerk`, { at }).expect(200);
      await browser.get(`${B}/desk/clerk`, { at }).expect(403);
    }
    await it.cluster.at('n3').sso.setRoles('bob', ['customer']);
    for (const at of ['n1', 'n2', 'n3']) {
      assert.deepEqual((await browser.get(`${A}/desk`, { at })).body, { roles: [], isClerk: false });
      await browser.get(`${A}/desk/clerk`, { at }).expect(403);
    }
  },
);

story(
  'V32: realms that check their users in different ways are warned about when they are mounted, unless a mapping says what roles mean there',
  {
    apps: {
      d: (sso) => {
        const app = express();
        const basic = (realm: string) => ({ realm, authenticate: () => ({ name: 'dora', roles: ['admin'] }) });
        app.get('/mapped', sso.protect({ basic: basic('mapped'), mapRoles: () => ['guest'] }), (req, res) => {
          res.json({ roles: req.sso.roles });
        });
        app.get('/as-it-is', sso.protect({ basic: basic('as it is') }), (req, res) => {
          res.json({ roles: req.sso.roles });
        });
        return app;
      },
    },
  },
  async (it) => {
    const warned = it.logged('n1', /realms .* mapRoles/);
    assert.deepEqual(
      warned.map(({ fields }) => fields),
      [{ realm: 'as it is', other: 'desk' }],
    );
    const browser = await it.signedOn('bob');
    const D = 'https://app4.xyz.test';
    assert.deepEqual((await browser.get(`${D}/mapped`).expect(200)).body, { roles: ['guest'] });
    assert.deepEqual((await browser.get(`${D}/as-it-is`).expect(200)).body, { roles: ['admin', 'customer'] });
  },
);

const ownWay: ApplicationsOptions['more'] = (app, sso) => {
  const challenge: ProtectOptions['challenge'] = async (req, res, next) => {
    const card = req.headers['x-card'];
    if (card === undefined) return void res.status(401).json({ show: 'card' });
    if (card === 'broken') return next(new Error('reader broken'));
    if (card === 'alice') await req.sso.open({ name: 'alice', roles: ['customer'] }, 'card');
    next();
  };
  app.get(
    '/vault',
    sso.protect({ challenge }),
    (req, res) => void res.json({ user: req.sso.principal?.name, how: req.sso.how }),
  );
  app.get('/vault/admin', sso.protect({ challenge, roles: ['admin'] }), (_req, res) => void res.json({}));
};

story(
  "V34: an application's own challenge asks, signs on, or fails; that it goes on proves nothing",
  { apps: { more: ownWay } },
  async (it) => {
    const browser = it.browser();
    await browser.get(`${A}/vault`).expect(401, { show: 'card' });
    await browser.get(`${A}/vault`).set('X-Card', 'broken').expect(500);
    const unproven = await browser.get(`${A}/vault`).set('X-Card', 'anything');
    assert.ok(unproven.status === 401 || unproven.status === 403, `${unproven.status}`);
    assert.equal(await who(browser, A), null);
    const response = await browser.get(`${A}/vault`).set('X-Card', 'alice').expect(200, { user: 'alice', how: 'card' });
    assert.equal(setCookies(response, ssoName).length, 1);
    await browser.get(`${A}/vault`).expect(200, { user: 'alice', how: 'card' });
    await browser.get(`${A}/vault/admin`).expect(403);
    assert.equal(await who(browser, B, 'n2'), 'alice');
  },
);

story(
  'V35: who came by a card and signs on with a form gets a new sign-on, which can be asked again; the old one is dead on all nodes',
  {
    nodes: ['n1', 'n2', 'n3'],
    options: {
      requireReauthentication: { everyMs: 0, check: (_principal, req) => req.sso.how === 'form' },
    },
    apps: { more: ownWay },
  },
  async (it) => {
    const browser = it.browser();
    await browser.get(`${A}/vault`, { at: 'n1' }).set('X-Card', 'alice').expect(200);
    const card = copyOf(it, browser);
    assert.equal(await guarded(browser, A, 'n2'), 401, 'nothing is kept by which a card could be asked again');
    assert.equal(await who(browser, A, 'n2'), 'alice', 'and the sign-on stays');
    await signOn(browser, 'alice', 'n2').expect(200);
    assert.notEqual(browser.cookie(ssoName), card.cookie(ssoName));
    assert.equal(await guarded(browser, A, 'n3'), 200);
    assert.equal((await see(browser, `${A}/protected`, 'n1')).how, 'form');
    for (const at of ['n1', 'n2', 'n3']) assert.equal(await who(copyOf(it, card), A, at), null);
    assert.deepEqual(it.causes('n1'), ['replaced']);
  },
);

story(
  'V36: an application that cannot ask answers 403 to strangers and serves who signed on elsewhere',
  {},
  async (it) => {
    const stranger = await it.browser().get(`${C}/protected`).expect(403);
    assert.equal(stranger.get('WWW-Authenticate'), undefined);
    const browser = await it.signedOn();
    assert.equal((await see(browser, `${C}/protected`, 'n2')).user, 'alice');
  },
);

story(
  "V36: its session keeps the sign-on alive when the others' are over",
  { options: { maxEmptyLife: 60 }, apps: { a: { idleMs: 30 * seconds }, c: { idleMs: 5 * minutes } } },
  async (it) => {
    const kept = await it.signedOn('alice');
    const lost = await it.signedOn('bob');
    assert.equal(await guarded(kept, C), 200);
    await it.cluster.advance(4 * minutes);
    assert.equal(await guarded(kept, A), 200, 'linked by C');
    assert.equal(await guarded(lost, A), 401, 'empty for longer than a minute');
  },
);

story(
  'V38: a role that is taken away is missing in the next request on every node, and one that is given is there',
  { nodes: ['n1', 'n2', 'n3'] },
  async (it) => {
    const browser = await it.signedOn('bob', 'n1');
    for (const at of ['n1', 'n2', 'n3']) await browser.get(`${B}/admin`, { at }).expect(200);
    await it.cluster.at('n3').sso.setRoles('bob', ['customer']);
    for (const at of ['n1', 'n2', 'n3']) await browser.get(`${B}/admin`, { at }).expect(403);
    await it.cluster.at('n1').sso.setRoles('bob', ['customer', 'admin']);
    for (const at of ['n2', 'n3', 'n1']) await browser.get(`${B}/admin`, { at }).expect(200);
  },
);

story(
  'V38: roles that were taken away do not come back with an older sign-on, and a newer sign-on brings its own',
  {},
  async (it) => {
    const old = await it.signedOn('bob', 'n1');
    await it.cluster.at('n2').sso.setRoles('bob', []);
    assert.deepEqual((await see(old, `${A}/public`, 'n1')).roles, []);
    await it.cluster.advance(10);
    await signOn(it.browser(), 'bob', 'n2').expect(200);
    assert.deepEqual(
      (await see(old, `${A}/public`, 'n1')).roles,
      ['admin', 'customer'],
      'the directory has just said so',
    );
    assert.equal(await who(old, A, 'n2'), 'bob');
  },
);
