/** What is known of an installation from a configuration file, and from what nodes say. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../../config/load.ts';
import { knownFromConfig, knownFromNodes } from '../../../server/balancer/known.ts';
import type { ProbeAnswer } from '../../../sso/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-known-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'users.yaml'), JSON.stringify({ users: [] }));

function fromFile(fields: Readonly<Record<string, unknown>>) {
  const file = join(directory, 'node.yaml');
  writeFileSync(file, JSON.stringify({ secret: { env: 'SECRET' }, users: 'users.yaml', ...fields }));
  return knownFromConfig(loadConfig(file, { SECRET: 'e4'.repeat(32), AJP: 'only between balancer and nodes' }));
}

const places = ({ nodes }: Pick<ReturnType<typeof fromFile>, 'nodes'>) =>
  nodes.map(({ route, host, port, ajp, isGuess }) => [route, host, port, ajp?.port, isGuess]);

test("a file: its own node's route, the voters' hosts with its ports, the hosts that browsers use", () => {
  const found = fromFile({
    route: 'node1',
    web: { listen: '10.0.0.1:8080' },
    ajp: { listen: '10.0.0.1:8010', secret: { env: 'AJP' } },
    origins: ['https://app1.xyz.com', 'https://app2.xyz.com'],
    site: { origin: 'https://sso.xyz.com' },
    cluster: { listen: '10.0.0.1:7800', nodes: ['10.0.0.1:7800', '10.0.0.2:7800', 'three.internal:7800'] },
    stickyRoute: { cookieName: 'STICKY' },
  });
  assert.deepEqual(places(found), [
    ['node1', '10.0.0.1', 8080, 8010, false],
    ['10-0-0-2', '10.0.0.2', 8080, 8010, true],
    ['three-internal', 'three.internal', 8080, 8010, true],
  ]);
  assert.deepEqual(found.hosts, ['sso.xyz.com', 'app1.xyz.com', 'app2.xyz.com']);
  assert.deepEqual([found.secure, found.sticky?.cookie], [true, 'STICKY']);
  assert.deepEqual(found.stickyWarnings, []);
  assert.match(found.nodeWarnings[0]!, /guesses: 10-0-0-2, three-internal \(--from asks the nodes/);
});

test('a file: one node alone, without a route, over plain HTTP, with no word on the cookie', () => {
  const found = fromFile({ web: { listen: '127.0.0.1:8080' }, allowInsecureCookie: true });
  assert.deepEqual(places(found), [['127-0-0-1', '127.0.0.1', 8080, undefined, true]]);
  assert.deepEqual([found.secure, found.sticky?.cookie, found.hosts], [false, 'STICKY_ROUTE', []]);
  assert.match(found.stickyWarnings[0]!, /not known that a node sets STICKY_ROUTE/);
});

test('a file: several nodes of one machine stay several, with routes that differ', () => {
  const nodes = ['127.0.0.1:7801', '127.0.0.1:7802', '127.0.0.1:7803'];
  const found = fromFile({ route: 'a', web: { listen: '127.0.0.1:8080' }, cluster: { listen: nodes[0], nodes } });
  assert.deepEqual(
    found.nodes.map(({ route, isGuess }) => [route, isGuess]),
    [
      ['a', false],
      ['127-0-0-1-7802', true],
      ['127-0-0-1-7803', true],
    ],
  );
});

test('a file: quotes of Zope are warned of', () => {
  const [warning] = fromFile({ stickyRoute: { quoted: 'zope' } }).stickyWarnings;
  assert.match(warning!, /STICKY_ROUTE is set in quotes/);
});

const saw: ProbeAnswer['saw'] = {
  ...{ method: 'GET', url: '/latchkey-probe', httpVersion: '1.1', protocol: 'https', secure: true },
  ...{ headers: [], headerBytes: 100, localAddress: '::ffff:10.0.0.1', localPort: 8080 },
};

const answer = (node: string, changes: Partial<ProbeAnswer> = {}): ProbeAnswer => ({
  ...{ version: 1, nonce: 'n', node, state: 'up', ready: true, why: [], now: 0, saw },
  members: ['node2', 'node1', 'node3'].map((name, index) => ({
    ...{ node: name, state: 'up', reachable: true, address: `10.0.0.${index + 1}:7800` },
  })),
  cookies: { sso: { name: '__Secure-latchkey', domain: 'xyz.com', secure: true }, sessions: [], sticky: [] },
  ...changes,
});
const at = (url: string) => new URL(url);

test('nodes that were asked themselves are where they were asked; the others are guesses, unless they are gone', () => {
  const members = [
    { node: 'node2', state: 'up', reachable: true },
    { node: 'node9', state: 'up', reachable: true, address: '[fd00::9]:7800' },
    { node: 'old', state: 'left', reachable: false },
  ];
  const found = knownFromNodes([
    { url: at('http://10.0.0.2:8082'), answer: answer('node2', { members }) },
    { url: at('https://one.internal/'), answer: answer('node1', { members }) },
  ]);
  assert.deepEqual(places(found), [
    ['node1', 'one.internal', 443, undefined, false],
    ['node2', '10.0.0.2', 8082, undefined, false],
    ['node9', 'fd00::9', 8082, undefined, true],
  ]);
  assert.deepEqual(found.hosts, ['xyz.com', '*.xyz.com']);
  assert.match(found.nodeWarnings[0]!, /guesses: node9 /);
});

test("through a balancer a node is where its own end of the connection was; by AJP that is its AJP listener's port", () => {
  const members = [{ node: 'node1', state: 'up', reachable: true }];
  const carried = answer('node1', { members, saw: { ...saw, headers: [['X-Forwarded-For', '10.9.9.9']] } });
  assert.deepEqual(places(knownFromNodes([{ url: at('https://app.xyz.com'), answer: carried }])), [
    ['node1', '10.0.0.1', 8080, undefined, false],
  ]);
  const byAjp = answer('node1', { members, saw: { ...saw, localPort: 8009, ajp: { isSsl: true } } });
  assert.deepEqual(places(knownFromNodes([{ url: at('https://app.xyz.com'), answer: byAjp }])), [
    ['node1', '10.0.0.1', 8009, 8009, true],
  ]);
});

test('the sticky cookie: the one that is set for it, else the one session cookie of all applications, else the custom', () => {
  const cookieOf = (cookies: Partial<ProbeAnswer['cookies']>) => {
    const one = answer('node1');
    const found = knownFromNodes([
      { url: at('http://10.0.0.1:8080'), answer: { ...one, cookies: { ...one.cookies, ...cookies } } },
    ]);
    return [found.sticky?.cookie, found.stickyWarnings.length];
  };
  const session = (app: string, name: string, path = '/') => ({ app, name, path, secure: true });
  const sticky = [{ name: 'WAY', path: '/', quoted: false, routeFrom: 'node' }] as const;
  assert.deepEqual(cookieOf({ sticky, sessions: [session('a', 'a.sid')] }), ['WAY', 0]);
  assert.deepEqual(cookieOf({ sessions: [session('a', 'a.sid')] }), ['a.sid', 0]);
  assert.deepEqual(cookieOf({ sessions: [session('a', 'sid'), session('b', 'sid')] }), ['sid', 0]);
  assert.deepEqual(cookieOf({ sessions: [session('a', 'a.sid'), session('b', 'b.sid')] }), ['STICKY_ROUTE', 1]);
  assert.deepEqual(cookieOf({ sessions: [session('a', 'a.sid', '/a')] }), ['STICKY_ROUTE', 1]);
});
