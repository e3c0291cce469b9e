import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { proxyKinds } from '../../../server/forward-auth/asked-request.ts';
import { type PrintedFrom, printProxy, proxySettings } from '../../../server/forward-auth/proxy/print.ts';
import { spellings } from '../../../server/forward-auth/proxy/settings.ts';
import { configOf } from './support/ask.ts';

const from: PrintedFrom = {
  web: '10.0.0.1:8080',
  asked: '10.0.0.1:8081',
  voters: ['10.0.0.1:7800', '10.0.0.2:7800', '[fd00::3]:7800'],
  login: 'https://sso.xyz.com/login',
  hosts: ['app.xyz.com', '*.inner.xyz.com', 'app.xyz.com'],
  basicHosts: [],
  headers: configOf().headers,
  cookies: ['__Secure-latchkey'],
  isInsecure: false,
};
const upstream = 'app.xyz.com=10.0.1.1:3000';

for (const kind of proxyKinds) {
  test(`${kind}: names every node, host and header, clears what clients send, marks what is a guess, and says whether it was run`, () => {
    const printed = printProxy(kind, from, { upstream });
    for (const node of ['10.0.0.1', '10.0.0.2', 'fd00::3']) assert.ok(printed.includes(node), node);
    for (const name of ['sso.xyz.com', 'app.xyz.com', '10.0.1.1', '3000', '8080', '8081'])
      assert.ok(printed.includes(name), name);
    for (const name of Object.values(from.headers)) assert.match(printed, new RegExp(name, 'i'));
    assert.match(printed, new RegExp(`/forward-auth/${kind}`));
    assert.match(printed, /CHANGE THIS: where \*\.inner\.xyz\.com is/);
    assert.doesNotMatch(printed, /CHANGE THIS: where app\.xyz\.com is/);
    assert.match(
      printed,
      ['nginx', 'caddy', 'haproxy'].includes(kind) ? /This is what Latchkey's own tests run/ : /NOT RUN by Latchkey's/,
    );
    if (kind === 'traefik') assert.match(printed, /cannot take one cookie out/);
    else assert.match(printed, /__Secure-latchkey/);
    assert.match(printed, /websocket/i);
    assert.doesNotMatch(printed, /undefined|\[object|\$\{/);
  });

  test(`${kind}: other names of headers are the ones that are cleared and set`, () => {
    const headers = { ...from.headers, user: 'X-Auth-Request-User' };
    const printed = printProxy(kind, { ...from, headers }, {});
    assert.match(printed, /x-auth-request-user|x\[-_\]auth\[-_\]request\[-_\]user/i);
    assert.doesNotMatch(printed, /remote[-_]user/i);
  });
}

test('where a rule takes name and password, the nodes get them and the application does not; elsewhere they are left alone', () => {
  const basicHosts = ['*.inner.xyz.com', '*.other.com'];
  for (const kind of proxyKinds) {
    assert.doesNotMatch(printProxy(kind, from, {}), /basic|-Authorization|"authorization"/i, kind);
    const printed = printProxy(kind, { ...from, basicHosts }, {});
    assert.match(printed, /Name and password that were shown to the nodes are not for/, kind);
    if (kind === 'nginx')
      assert.equal(printed.split('proxy_set_header Authorization $latchkey_authorization').length, 2);
  }
  const basic = (hosts: readonly string[]) =>
    proxySettings({ ...from, basicHosts: hosts }, {})
      .applications.filter((one) => one.basic)
      .map(({ host }) => host);
  assert.deepEqual(basic(['*.xyz.com']), ['app.xyz.com', '*.inner.xyz.com']);
  assert.deepEqual(basic(['a.inner.xyz.com']), ['*.inner.xyz.com']);
  assert.deepEqual(basic(['xyz.com']), []);
});

test('what is YAML can be read as YAML', () => {
  for (const kind of ['traefik', 'envoy'])
    for (const isInsecure of [true, false])
      for (const basicHosts of [[], ['app.xyz.com']])
        assert.ok(parse(printProxy(kind, { ...from, isInsecure, basicHosts }, { upstream })));
});

test('every spelling of a header that applications take for one', () => {
  assert.deepEqual(spellings('Remote-User'), ['Remote-User', 'Remote_User']);
  assert.equal(spellings('X-Auth-Request-User').length, 8);
  assert.deepEqual(spellings('User'), ['User']);
});

test("nodes are the voters' hosts with this node's ports, or what is said; the sign-on page is no application", () => {
  const nodes = (options: object) =>
    proxySettings(from, options).nodes.map(({ host, web, asked }) => `${host} ${web} ${asked}`);
  assert.deepEqual(nodes({}), ['10.0.0.1 8080 8081', '10.0.0.2 8080 8081', 'fd00::3 8080 8081']);
  assert.deepEqual(nodes({ nodes: 'a.b,[::1]:1:2' }), ['a.b 8080 8081', '::1 1 2']);
  assert.deepEqual(proxySettings({ ...from, voters: [] }, {}).nodes.length, 1);
  const hosts = proxySettings({ ...from, hosts: [...from.hosts, 'sso.xyz.com'] }, {}).applications.map(
    ({ host }) => host,
  );
  assert.deepEqual(hosts, ['app.xyz.com', '*.inner.xyz.com']);
});

test('what cannot be printed safely is refused in a line', () => {
  for (const [options, message] of [
    [{ upstream: 'app.xyz.com' }, /HOST=ADDRESS:PORT/],
    [{ upstream: 'app.xyz.com=a:1;}' }, /HOST=ADDRESS:PORT/],
    [{ upstream: 'other.xyz.com=10.0.0.1:1' }, /no rule names/],
    [{ nodes: 'a b' }, /--nodes/],
    [{ listen: 'x:1' }, /--listen/],
    [{ certificate: '/a;b' }, /--certificate/],
  ] as const)
    assert.throws(() => printProxy('nginx', from, options), message);
  assert.throws(() => printProxy('apache', from, {}), /none of nginx, caddy/);
  assert.throws(() => printProxy('treafik', from, {}), /none of .*; did you mean "traefik"\?$/);
});
