/** Checks 12, 47 and 51, and WebSockets, through a real balancer: what browsers say about themselves, and what of it a node believes. */

import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { host } from './balanced.ts';
import type { Who } from './balanced-settings.ts';
import type { Stage } from './balancer-stage.ts';
import { Visitor } from './visitor.ts';

const stranger = 'evil.example';

export interface BeliefsOptions {
  /** Whether address and scheme come in headers; by AJP they have a place of their own. Default true. */
  readonly inHeaders?: boolean;
  /** Whether the balancer can say that TLS ends before it; mod_proxy_ajp cannot. Default true. */
  readonly tlsElsewhere?: boolean;
}

export function beliefs(staged: () => Stage, { inHeaders = true, tlsElsewhere = true }: BeliefsOptions = {}): void {
  const routes = () => staged().world.nodes.map(({ route }) => route);

  test('check 51: what a client says of its address, scheme and host is dropped, in every spelling; the balancer’s own word arrives once', async () => {
    const said = [
      ...['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-For', '203.0.113.10', 'X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Host', stranger, 'X-Forwarded-Port', '81', 'X-Forwarded-Uri', `/${stranger}`],
      ...['Forwarded', `for=203.0.113.9;host=${stranger};proto=http`, 'X-Real-IP', '203.0.113.9', 'Proxy', stranger],
    ];
    const who = await staged().visitor().get('/who', { headers: said });
    assert.deepEqual([who.ip, who.protocol, who.host], ['127.0.0.1', 'https', staged().visitor().authority]);
    const named = (name: string) => who.headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
    assert.deepEqual(named('x-forwarded-for'), inHeaders ? ['127.0.0.1'] : []);
    assert.deepEqual(named('x-forwarded-proto'), inHeaders ? ['https'] : []);
    for (const name of ['forwarded', 'x-real-ip', 'x-forwarded-port', 'proxy']) assert.deepEqual(named(name), [], name);
    assert.doesNotMatch(JSON.stringify(who.headers.filter(([name]) => !/uri/i.test(name))), /evil|203\.0\.113/);
  });

  test('check 47: a host that is none of ours gets no application, by Host, by X-Forwarded-Host, and by a whole address in the request line', async () => {
    const { ask, visitor } = { ask: staged().visitor(), visitor: staged().visitor() };
    const unknown = await ask.ask('/who', { host: stranger });
    assert.ok(unknown.status >= 400, `${unknown.status}`);
    assert.doesNotMatch(unknown.text, /"node"/);
    const led = await visitor.ask('/protected', {
      headers: ['X-Forwarded-Host', stranger, 'Accept', 'text/html', 'Sec-Fetch-Mode', 'navigate'],
    });
    assert.equal(led.status, 303);
    assert.doesNotMatch(String(led.headers.location), /evil/);
    for (const [whole, named] of [
      [visitor.authority, stranger],
      [stranger, visitor.authority],
    ]) {
      const { text } = await visitor.raw(
        `GET https://${whole}/who HTTP/1.1\r\nHost: ${named}\r\nConnection: close\r\n\r\n`,
      );
      // An application may answer, but not for the stranger.
      if (/"node"/.test(text)) assert.match(text, new RegExp(`"host":"${host}`), text);
      else assert.match(text, /^HTTP\/1\.1 4\d\d /);
    }
  });

  test('check 12: over plain HTTP nobody is signed on, and no cookie that holds a secret is set', async () => {
    const port = await staged().another({ tls: undefined, secure: false });
    const visitor = new Visitor(staged().world, { port, secure: false });
    const answer = await visitor.ask('/login', {
      method: 'POST',
      headers: ['Content-Type', 'application/json', 'Accept', 'application/json', 'X-Forwarded-Proto', 'https'],
      body: JSON.stringify({ username: 'alice', password: 'the password of alice' }),
    });
    assert.ok(answer.status >= 400, `${answer.status}`);
    assert.deepEqual(answer.setCookies, []);
    assert.deepEqual((await visitor.ask('/visit')).setCookies, []);
    // Nor by plain HTTP to the port that speaks TLS.
    const plain = new Visitor(staged().world, { secure: false });
    const { text } = await plain.raw(`GET /visit HTTP/1.1\r\nHost: ${plain.authority}\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(text, /set-cookie|"node"/i);
    // By TLS browsers are told to come by TLS alone, for a year.
    const strict = (await staged().visitor().ask('/who')).headers['strict-transport-security'];
    assert.match(strict ?? '', /max-age=31536000/);
  });

  // The generator refuses to print it otherwise.
  if (tlsElsewhere)
    test('where TLS ends before the balancer, the address that stands there is believed, and cookies are Secure', async () => {
      const port = await staged().another({ tls: undefined, secure: true });
      const visitor = new Visitor(staged().world, { port, secure: false });
      const { setCookies } = await visitor.signOn('alice');
      for (const line of setCookies) assert.match(line, /; Secure/);
      const who = await visitor.get('/who', { headers: ['X-Forwarded-For', '203.0.113.9'] });
      assert.deepEqual([who.user, who.ip, who.protocol], ['alice', '203.0.113.9', 'https']);
    });

  test('WebSockets are sticky, know who is there, end with the sign-on, and are no stranger’s; other protocols get no tunnel', async () => {
    const [, second] = routes() as [string, string];
    const visitor = await staged().at(second, 'carol');
    const { hello, say, closed } = await visitor.webSocket();
    assert.deepEqual(hello, { node: second, user: 'carol' });
    for (const text of ['one', 'x'.repeat(70_000)]) assert.equal(await say(text), text);
    await assert.rejects(visitor.webSocket({ Origin: `https://${stranger}` }), /401/);
    await assert.rejects(staged().visitor().webSocket(), /401/);
    const other = await visitor.get('/who', {
      headers: [
        'Connection',
        'Upgrade, HTTP2-Settings',
        'Upgrade',
        'h2c',
        'HTTP2-Settings',
        'AAMAAABkAAQAoAAAAAIAAAAA',
      ],
    });
    assert.ok(!other.headers.some(([name, value]) => /^upgrade$/i.test(name) && /h2c/i.test(value)));
    const tab = visitor.copyTo(staged().visitor());
    tab.cookies.set('STICKY_ROUTE', `route.${routes()[0]}`);
    assert.equal((await tab.signOut()).status, 200);
    assert.equal(await closed, 4401);
  });
}

/** HTTP/2 sends the cookies of a request in as many headers as it likes (RFC 9113 8.2.3). */
export function overHttp2(staged: () => Stage): void {
  test('V110: over HTTP/2 a visitor stays on the node, however many headers the cookies come in', async () => {
    const { world, visitor } = staged();
    const session = connect(`https://127.0.0.1:${world.port}`, { servername: host, rejectUnauthorized: false });
    try {
      for (const { route } of [...world.nodes, ...world.nodes]) {
        const who = await new Promise<Who>((resolve, reject) => {
          const request = session.request({
            ...{ ':path': '/who', ':authority': visitor().authority },
            cookie: ['a=b', `STICKY_ROUTE=route.${route}`, 'c=d'] as unknown as string,
          });
          let text = '';
          request.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
          request.on('end', () => resolve(JSON.parse(text) as Who)).on('error', reject);
        });
        assert.equal(who.node, route);
      }
    } finally {
      session.close();
    }
  });
}
