/** Stories of VALVE-BEHAVIOUR.md 2.7: the route in the session's cookie, by which balancers find the node. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { SsoError, startNode, stickyRoute } from '../../sso/index.ts';
import { A, B, copyOf, deletes, see, setCookies, signOn, specification, ssoName, story } from '../support/story.ts';

const sessionName = '__Host-latchkey-a';

/** The raw header that sets a cookie of this name. */
function header(response: { get(name: 'Set-Cookie'): string[] | undefined }, name: string): string | undefined {
  return response.get('Set-Cookie')?.find((line) => line.startsWith(`${name}=`));
}

story(
  "V110: the session's cookie is id.route, bare of quotes and escapes; the SSO cookie has no route",
  {},
  async (it) => {
    for (const at of ['n1', 'n2']) {
      const browser = it.browser();
      const signed = await signOn(browser, 'alice', at).expect(200);
      const noted = await browser.post(`${A}/note?text=x`, { at }).expect(200);
      const line = header(noted, sessionName) ?? header(signed, sessionName);
      assert.match(line ?? '', new RegExp(`^${sessionName}=[A-Za-z0-9_-]{65}\\.${at};`));
      assert.match(header(signed, ssoName)!, new RegExp(`^${ssoName}=[A-Za-z0-9_-]{70};`));
    }
  },
);

story("V111: a session is found on another node; its id goes on with that node's route, set once", {}, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
  const [id] = browser.cookie(sessionName)!.split('.');
  const response = await browser.get(`${A}/session`, { at: 'n2' }).expect(200);
  assert.equal(response.body.note, 'kept');
  assert.deepEqual(
    setCookies(response, sessionName).map(({ value }) => value),
    [`${id}.n2`],
  );
  const again = await browser.get(`${A}/session`, { at: 'n2' }).expect(200);
  assert.deepEqual(setCookies(again), [], 'set once');
  assert.equal(again.body.note, 'kept');
});

story(
  "V111: also for a visitor who isn't signed on, and with the first node dead",
  { nodes: ['n1', 'n2', 'n3'] },
  async (it) => {
    const browser = it.browser();
    await browser.post(`${A}/note?text=basket`, { at: 'n1' }).expect(200);
    const [id] = browser.cookie(sessionName)!.split('.');
    await it.cluster.kill('n1');
    assert.equal((await see(browser, `${A}/session`, 'n3')).note, 'basket');
    assert.equal(browser.cookie(sessionName), `${id}.n3`);
  },
);

story(
  'V112, V112b: parallel requests with the old route are one session, under the same new cookie',
  {},
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=kept`, { at: 'n1' }).expect(200);
    const old = copyOf(it, browser);
    const answers = await Promise.all(
      [1, 2, 3].map(() => copyOf(it, browser).get(`${A}/session`, { at: 'n2' }).expect(200)),
    );
    assert.deepEqual(
      answers.map(({ body }) => body.note),
      ['kept', 'kept', 'kept'],
    );
    assert.equal(
      new Set(answers.flatMap((answer) => setCookies(answer, sessionName).map(({ value }) => value))).size,
      1,
    );
    assert.equal((await see(old, `${A}/session`, 'n2')).note, 'kept', 'the old spelling once more');
    assert.deepEqual(
      it.entries('n2', 'alice').map(({ sessions }) => sessions.length),
      [1],
    );
  },
);

story('V113: a cookie of no session is neither rewritten nor adopted', {}, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await browser.post(`${A}/note?text=x`, { at: 'n1' }).expect(200);
  const dead = browser.cookie(sessionName)!;
  await browser.post(`${A}/logout`).expect(200);
  for (const value of [dead, 'made-up.n1', `${'A'.repeat(65)}.n1`]) {
    const response = await it
      .browser()
      .get(`${A}/public`, { at: 'n2' })
      .set('Cookie', `${sessionName}=${value}`)
      .expect(200);
    assert.ok(setCookies(response, sessionName).every(deletes), value);
    const noted = await it
      .browser()
      .post(`${A}/note?text=y`, { at: 'n2' })
      .set('Cookie', `${sessionName}=${value}`)
      .expect(200);
    const [fresh] = setCookies(noted, sessionName);
    assert.notEqual(fresh?.value.split('.')[0], value.split('.')[0], 'a new id');
  }
});

story('V114: a route may have dots itself: the id ends at the first', { nodes: ['west.n1', 'west.n2'] }, async (it) => {
  const browser = await it.signedOn('alice', 'west.n1');
  await browser.post(`${A}/note?text=kept`, { at: 'west.n1' }).expect(200);
  const [id, ...route] = browser.cookie(sessionName)!.split('.');
  assert.equal(route.join('.'), 'west.n1');
  assert.equal((await see(browser, `${A}/session`, 'west.n2')).note, 'kept');
  assert.equal(browser.cookie(sessionName), `${id}.west.n2`);
});

test('V116: a route that no balancer can carry is refused at start', async () => {
  const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
  for (const route of ['a;b', 'a,b', 'a b', '"a"', '.', 'a.', '.a', 'a..b', '', 'ä', 'a\nb', 'a=b']) {
    await assert.rejects(
      startNode({ secret, route }),
      (error) =>
        error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && error.message.startsWith('route: '),
      JSON.stringify(route),
    );
  }
});

story(
  'the STICKY_ROUTE hook names the node of the sign-on for a day, unquoted, and takes the cookie away at logout',
  { options: { hooks: { onSignOn: [stickyRoute()] } } },
  async (it) => {
    const browser = it.browser();
    const signed = await signOn(browser, 'alice', 'n2').expect(200);
    const [issued] = setCookies(signed, 'STICKY_ROUTE');
    assert.match(header(signed, 'STICKY_ROUTE')!, /^STICKY_ROUTE=route\.n2;/);
    assert.deepEqual([issued?.path, issued?.maxAge], ['/', 86_400]);
    const moved = setCookies(await browser.get(`${A}/protected`, { at: 'n1' }), 'STICKY_ROUTE');
    assert.deepEqual(
      moved.map(({ value }) => value),
      ['route.n1'],
      'another node answers: the browser is kept there',
    );
    assert.deepEqual(setCookies(await browser.get(`${A}/protected`, { at: 'n1' }), 'STICKY_ROUTE'), [], 'once');
    const [deleted] = setCookies(await browser.post(`${A}/logout`, { at: 'n1' }).expect(200), 'STICKY_ROUTE');
    assert.ok(deletes(deleted!));
    assert.deepEqual(specification(deleted!), specification(issued!));
    assert.equal(browser.cookie('STICKY_ROUTE', B), undefined);
  },
);
