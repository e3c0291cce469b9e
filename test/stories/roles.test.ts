/** Stories of VALVE-BEHAVIOUR.md 2.3: roles, applications that cannot ask, and asking again. */

import assert from 'node:assert/strict';
import type { ProtectOptions } from '../../sso/index.ts';
import type { ApplicationsOptions } from '../support/applications.ts';
import { A, B, C, guarded, minutes, seconds, see, setCookies, signOn, ssoName, story, who } from '../support/story.ts';

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
