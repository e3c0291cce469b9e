/** The site of `latchkey serve`, reached by AJP as httpd with mod_jk reaches it: a person signs on, is known, and is seen out. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AjpAnswer, AjpClient, valuesOf } from '../ajp/support/client.ts';
import { cping } from '../ajp/support/packets.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { form } from '../support/pipeline.ts';
import { people, type ServedCluster, serve } from '../support/served.ts';

const secret = 'between httpd and this node';
const [port, metrics] = (await freePorts(2)) as [number, number];
let cluster: ServedCluster;
process.env['AJP_SECRET'] = secret;
before(async () => {
  cluster = await serve(1, {
    ajp: { listen: `127.0.0.1:${port}`, secret: { env: 'AJP_SECRET' } },
    web: { metrics: `127.0.0.1:${metrics}` },
    cookieDomain: 'xyz.test',
    origins: ['https://sso.xyz.test'],
  });
});
after(() => cluster.stop());

const host = 'sso.xyz.test';
const [{ name: username, password }] = people;
const base = [
  ['host', host],
  ['accept', 'text/html'],
  ['sec-fetch-site', 'same-origin'],
  ['sec-fetch-mode', 'navigate'],
] as const;

async function ask(
  client: AjpClient,
  method: string,
  uri: string,
  more: readonly (readonly [string, string])[] = [],
  body = '',
): Promise<AjpAnswer> {
  const length: readonly (readonly [string, string])[] =
    body === ''
      ? []
      : [
          ['content-type', 'application/x-www-form-urlencoded'],
          ['content-length', String(body.length)],
        ];
  return client.ask(
    { secret, method, uri, serverName: host, headers: [...base, ...more, ...length] },
    { body: Buffer.from(body) },
  );
}

const cookies = (answer: AjpAnswer): string =>
  valuesOf(answer, 'set-cookie')
    .filter((line) => !/max-age=0/i.test(line))
    .map((line) => line.split(';', 1)[0])
    .join('; ');

test('a person signs on by the form, over TLS that ends in the balancer, and is known at the next request', async () => {
  const client = new AjpClient(port);
  client.write(cping);
  assert.deepEqual(await client.next(), { kind: 'cpong' });
  const page = await ask(client, 'GET', '/login');
  assert.equal(page.status, 200);
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body.toString())![1]!;
  const signedOn = await ask(
    client,
    'POST',
    '/login',
    [
      ['cookie', cookies(page)],
      ['origin', `https://${host}`],
    ],
    form({ username, password, csrf }),
  );
  assert.equal(signedOn.status, 303, signedOn.body.toString());
  const cookie = cookies(signedOn);
  assert.match(cookie, /__Secure-latchkey=/);
  const home = await ask(client, 'GET', '/', [['cookie', cookie]]);
  assert.match(home.body.toString(), new RegExp(username));
  client.end();
});

test('over a connection that was not secure nobody is signed on (check 12)', async () => {
  const client = new AjpClient(port);
  const body = form({ username, password });
  const answer = await client.ask(
    {
      secret,
      method: 'POST',
      uri: '/login',
      isSsl: false,
      headers: [
        ...base,
        ['x-forwarded-proto', 'https'],
        ['content-type', 'application/x-www-form-urlencoded'],
        ['content-length', String(body.length)],
      ],
    },
    { body: Buffer.from(body) },
  );
  assert.notEqual(answer.status, 303);
  assert.doesNotMatch(valuesOf(answer, 'set-cookie').join(), /latchkey=[^;]/);
  client.end();
});

test('what happened on the listener is a metric', async () => {
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  assert.match(text, /^latchkey_ajp_total\{event="pings"\} 1$/m);
  assert.match(text, /^latchkey_ajp_total\{event="wrongSecret"\} 0$/m);
});

test('SIGTERM: the listener ends with the node', async () => {
  const node = cluster.nodes[0]!;
  const client = new AjpClient(port);
  assert.equal((await ask(client, 'GET', '/login')).status, 200);
  node.child.kill('SIGTERM');
  await client.closed;
  assert.equal(await node.exit, 0, node.output());
  await assert.rejects(new AjpClient(port).ask({ secret }), /closed/);
});
