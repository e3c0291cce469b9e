/** The doctor without the cluster's secret: what any visitor gets, at a fake installation. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Chance } from '../../../server/doctor/asking.ts';
import { pairOf } from '../../../server/doctor/carriers.ts';
import type { Finding } from '../../../server/doctor/finding.ts';
import type { Page, Visit } from '../../../server/doctor/live.ts';
import { examineFromOutside } from '../../../server/doctor/outside.ts';
import { seededChance } from './support/seeded.ts';

const seed = Number(process.env['LATCHKEY_SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (LATCHKEY_SEED)`);

interface Installation {
  readonly nodes?: readonly string[];
  /** The cookie that the balancer follows. */
  readonly follows?: string | undefined;
  /** What the application's cookie is like. */
  readonly cookie?: (value: string) => string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a node: no answer but this. */
  readonly broken?: number;
}

/** Begins a session with every visitor who has none, and writes the route anew when one comes from another node (V111). */
function installation(given: Installation, chance: Chance): Visit {
  const { nodes = ['node1', 'node2', 'node3'], follows, broken } = given;
  const { cookie = (value) => `__Host-shop=${value}; Path=/; Secure; HttpOnly` } = given;
  let sessions = 0;
  return async (_path, headers = []): Promise<Page> => {
    const pairs = headers.filter(([name]) => name === 'Cookie').flatMap(([, line]) => line.split('; ').map(pairOf));
    const value = (name: string | undefined) => pairs.find(([one]) => one === name)?.[1];
    const route = value(follows)?.split('.')[1];
    const at = route !== undefined && nodes.includes(route) ? route : nodes[Math.floor(chance() * nodes.length)]!;
    if (broken !== undefined && at === nodes.at(-1))
      return { kind: 'page', status: broken, headers: {}, setCookies: [] };
    const [id, from] = (value('__Host-shop') ?? `${++sessions}`).split('.');
    const setCookies = from === at ? [] : [cookie(`${id}.${at}`)];
    return { kind: 'page', status: 200, headers: { 'cache-control': 'no-store', ...given.headers }, setCookies };
  };
}

async function examined(given: Installation, address = 'https://shop.xyz.com/visit'): Promise<readonly Finding[]> {
  const chance = seededChance(seed);
  const url = new URL(address);
  const examination = await examineFromOutside({ visit: installation(given, chance), chance, url });
  return examination.kind === 'asked' ? examination.findings : assert.fail(examination.why);
}

const wrong = (findings: readonly Finding[]) => findings.filter(({ ok }) => ok === false).map(({ check }) => check);
const stickiness = (findings: readonly Finding[]) => findings.find(({ check }) => check === 'stickiness')!;

test('visitors who stay by their session: nothing is wrong, and what was not seen is said', async () => {
  const findings = await examined({ follows: '__Host-shop' });
  assert.deepEqual(wrong(findings), []);
  assert.match(stickiness(findings).says, /stay by __Host-shop at node1, node2 and node3, beyond chance/);
  assert.match(findings.find(({ check }) => check === 'secret')!.says, /without the cluster’s secret/);
});

test('visitors whose cookies are rewritten have come to other nodes (V111)', async () => {
  const findings = await examined({});
  assert.deepEqual(wrong(findings), ['stickiness']);
  assert.match(stickiness(findings).says, /with a __Host-shop of node1, node2 and node3 came to/);
});

test('a balancer that follows STICKY_ROUTE is sticky for who is signed on, though strangers wander', async () => {
  const findings = await examined({ follows: 'STICKY_ROUTE' });
  assert.deepEqual(wrong(findings), []);
  assert.match(stickiness(findings).says, /stay by STICKY_ROUTE/);
});

test('with one node, and with values that end differently each time, nothing is said of stickiness', async () => {
  assert.equal(stickiness(await examined({ nodes: ['node1'] })).ok, 'unknown');
  let count = 0;
  const signed = await examined({ cookie: () => `__Host-shop=s.${(count++).toString(36)}x; Path=/; Secure` });
  assert.equal(stickiness(signed).ok, 'unknown');
});

test('attributes are judged as a browser reads them: no Secure over https, a foreign Domain, quotes', async () => {
  assert.deepEqual(
    wrong(await examined({ follows: '__Host-shop', cookie: (value) => `__Host-shop=${value}; Path=/` })),
    ['secure'],
  );
  assert.deepEqual(
    wrong(
      await examined({ follows: '__Host-shop', cookie: (value) => `__Host-shop=${value}; Domain=.other.com; secure` }),
    ),
    ['cookie-domain'],
  );
  assert.deepEqual(wrong(await examined({ cookie: (value) => `__Host-shop="${value}"; Secure` })), [
    'quoting',
    'stickiness',
  ]);
  assert.deepEqual(wrong(await examined({ follows: '__Host-shop' }, 'http://shop.xyz.com/')), ['secure']);
});

test('errors are counted, and an answer that sets a cookie must not be kept (check 13)', async () => {
  assert.deepEqual(wrong(await examined({ follows: '__Host-shop', broken: 502 })).slice(0, 1), ['answers']);
  const kept = await examined({ follows: '__Host-shop', headers: { 'cache-control': 'public, max-age=60' } });
  assert.deepEqual(wrong(kept), ['caching']);
});

test('where nothing answers it says so', async () => {
  const url = new URL('https://shop.xyz.com/');
  const visit: Visit = async () => ({ kind: 'failed', why: 'connect ECONNREFUSED' });
  const examination = await examineFromOutside({ visit, chance: seededChance(seed), url });
  assert.deepEqual(examination, { kind: 'not-asked', why: 'connect ECONNREFUSED' });
});
