/** What `latchkey proxy` prints for nginx, Caddy and HAProxy, run: three nodes, a static site and an application in Python behind them. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launchBrowser, noBrowser } from './support/chromium.ts';
import {
  type Answer,
  app,
  files,
  noProxy,
  type Proxied,
  type ProxyName,
  sso,
  startProxied,
} from './support/proxied.ts';

interface Arrived {
  readonly path: string;
  readonly method: string;
  readonly names: readonly string[];
  readonly variables: Readonly<Record<string, readonly string[]>>;
}

const arrived = ({ status, text }: Answer): Arrived => {
  assert.equal(status, 200, text);
  return JSON.parse(text) as Arrived;
};

/** As an application sees it that reads headers as variables; a header that is empty is a header that is not there. */
const identity = ({ variables }: Arrived) =>
  ['USER', 'GROUPS', 'NAME', 'EMAIL'].map((name) =>
    (variables[`HTTP_REMOTE_${name}`] ?? []).filter((value) => value !== ''),
  );

for (const proxy of ['nginx', 'caddy', 'haproxy'] satisfies readonly ProxyName[]) {
  const skip = noProxy(proxy);
  describe(`behind ${proxy}`, { skip }, () => {
    let world: Proxied;
    let alice: string;
    before(async () => {
      world = await startProxied(proxy);
      alice = await world.signOn('alice', 'wonderland');
    });
    after(() => world?.stop());

    test('who is signed on arrives with a name, roles and an assertion; the cookie of the sign-on does not; a static site opens as well', async () => {
      const got = arrived(await world.send(app, '/a/b?c=d%20e', { headers: ['Cookie', `one=1; ${alice}; two=2`] }));
      assert.deepEqual([got.path, got.method], ['/a/b?c=d%20e', 'GET']);
      assert.deepEqual(identity(got)[0], ['alice']);
      assert.deepEqual(identity(got)[2], ['Alice Example']);
      assert.equal(got.variables['HTTP_LATCHKEY_ASSERTION']?.[0]?.split('.').length, 3);
      const cookies = got.variables['HTTP_COOKIE']!.join('; ');
      assert.match(cookies, /one=1/);
      assert.match(cookies, /two=2/);
      assert.doesNotMatch(cookies, /latchkey/);
      for (const cookie of [alice, `${alice}; ${alice}`, `${alice}; one=1; ${alice}; ${alice}`]) {
        const { variables } = arrived(await world.send(app, '/', { headers: ['Cookie', cookie] }));
        assert.doesNotMatch(JSON.stringify(variables['HTTP_COOKIE'] ?? []), /latchkey/);
      }
      const posted = arrived(await world.send(app, '/a', { method: 'POST', headers: ['Cookie', alice], body: 'x=y' }));
      assert.deepEqual([posted.method, identity(posted)[0]], ['POST', ['alice']]);
      const page = await world.send(files, '/page.html', { headers: ['Cookie', alice] });
      assert.match(page.text, /A page for those who are signed on/);
      assert.equal(page.headers['set-cookie'], undefined);
      assert.equal((await world.send(files, '/page.html')).status, 401);
    });

    test('a navigation of nobody goes to the form with the way back, fetch gets 401 with JSON, a missing role 403', async () => {
      const answer = await world.send(app, '/a?b=c&d', {
        headers: ['Accept', 'text/html', 'Sec-Fetch-Mode', 'navigate'],
      });
      assert.equal(answer.status, 303);
      const location = new URL(String(answer.headers['location']));
      assert.equal(location.origin + location.pathname, world.url(sso, '/login'));
      assert.equal(location.searchParams.get('return_to'), world.url(app, '/a?b=c&d'));
      const fetched = await world.send(app, '/a', { headers: ['Sec-Fetch-Mode', 'cors', 'Accept', 'text/html'] });
      assert.equal(fetched.status, 401);
      assert.equal(JSON.parse(fetched.text).error, 'not-signed-in');
      assert.equal(fetched.headers['location'], undefined);
      assert.equal((await world.send(app, '/staff/x', { headers: ['Cookie', alice] })).status, 403);
      const bob = await world.signOn('bob', 'builder');
      assert.deepEqual(identity(arrived(await world.send(app, '/staff/x', { headers: ['Cookie', bob] })))[0], ['bob']);
    });

    test('check 54: identity headers that a client sends never arrive, in no spelling, signed on or not', async () => {
      const forged = ['Remote-User', 'remote_user', 'REMOTE-USER', 'Remote_User', 'rEmOtE_uSeR', 'Remote-user'].flatMap(
        (name) => [name, 'root'],
      );
      for (const name of ['Groups', 'Name', 'Email'])
        forged.push(`Remote-${name}`, 'root', `Remote_${name}`, 'root', `remote_${name.toLowerCase()}`, 'root');
      forged.push('Latchkey-Assertion', 'root', 'Latchkey_Assertion', 'root', 'Remote-User', 'root');
      const known = arrived(await world.send(app, '/public/x', { headers: [...forged, 'Cookie', alice] }));
      assert.deepEqual(identity(known)[0], ['alice']);
      const nobody = arrived(await world.send(app, '/public/x', { headers: forged }));
      assert.deepEqual(identity(nobody), [[], [], [], []]);
      for (const { variables } of [known, nobody]) assert.ok(!JSON.stringify(variables).includes('root'));
      assert.equal((await world.send(app, '/a', { headers: forged })).status, 401);
    });

    test('check 51: what a client says about the request it makes, its address or the question itself changes nothing', async () => {
      const claims = [
        ['X-Forwarded-Uri', '/public/x'],
        ['X-Original-URL', world.url(app, '/public/x')],
        ['X-Original-Url', '/public/x'],
        ['X-Rewrite-URL', '/public/x'],
        ['X-Forwarded-Host', files],
        ['X-Forwarded-Method', 'OPTIONS'],
        ['X_Forwarded_Uri', '/public/x'],
        ['Forwarded', 'for=10.0.0.1;host=open.xyz.com'],
      ];
      for (const claim of claims) assert.equal((await world.send(app, '/a', { headers: claim })).status, 401, claim[0]);
      for (const name of ['X-Forwarded-For', 'X-Real-IP', 'X-Client-IP', 'X_Forwarded_For'])
        assert.equal((await world.send(app, '/inside', { headers: [name, '10.0.0.1'] })).status, 401, name);
      for (const path of ['/forward-auth/nginx', '/forward-auth/caddy', '/.latchkey-asked'])
        for (const host of [sso, app]) {
          const answer = await world.send(host, path, {
            headers: ['X-Original-URL', world.url(app, '/public/x'), 'X-Original-Method', 'GET'],
          });
          assert.ok([401, 404].includes(answer.status), `${host}${path} ${answer.status}`);
          assert.equal(answer.headers['remote-user'], undefined);
        }
    });

    test('check 52: the application is never reached by a path that dresses as a public one', async () => {
      const nobodys = [
        '/public/../a',
        '/public/%2e%2e/a',
        '/public/..%2fa',
        '/public%2f..%2fa',
        '//public/x',
        '/public;/x',
        '/PUBLIC/x',
      ];
      nobodys.push(
        '/public/..;/a',
        '/public%23/x',
        '/public%3f/x',
        '/public%5c..%5ca',
        '/public/%252e%252e/a',
        '/public#/../a',
      );
      for (const path of nobodys) {
        const { status, text } = await world.send(app, path);
        assert.ok([400, 401, 403].includes(status), `${path}: ${status} ${text}`);
      }
      for (const path of ['/STAFF/x', '//staff/x', '/staff;x', '/x/../staff/x', '/%73taff/x', '/x/%2e%2e/staff/x']) {
        const { status, text } = await world.send(app, path, { headers: ['Cookie', alice] });
        assert.ok([400, 403].includes(status), `${path}: ${status} ${text}`);
      }
      assert.equal(arrived(await world.send(app, '/public/x')).path, '/public/x');
    });

    test('check 52: a whole address in the request line and another Host beside it: decided and passed on is the same host', async () => {
      const line = (target: string, host: string) =>
        world.raw(app, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      const here = `${app}:${world.port}`;
      for (const [target, host] of [
        [world.url(files, '/public/page.html'), here],
        [world.url(app, '/a'), `${files}:${world.port}`],
        [world.url(app, '/a'), 'evil.org'],
      ] as const) {
        const answer = await line(target, host);
        assert.match(answer, /^HTTP\/1\.1 (400|401|403|404|421) /, answer);
      }
    });

    test('check 53: the name of a health check opens nothing', async () => {
      for (const agent of ['GoogleHC/1.0', 'kube-probe/1.29', 'ELB-HealthChecker/2.0'])
        for (const path of ['/', '/ping', '/healthz', '/readyz'])
          assert.equal((await world.send(app, path, { headers: ['User-Agent', agent] })).status, 401);
    });

    test('check 55: what is no request of a browser never reaches the application', async () => {
      for (const target of ['*', '/%', '/%ff', '/%00', '/%c0%af', 'public/x', '/a%0d%0ab']) {
        const answer = await world.raw(
          app,
          `OPTIONS ${target} HTTP/1.1\r\nHost: ${app}:${world.port}\r\nConnection: close\r\n\r\n`,
        );
        assert.doesNotMatch(answer, /variables/, target);
        // Caddy answers `OPTIONS *` itself, as every server in Go does: it asks how the server is, not a page.
        if (target !== '*') assert.match(answer, /^HTTP\/1\.1 (400|403|405) /, `${target}: ${answer}`);
      }
    });

    test('check 49: requests that two servers read differently are one request at most, through the proxy', async () => {
      const head = `POST /public/x HTTP/1.1\r\nHost: ${app}:${world.port}\r\n`;
      const second = `GET /public/second HTTP/1.1\r\nHost: ${app}:${world.port}\r\nConnection: close\r\n\r\n`;
      for (const [name, bytes] of Object.entries({
        'CL and TE': `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
        'two CL': `${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\n${second}`,
        'a bad chunk': `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${second}`,
        'TE with a space': `${head}Transfer-Encoding : chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      })) {
        const answer = await world.raw(app, bytes);
        const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
        // Caddy takes CL and TE for TE alone (RFC 9112 6.3) and sends on what it understood: then there are two requests, for it and for the application.
        assert.ok(
          statuses.length >= 1 &&
            (statuses.includes('400') || (name === 'CL and TE' && statuses.length === 2) || statuses.length === 1),
          `${name}: ${answer}`,
        );
      }
    });

    test('a program shows name and password where a rule takes them: known to the application, which gets neither; wrong ones are slowed', async () => {
      const shows = (pair: string, more: readonly string[] = []) => ({
        headers: ['Authorization', `Basic ${Buffer.from(pair).toString('base64')}`, ...more],
      });
      const known = arrived(await world.send(app, '/api/x', shows('bob:builder')));
      assert.deepEqual(identity(known)[0], ['bob']);
      assert.deepEqual(known.variables['HTTP_AUTHORIZATION'] ?? [], []);
      const elsewhere = arrived(await world.send(app, '/public/x', shows('bob:builder')));
      assert.deepEqual([identity(elsewhere)[0], elsewhere.variables['HTTP_AUTHORIZATION'] ?? []], [[], []]);
      const token = await world.send(app, '/public/x', { headers: ['Authorization', 'Bearer abc'] });
      assert.deepEqual(arrived(token).variables['HTTP_AUTHORIZATION'], ['Bearer abc']);
      assert.equal((await world.send(app, '/a', shows('bob:builder'))).status, 401, 'by another rule');
      assert.notEqual((await world.send(app, '/api/x', shows('bob:builder', ['Sec-Fetch-Mode', 'cors']))).status, 200);

      const nobody = await world.send(app, '/api/x');
      assert.equal(nobody.status, 401);
      assert.match(String(nobody.headers['www-authenticate']), /^Basic realm="sign-on"/);
      let guess = await world.send(app, '/api/x', shows('mallory:0'));
      for (let tries = 1; guess.status === 401 && tries < 20; tries++)
        guess = await world.send(app, '/api/x', shows(`mallory:${tries}`));
      assert.equal(guess.status, 429, guess.text);
      assert.match(String(guess.headers['retry-after']), /^[1-9]\d*$/);
      assert.equal(JSON.parse(guess.text).error, 'throttled');
    });

    test('a WebSocket is opened for who is signed on and for nobody else, and no other protocol is', async () => {
      const upgrade = (protocol: string, cookie: string) =>
        world.raw(
          app,
          `GET /ws HTTP/1.1\r\nHost: ${app}:${world.port}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: ${cookie}\r\n\r\n`,
        );
      assert.match(await upgrade('websocket', alice), /^HTTP\/1\.1 101 [\s\S]*hello alice$/);
      assert.match(await closing(world, 'none=1'), /^HTTP\/1\.1 401 /);
      assert.doesNotMatch(await closing(world, alice, 'h2c'), /^HTTP\/1\.1 101/);
    });

    test('a node is killed, and the next request is answered as if nothing were; signed out, it is over at once behind the proxy', async () => {
      const bob = await world.signOn('bob', 'builder');
      const [first] = world.nodes;
      first!.child.kill('SIGKILL');
      await first!.exit;
      for (let asked = 0; asked < 12; asked++)
        assert.deepEqual(identity(arrived(await world.send(app, '/a', { headers: ['Cookie', bob] })))[0], ['bob']);
      const signOut = () =>
        world.send(sso, '/logout', {
          method: 'POST',
          headers: [
            ...['Cookie', bob, 'Sec-Fetch-Site', 'same-origin'],
            ...['Content-Type', 'application/json', 'Accept', 'application/json'],
          ],
          body: '{}',
        });
      let out = await signOut();
      // Caddy sends nothing with a body twice, and learns by this one that the node is away.
      for (let tries = 0; tries < 50 && out.status === 502; tries++) out = await signOut();
      assert.equal(out.status, 200, out.text);
      for (let asked = 0; asked < 4; asked++)
        assert.equal((await world.send(app, '/a', { headers: ['Cookie', bob] })).status, 401);
    });

    test('nothing can say who is signed on while two of three nodes are away: 503 with Retry-After, and nobody is sent to the form', async () => {
      const [, second] = world.nodes;
      second!.child.kill('SIGKILL');
      await second!.exit;
      let answer: Answer | undefined;
      for (let asked = 0; asked < 100 && answer?.status !== 503; asked++) {
        answer = await world.send(app, '/a', { headers: ['Cookie', alice] });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      // By the node at first, and by the proxy once it has found out that no node is ready.
      for (const until = performance.now() + 6_000; performance.now() < until; ) {
        assert.equal(answer?.status, 503);
        assert.equal(answer?.headers['retry-after'], '1', answer?.text);
        answer = await world.send(app, '/a', { headers: ['Cookie', alice] });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
  });

  test(`with a browser, behind ${proxy}: sent to the form, back again, known to the application and to the static site, signed out once`, {
    skip: skip || noBrowser,
  }, async (t) => {
    const world = await startProxied(proxy);
    t.after(() => world.stop());
    const browser = await launchBrowser();
    t.after(() => browser.close());
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(world.url(app, '/reports?year=2026'));
    assert.equal(new URL(page.url()).hostname, sso);
    await page.locator('input[name=username]').fill('alice');
    await page.locator('input[name=password]').fill('wonderland');
    await page.locator('input[name=password]').press('Enter');
    await page.waitForURL(world.url(app, '/reports?year=2026'));
    const got = JSON.parse((await page.locator('body').textContent())!) as Arrived;
    assert.deepEqual(identity(got)[0], ['alice']);
    assert.doesNotMatch(JSON.stringify(got.variables['HTTP_COOKIE'] ?? []), /latchkey=/);
    await page.goto(world.url(files, '/page.html'));
    assert.match((await page.locator('h1').textContent())!, /signed on/);
    await page.goto(world.url(sso, '/logout'));
    await page.locator('main form button').first().click();
    await page.waitForURL(/\/receipts\//);
    await page.goto(world.url(app, '/reports'));
    assert.equal(new URL(page.url()).hostname, sso);
  });
}

/** An upgrade that is to fail: the connection closes behind the answer. */
function closing(world: Proxied, cookie: string, protocol = 'websocket'): Promise<string> {
  return world.raw(
    app,
    `GET /ws HTTP/1.1\r\nHost: ${app}:${world.port}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: ${cookie}\r\n\r\nGET /end HTTP/1.1\r\nHost: ${app}:${world.port}\r\nConnection: close\r\n\r\n`,
  );
}
