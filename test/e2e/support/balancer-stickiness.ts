/**
 * V110–V120 and V112b through a real balancer: a visitor stays where the route says, moves when that node
 * fails with everything that is theirs, and stays there. What the balancer sends where is seen from the
 * application's answer alone.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stage, sessionCookie, ssoCookie } from './balancer-stage.ts';
import { type Answer, cookieIn, type Visitor } from './visitor.ts';

/** How a balancer differs from what all of them do. */
export interface Differences {
  /** Whether a quoted value leads to its node (V120). */
  readonly quoted: boolean;
  /** Whether a value with a signature before the route does (V119). */
  readonly signed: boolean;
  /** Whether `cookie; cookie` of one name does where the second names the node. */
  readonly second: boolean;
  /** Whether a URL's parameter is stronger than the cookie. */
  readonly urlBeatsCookie: boolean;
}

/** The requests that are asked of each node: enough that a balancer that knows of no route cannot meet it each time. */
const times = 8;

export function stickiness(staged: () => Stage, differs: Differences): void {
  const routes = () => staged().world.nodes.map(({ route }) => route);

  test('V110, check 3: session cookies are <id>.<route>, unquoted, the dot as it is; the sign-on has no route; STICKY_ROUTE names nothing but the route', async () => {
    const visitor = staged().visitor();
    const answer = await visitor.signOn('alice');
    const { node } = await visitor.get('/who');
    assert.equal(cookieIn(answer, 'STICKY_ROUTE'), `route.${node}`);
    assert.match(lineOf(answer, 'STICKY_ROUTE'), /; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    assert.match(cookieIn(answer, sessionCookie)!, new RegExp(`^[A-Za-z0-9_-]{65}\\.${node.replaceAll('.', '\\.')}$`));
    assert.match(cookieIn(answer, ssoCookie)!, /^[A-Za-z0-9_-]{70}$/);
    for (const line of answer.setCookies) assert.match(line, /; Secure/);
  });

  test('V110, V114: each node is reached by its route, whatever the load; the first dot ends the id, further ones are the route', async () => {
    for (const route of routes()) await nodesOf(staged().visitor(), `STICKY_ROUTE=route.${route}`, route);
    // The other way: sticky by the session cookie, which an anonymous visitor has as well.
    const visitor = staged().bySession();
    const { node, session } = await visitor.get('/visit');
    for (let asked = 0; asked < times; asked++) {
      await staged().bySession().get('/who', { anonymous: true });
      const next = await visitor.get('/visit');
      assert.deepEqual([next.node, next.session, next.views], [node, session, asked + 2]);
    }
  });

  test('new visitors, and those of unknown routes, go to every node', async () => {
    for (const cookie of ['', 'STICKY_ROUTE=route.node9', 'STICKY_ROUTE=', `sticky_route=route.${routes()[0]}`]) {
      const met = await met_(staged().visitor(), cookie, 15);
      assert.deepEqual([...met].sort(), [...routes()].sort(), cookie);
    }
  });

  test('how values are read: among other cookies, quoted, signed, twice, encoded, in other letters', async () => {
    const route = routes()[1]!;
    const lines: readonly (readonly [string, boolean])[] = [
      [`STICKY_ROUTE=.${route}`, true],
      [`a=b; STICKY_ROUTE=x.${route}`, true],
      [`XSTICKY_ROUTE=x.${routes()[0]}; STICKY_ROUTE=x.${route}; z=1`, true],
      [`STICKY_ROUTE="x.${route}"`, differs.quoted],
      [`STICKY_ROUTE=s:abc.SIG.${route}`, differs.signed],
      [`STICKY_ROUTE=s%3Aabc.SIG.${route}`, differs.signed],
      [`STICKY_ROUTE=xyz; STICKY_ROUTE=x.${route}`, differs.second],
      [`STICKY_ROUTE=x.${route.toUpperCase()}`, false],
      [`STICKY_ROUTE=x%2E${route.replaceAll('.', '%2E')}`, false],
      [`STICKY_ROUTE=x.${route}.`, false],
    ];
    for (const [cookie, sticky] of lines) {
      const met = await met_(staged().visitor(), cookie, times);
      assert.equal(met.size === 1 && met.has(route), sticky, `${cookie}: ${[...met]}`);
    }
  });

  test('V117: a path parameter leads to its node where it is asked for, is no session id, and sets no cookie', async () => {
    const route = routes()[2]!;
    const path = `/who;jsessionid=abc.${route}`;
    for (let asked = 0; asked < times; asked++) {
      const answer = await staged().bySession().ask(path, { anonymous: true });
      const { node, session } = JSON.parse(answer.text);
      assert.deepEqual([node, session, answer.setCookies], [route, null, []]);
    }
    const cookie = `${sessionCookie}=abc.${routes()[0]}`;
    const met = new Set<string>();
    for (let asked = 0; asked < times; asked++) met.add((await staged().bySession().get(path, { cookie })).node);
    assert.deepEqual([...met], [differs.urlBeatsCookie ? route : routes()[0]]);
    // Where the balancer was not told of path parameters, a link steers nobody.
    const steered = await met_(staged().visitor(), `STICKY_ROUTE=x.${routes()[0]}`, times, path);
    assert.deepEqual([...steered], [routes()[0]]);
  });

  test('check 3: STICKY_ROUTE can be changed at will, and decides nothing but the node', async () => {
    const visitor = await staged().at(routes()[0]!);
    for (const sticky of [`route.${routes()[1]}`, 'route.x', '', '"', 'a'.repeat(2_000), '../..', '%00']) {
      const { user } = await visitor.get('/who', {
        cookie: `${ssoCookie}=${visitor.cookies.get(ssoCookie)}; STICKY_ROUTE=${sticky}`,
      });
      assert.equal(user, 'alice', sticky);
    }
    const nobody = await staged()
      .visitor()
      .get('/who', {
        cookie: visitor.cookies.has('STICKY_ROUTE') ? `STICKY_ROUTE=${visitor.cookies.get('STICKY_ROUTE')}` : '',
      });
    assert.equal(nobody.user, null);
  });

  test('V120: quotes of a predecessor around a session cookie are read, and gone after the answer', async () => {
    const visitor = await staged().at(routes()[1]!);
    const quoted = `"${visitor.cookies.get(sessionCookie)}"`;
    const { session } = await visitor.get('/who');
    const answer = await visitor.ask('/who', { cookie: visitor.cookieHeader.replace(/(shop=)[^;]+/, `$1${quoted}`) });
    assert.equal(JSON.parse(answer.text).session, session);
    assert.equal(cookieIn(answer, sessionCookie), `${session}.${JSON.parse(answer.text).node}`);
  });

  test('V111, V112, V112b, V113, V85: a node dies; its visitors go on elsewhere with all that is theirs, and get the new route once', async () => {
    const { world } = staged();
    const [first] = routes() as [string];
    const visitor = await staged().at(first);
    const { session, views } = await visitor.get('/who');
    const old = visitor.cookieHeader;
    let node: string;
    await world.node(first).kill();
    try {
      // V112: in parallel, with the old cookies.
      const together = await Promise.all([1, 2, 3].map(() => staged().visitor().ask('/who', { cookie: old })));
      for (const answer of together) {
        assert.equal(answer.status, 200, answer.text);
        const who = JSON.parse(answer.text);
        assert.deepEqual([who.user, who.session], ['alice', session]);
        assert.notEqual(who.node, first);
        assert.equal(cookieIn(answer, sessionCookie), `${session}.${who.node}`);
        assert.equal(cookieIn(answer, 'STICKY_ROUTE'), `route.${who.node}`);
      }
      const moved = await visitor.ask('/who');
      const { views: now } = JSON.parse(moved.text);
      node = JSON.parse(moved.text).node;
      assert.ok(now > views!, `${now} views after ${views}`);
      for (let asked = 0; asked < times; asked++) {
        const again = await visitor.ask('/who');
        assert.equal(JSON.parse(again.text).node, node);
        assert.deepEqual(again.setCookies, [], 'the cookies were set once');
      }
      // V112b: the old cookie once more, from a second tab that slept.
      const late = await staged().visitor().ask('/who', { cookie: old });
      assert.equal(JSON.parse(late.text).session, session);
      // V113: no such session, whatever its route.
      const none = await staged()
        .visitor()
        .ask('/who', { cookie: `${sessionCookie}=${'A'.repeat(65)}.${first}` });
      assert.deepEqual([JSON.parse(none.text).session, cookieIn(none, sessionCookie)], [null, undefined]);
      // V114: once the balancer knows, whoever asks for it is sent to its domain.
      if (first.includes('.')) await staysInDomain(staged(), first);
    } finally {
      await world.node(first).start();
      await staged().picks(first);
    }
    assert.equal((await visitor.get('/who')).node, node, 'who has moved stays');
  });
}

/** Resolves when whoever asks for this node, which is away, is sent to one of its domain each time. */
async function staysInDomain(staged: Stage, route: string): Promise<void> {
  let met = new Set<string>();
  for (let tries = 0; tries < 60; tries++) {
    met = await met_(staged.visitor(), `STICKY_ROUTE=route.${route}`, times);
    if ([...met].every((one) => one.split('.')[0] === route.split('.')[0])) return;
  }
  assert.fail(`${route} is replaced by ${[...met]}`);
}

/** The nodes that answer this cookie, each time on a new connection, with visitors of no node in between. */
async function met_(visitor: Visitor, cookie: string, count: number, path = '/who'): Promise<Set<string>> {
  const met = new Set<string>();
  for (let asked = 0; asked < count; asked++) {
    met.add((await visitor.get(path, { cookie })).node);
    if (cookie !== '') await visitor.get('/who', { anonymous: true });
  }
  return met;
}

async function nodesOf(visitor: Visitor, cookie: string, route: string): Promise<void> {
  assert.deepEqual([...(await met_(visitor, cookie, times))], [route], cookie);
}

function lineOf({ setCookies }: Answer, name: string): string {
  return setCookies.find((line) => line.startsWith(`${name}=`)) ?? `${name} is not set`;
}
