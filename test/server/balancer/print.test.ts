/** What every printer is held to, and what is refused before anything is printed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancedNode } from '../../../server/balancer/installation.ts';
import {
  type BalancerWords,
  balancerKinds,
  installationOf,
  type Known,
  kindOf,
  nodesOf,
  printBalancer,
} from '../../../server/balancer/print.ts';

const node = (route: string, host: string, changes: Partial<BalancedNode> = {}): BalancedNode => ({
  ...{ route, host, port: 8080, ajp: { port: 8109 }, weight: 1, isGuess: false },
  ...changes,
});

const known: Known = {
  nodes: [
    node('east.node1', '10.0.0.1'),
    node('node-2', 'two.internal', { port: 8082, weight: 7 }),
    node('node3', 'fd00::3'),
  ],
  hosts: ['app.xyz.com', '*.shop.xyz.com'],
  secure: true,
  sticky: undefined,
};

const said: BalancerWords = {
  isSticky: true,
  tls: undefined,
  isAjp: false,
  ajpSecret: undefined,
  directory: '/etc/apache2/latchkey',
};

const printed = (kind: (typeof balancerKinds)[number], from: Partial<Known> = {}, words: Partial<BalancerWords> = {}) =>
  printBalancer(kind, { ...known, ...from }, { ...said, ...words })
    .map(({ text }) => text)
    .join('\n');

/** Without comments, and without what quotes a dot in a regular expression: what the balancer reads. */
const active = (text: string) => text.replace(/^\s*#.*$/gm, '').replaceAll('\\', '');

for (const kind of balancerKinds) {
  test(`${kind}: every node with its route, place and weight, the hosts, the cookie, TLS; and it says who printed it`, () => {
    const text = printed(kind);
    for (const { route, host } of known.nodes) {
      assert.ok(active(text).includes(route), route);
      assert.ok(active(text).includes(host), host);
    }
    for (const word of ['app.xyz.com', 'shop.xyz.com', 'STICKY_ROUTE', '/etc/ssl/latchkey/'])
      assert.ok(active(text).includes(word), word);
    if (kind !== 'caddy') assert.match(active(text), /\b7\b/, 'the weight');
    assert.match(text, new RegExp(`latchkey balancer ${kind}`));
    assert.match(text, /websocket|upgrade/i);
    assert.doesNotMatch(text, /undefined|\[object|\$\{(?!LATCHKEY)|NaN/);
    if (kind !== 'mod_jk') assert.doesNotMatch(text, /CHANGE THIS/);
    assert.equal(printed(kind), text, 'the same each time');
  });

  test(`${kind}: another cookie, no cookie, a single node, plain HTTP, another port`, () => {
    assert.ok(active(printed(kind, {}, { sticky: 'app.sid|jsessionid' })).includes('app.sid'));
    const text = active(printed(kind, {}, { isSticky: false }));
    for (const word of ['STICKY_ROUTE', 'stickysession', 'session_cookie']) assert.ok(!text.includes(word), word);
    assert.ok(active(printed(kind, { nodes: [known.nodes[0]!] })).includes('10.0.0.1'));
    const plain = active(printed(kind, {}, { tls: 'none', listen: '127.0.0.1:8888' }));
    assert.doesNotMatch(plain, /SSLCertificate|ssl_certificate|\bssl crt\b|\bcert\.pem/);
    assert.match(plain, /8888/);
  });

  test(`${kind}: what is a guess is marked, by name`, () => {
    const text = printed(kind, { nodes: [node('node1', '10.0.0.1'), node('node2', '10.0.0.2', { isGuess: true })] });
    assert.match(text, /CHANGE THIS: the route and place of node2 /);
    assert.doesNotMatch(text, /CHANGE THIS: the route and place of node1 /);
  });
}

test('the AJP secret is in the files only where it was given, and its absence and a guessed port are marked', () => {
  const secret = 'between balancer and nodes';
  for (const [kind, isAjp] of [
    ['mod_jk', false],
    ['apache', true],
  ] as const) {
    assert.ok(active(printed(kind, {}, { isAjp, ajpSecret: secret })).includes(secret));
    const text = printed(kind, {}, { isAjp });
    assert.match(text, /CHANGE THIS: the secret/);
    assert.match(active(text), /CHANGE-THIS/);
    const nobody = printed(
      kind,
      { nodes: [node('node1', '10.0.0.1', { ajp: undefined })] },
      { isAjp, ajpSecret: secret },
    );
    assert.match(nobody, /CHANGE THIS: nobody said where the AJP listener of node1 is; 8009/);
    assert.match(active(nobody), /8009/);
  }
  assert.ok(!printed('apache', {}, { ajpSecret: secret }).includes(secret), 'over HTTP nobody needs it');
});

test('httpd: whoever is sent to https gets the address as it came, escaped: a line end in it stays within its line', () => {
  for (const kind of ['apache', 'mod_jk'] as const)
    assert.match(printed(kind), /^ +RewriteRule \^ https:\/\/%\{SERVER_NAME\}%\{REQUEST_URI\} \[R=301,L\]$/m);
});

test('nodes on the command line: route, place, AJP port, weight', () => {
  assert.deepEqual(nodesOf('a=10.0.0.1:80,dom.b=[fd00::2]:81/8009*3'), [
    { route: 'a', host: '10.0.0.1', port: 80, ajp: undefined, weight: 1, isGuess: false },
    { route: 'dom.b', host: 'fd00::2', port: 81, ajp: { port: 8009 }, weight: 3, isGuess: false },
  ]);
});

test('where it listens, and by TLS or not', () => {
  const of = (words: Partial<BalancerWords>, from: Partial<Known> = {}) => {
    const { listen, tls, secure } = installationOf('apache', { ...known, ...from }, { ...said, ...words });
    return [listen.address, listen.port, tls !== undefined, secure];
  };
  assert.deepEqual(of({}), [undefined, 443, true, true]);
  assert.deepEqual(of({}, { secure: false }), [undefined, 80, false, false]);
  assert.deepEqual(of({ tls: 'none' }), [undefined, 80, false, false]);
  assert.deepEqual(of({ tls: 'elsewhere' }), [undefined, 80, false, true]);
  assert.deepEqual(of({ listen: '[::1]:8443' }), ['::1', 8443, true, true]);
});

test('what cannot be printed safely, or could not work, is refused in a line', () => {
  const wrong: readonly (readonly [kind: string, from: Partial<Known>, words: Partial<BalancerWords>, says: RegExp])[] =
    [
      ['apache', {}, { nodes: 'a' }, /--nodes: "a" is not ROUTE=HOST:PORT/],
      ['apache', {}, { nodes: 'a=b:1;}' }, /--nodes/],
      ['apache', {}, { nodes: 'a=b:0' }, /0 is no port/],
      ['apache', {}, { nodes: 'a=b:1/70000' }, /70000 is no port/],
      ['apache', {}, { nodes: 'a=b:1*0' }, /weight of a must be 1 to 100/],
      ['apache', {}, { nodes: 'a=b:1,a=c:1' }, /two nodes have the route a/],
      ['mod_jk', {}, { nodes: 'a.b=b:1,a_b=c:1' }, /two nodes have the route a_b/],
      ['mod_jk', {}, { nodes: 'latchkey=b:1' }, /have a worker named latchkey/],
      ['nginx', {}, { nodes: 'a"=b:1' }, /the route "a"" may hold letters/],
      ['nginx', { nodes: [] }, {}, /no node is known/],
      ['nginx', { nodes: [node('node1', '10.0.0.1:1; } server {')] }, {}, /where node1 is said to be is no host/],
      ['nginx', { nodes: [node('node1', '10.0.0.1\n')] }, {}, /where node1 is said to be is no host/],
      ['nginx', { hosts: ['xyz.com; return 200'] }, {}, /say the hosts by --host/],
      ['haproxy', { sticky: { cookie: "a'#b", pathParameter: undefined } }, {}, /say --sticky or --no-sticky/],
      ['nginx', {}, { host: 'a b' }, /--host: "a b"/],
      ['nginx', {}, { host: 'a;b' }, /--host/],
      ['nginx', {}, { listen: 'x:1' }, /--listen/],
      ['nginx', {}, { listen: '99999' }, /99999 is no port/],
      ['nginx', {}, { sticky: 'a b' }, /--sticky/],
      ['nginx', {}, { sticky: 'a|b|c' }, /--sticky/],
      ['nginx', {}, { websockets: 'live' }, /--websockets: "live" is not a path/],
      ['nginx', {}, { websockets: '/a"b' }, /--websockets/],
      ['nginx', {}, { certificate: '/a;b' }, /--certificate/],
      ['mod_jk', {}, { directory: '/a b' }, /--out/],
      ['mod_jk', {}, { ajpSecret: 'a"b' }, /--ajp-secret-file: the secret may hold/],
      ['haproxy', {}, { isAjp: true }, /haproxy does not speak AJP/],
      ['apache', {}, { isAjp: true, tls: 'elsewhere' }, /mod_proxy_ajp cannot say/],
    ];
  for (const [kind, from, words, says] of wrong)
    assert.throws(
      () => printed(kindOf(kind), from, words),
      (error: Error) => {
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /a"b'/);
        return error.name === 'UsageError' || error.constructor.name === 'UsageError';
      },
      String(says),
    );
  assert.throws(() => kindOf('squid'), /"squid" is none of apache, mod_jk, haproxy, nginx, caddy/);
});
