/** The route in the session's cookie, and sessions that another node made. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Express } from 'express';
import { SsoError } from '../../sso/errors.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, eventually, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

/** `/set` puts alice in, `/` says who is there, `/static` does not look; one application for each node. */
function cluster(
  routes: readonly (string | undefined)[],
  options: Partial<SessionOptions> = {},
): { world: World; apps: [Express, Express, Express]; visitor: Visitor } {
  const world = new World({ routes });
  const apps = world.nodes.map((node) =>
    application(node, options, (req, res) => {
      if (req.path === '/set') bag(req).user = 'alice';
      res.send(req.path === '/static' ? '-' : String(bag(req).user));
    }),
  );
  return { world, apps: apps as [Express, Express, Express], visitor: new Visitor() };
}

const three = ['node1', 'node2', 'node3'];
const routeOf = (visitor: Visitor) => visitor.cookie.slice(visitor.cookie.indexOf('.') + 1);
const idOf = (visitor: Visitor) => visitor.cookie.split('.')[0];

test('V110: the cookie is <id>.<route>, unquoted, its dot not encoded', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  assert.match(visitor.cookie, /^[A-Za-z0-9_-]{65}\.node1$/);
});

test('V111: another node finds the session by its id, goes on with it, and sets the cookie once with its own route', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const id = idOf(visitor);
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.equal(routeOf(visitor), 'node2');
  assert.equal(idOf(visitor), id);
  await visitor.get(apps[1]);
  assert.deepEqual(visitor.lines, []);
});

test('V111: also for a request that does not look at its session, with its maxAge', async () => {
  const { apps, visitor } = cluster(three, { cookie: { maxAge: 60_000 } });
  await visitor.get(apps[0], '/set');
  await visitor.get(apps[1], '/static');
  assert.equal(routeOf(visitor), 'node2');
  assert.match(visitor.lines[0]!, /Expires=/);
});

test('V112: two requests in parallel get the same cookie, and there is one session', async () => {
  const { world, apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const tabs = [visitor.copy(), visitor.copy()];
  const texts = await Promise.all(tabs.map(async (tab) => (await tab.get(apps[1])).text));
  assert.deepEqual(texts, ['alice', 'alice']);
  assert.equal(tabs[0]!.cookie, tabs[1]!.cookie);
  assert.equal(inUse(world.nodes[1]!).length, 1);
});

test('V112b: a late request with the old route finds the same session', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const late = visitor.copy();
  await visitor.get(apps[1]);
  assert.equal((await late.get(apps[1])).text, 'alice');
  assert.equal(late.cookie, visitor.cookie);
  assert.equal((await visitor.get(apps[1])).text, 'alice');
});

test('V113: where there is no such session, no cookie is rewritten and none is made', async () => {
  const { world, apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  world.clock.advance(86_400_000);
  for (const path of ['/', '/static']) {
    assert.notEqual((await visitor.get(apps[1], path)).text, 'alice');
    assert.deepEqual(visitor.lines, []);
  }
  assert.deepEqual(inUse(world.nodes[1]!), []);
});

test('V114: a route may have dots', async () => {
  const { apps, visitor } = cluster(['dom.n1', 'dom.n2']);
  await visitor.get(apps[0], '/set');
  assert.equal(routeOf(visitor), 'dom.n1');
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.equal(routeOf(visitor), 'dom.n2');
});

test('V115: without a route the id stands alone, and a suffix that arrives is ignored and left as it is', async () => {
  const { apps, visitor } = cluster([undefined, undefined]);
  await visitor.get(apps[0], '/set');
  assert.match(visitor.cookie, /^[A-Za-z0-9_-]{65}$/);
  visitor.cookie = `${visitor.cookie}.node9`;
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.deepEqual(visitor.lines, []);
});

test('V115: a cookie without a route gets one where there is one', async () => {
  const { apps, visitor } = cluster([undefined, 'node2']);
  await visitor.get(apps[0], '/set');
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.equal(routeOf(visitor), 'node2');
});

test('V110, V115: useRoute: false gives ids no route, looks nothing up by one, and never sets a cookie again for it (VALVE-BEHAVIOUR 1.10)', async () => {
  const { world, apps, visitor } = cluster(three, { useRoute: false });
  await visitor.get(apps[0], '/set');
  assert.match(visitor.cookie, /^[A-Za-z0-9_-]{65}$/);
  const bare = visitor.cookie;
  for (const value of [bare, `${bare}.node1`, `${bare}.node9`, `${bare}.`]) {
    visitor.cookie = value;
    for (const path of ['/', '/static']) {
      assert.equal((await visitor.get(apps[1], path)).text, path === '/' ? 'alice' : '-');
      assert.deepEqual(visitor.lines, [], `${value} on ${path}`);
    }
  }
  assert.equal(inUse(world.nodes[1]!).length, 1);
});

test('V112b: a cookie with the route of an earlier setting names the same session, in parallel with one without', async () => {
  const { world, apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const late = visitor.copy();
  const bare = world.nodes.map((node) =>
    application(node, { useRoute: false }, (req, res) => void res.send(String(bag(req).user))),
  );
  visitor.cookie = idOf(visitor)!;
  const texts = await Promise.all([late.get(bare[1]!), visitor.get(bare[1]!), late.copy().get(apps[1])]);
  assert.deepEqual(
    texts.map(({ text }) => text),
    ['alice', 'alice', 'alice'],
  );
  assert.equal(inUse(world.nodes[1]!).length, 1);
});

test('1.10: useRoute: true is what a node with a route does anyway, and an error at the start where there is none', async () => {
  const { apps, visitor } = cluster(three, { useRoute: true });
  await visitor.get(apps[0], '/set');
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.equal(routeOf(visitor), 'node2');
  const refused = (routes: readonly (string | undefined)[], useRoute: unknown) =>
    assert.throws(
      () => cluster(routes, { useRoute: useRoute as boolean }),
      (error) => error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && /^useRoute: /.test(error.message),
    );
  refused([undefined], true);
  for (const wrong of ['true', 1, 0, null, 'node1']) refused(['node1'], wrong);
});

test('an application whose ids have no route is no help to a balancer, and is not named to one', () => {
  const world = new World({ routes: ['node1'] });
  const mounted: string[] = [];
  const node = {
    ...world.node,
    parts: { ...world.node.parts, onMounted: ({ name }: { name: string }) => void mounted.push(name) },
  };
  application(node, { useRoute: false });
  application(node, { app: 'forum' });
  assert.deepEqual(mounted, ['latchkey-forum']);
});

test('V117, V16: an id in the URL is no id, and sets no cookie', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const { cookie } = visitor;
  const stranger = new Visitor();
  for (const path of [`/;jsessionid=${cookie}`, `/?latchkey-shop=${cookie}`, `/?jsessionid=${cookie}`]) {
    assert.equal((await stranger.get(apps[1], path)).text, 'undefined');
    assert.deepEqual(stranger.lines, []);
  }
});

test('check 9: nor is one in another header, a body or an Authorization', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const stranger = new Visitor();
  for (const name of ['authorization', 'x-session-id', 'latchkey-shop', 'cookie2']) {
    assert.equal((await stranger.get(apps[0], '/', { [name]: visitor.cookie })).text, 'undefined');
  }
  assert.equal(
    (await stranger.post(apps[0], '/', { 'latchkey-shop': visitor.cookie, sessionID: visitor.cookie })).text,
    'undefined',
  );
});

test('V120: a cookie with quotes of a predecessor is taken, and set again without', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const { cookie } = visitor;
  visitor.cookie = `"${cookie}"`;
  assert.equal((await visitor.get(apps[0])).text, 'alice');
  assert.equal(visitor.cookie, cookie);
});

test('of several cookies of the name the one whose session is there is taken', async () => {
  const { apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  const { cookie } = visitor;
  const gone = `${'x'.repeat(65)}.node1`;
  for (const header of [
    `latchkey-shop=${gone}; latchkey-shop=${cookie}`,
    `latchkey-shop=${cookie}; latchkey-shop=${gone}`,
    `latchkey-shop=; a=b; latchkey-shop="${cookie}"`,
  ]) {
    assert.equal((await new Visitor().get(apps[0], '/', { cookie: header })).text, 'alice', header);
  }
});

test('V24, check 7: malformed values are no sessions, ask nobody and change nothing', async () => {
  const { world, apps } = cluster(three);
  for (const value of [
    '',
    '.',
    'x',
    '"',
    '""',
    '%',
    '%00',
    'x'.repeat(5_000),
    `${'A'.repeat(65)}`,
    'j:{"$ne":1}',
    '__proto__',
    '../../etc',
  ]) {
    const res = await new Visitor().get(apps[0], '/', { cookie: `latchkey-shop=${value}` });
    assert.equal(res.text, 'undefined', value);
    assert.equal(res.headers['set-cookie'], undefined);
  }
  assert.deepEqual(world.node.copies.asked, []);
});

test('V81: a session that has not arrived here yet is asked for, once, and found', async () => {
  const { world, apps, visitor } = cluster(three);
  world.nodes[0]!.copies.lagging = true;
  await visitor.get(apps[0], '/set');
  const { asked } = world.nodes[1]!.copies;
  assert.equal((await visitor.get(apps[1])).text, 'alice');
  assert.equal(asked.length, 1);
  await visitor.get(apps[1]);
  assert.equal(asked.length, 1);
});

test('V82: when nobody answers, the request goes on without a session, its cookie stays, and later it works', async () => {
  const { world, apps, visitor } = cluster(three);
  world.nodes[0]!.copies.lagging = true;
  world.nodes[1]!.copies.cutOff = true;
  await visitor.get(apps[0], '/set');
  assert.equal((await visitor.get(apps[1])).text, 'undefined');
  assert.deepEqual(visitor.lines, []);
  await visitor.get(apps[1]);
  assert.equal(world.nodes[1]!.copies.asked.length, 1, 'not at every request');
  world.nodes[0]!.copies.catchUp();
  assert.equal((await visitor.get(apps[1])).text, 'alice');
});

test('what not everybody could be asked for is asked for again after a second', async () => {
  const { world, apps, visitor } = cluster(three);
  world.nodes[0]!.copies.lagging = true;
  world.nodes[1]!.copies.cutOff = true;
  await visitor.get(apps[0], '/set');
  await visitor.get(apps[1]);
  world.nodes[1]!.copies.cutOff = false;
  assert.equal((await visitor.get(apps[1])).text, 'undefined');
  world.clock.advance(1_000);
  assert.equal((await visitor.get(apps[1])).text, 'alice');
});

test("an id that we did not make is asked for nowhere; one of the application's own by who is signed on alone", async () => {
  const own = cluster(three);
  const forged = `${'A'.repeat(65)}.node1`;
  own.visitor.cookie = forged;
  await own.visitor.get(own.apps[1]);
  assert.deepEqual(own.world.nodes[1]!.copies.asked, []);

  const custom = cluster(three, { genid: () => 'apple' });
  custom.world.nodes[0]!.copies.lagging = true;
  custom.visitor.signOn = custom.world.open();
  await custom.visitor.get(custom.apps[0], '/set');
  const stranger = custom.visitor.copy();
  stranger.signOn = undefined;
  await stranger.get(custom.apps[1]);
  assert.deepEqual(custom.world.nodes[1]!.copies.asked, []);
  assert.equal((await custom.visitor.get(custom.apps[1])).text, 'alice');
});

test('V89: a session that looks unused here is asked for before it is called over', async () => {
  const { world, apps, visitor } = cluster(three, { idleMs: 60_000 });
  await visitor.get(apps[0], '/set');
  for (const { copies } of world.nodes) copies.lagging = true;
  world.clock.advance(50_000);
  await visitor.get(apps[0]);
  world.clock.advance(50_000);
  assert.equal((await visitor.get(apps[1])).text, 'alice');
});

test("the answer's last byte waits until a second member has the change, and reading waits for nothing", async () => {
  const { world, apps, visitor } = cluster(three);
  world.node.holdStored = true;
  let answered = false;
  const answer = visitor.get(apps[0], '/set').then(() => (answered = true));
  await eventually(() => world.node.waiting.length === 1);
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  world.node.waiting[0]!();
  await answer;
  assert.equal((await visitor.get(apps[0])).text, 'alice');
});

test('V88: what was written last is there when the node has stopped', async () => {
  const { world, apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  world.node.table.release('shop');
  assert.equal((await visitor.get(apps[2])).text, 'alice');
});

test('an anonymous session that two nodes move at once, each before it heard of the other, is one session', async () => {
  const { world, apps, visitor } = cluster(three);
  await visitor.get(apps[0], '/set');
  visitor.signOn = world.open();
  for (const { copies } of world.nodes) copies.lagging = true;
  const tabs = [visitor.copy(), visitor.copy()];
  await tabs[0]!.get(apps[0]);
  world.clock.advance(3);
  await tabs[1]!.get(apps[1]);
  assert.equal(idOf(tabs[0]!), idOf(tabs[1]!));
  for (const { copies } of world.nodes) copies.catchUp();
  assert.equal((await tabs[0]!.get(apps[2])).text, 'alice');
  assert.equal(world.nodes[2]!.table.linked(visitor.signOn).length, 1);
});
