/** Single judgements, where an installation as a whole would say less: borders, exceptions, other people's text. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '../../../../server/doctor/asking.ts';
import { judgeCaching } from '../../../../server/doctor/checks/caching.ts';
import { judgeClocks } from '../../../../server/doctor/checks/clocks.ts';
import { judgeDomainOf, judgeLarge, judgeUnchanged } from '../../../../server/doctor/checks/cookies.ts';
import { judgeAddressSpoof, judgeHost, lies } from '../../../../server/doctor/checks/forwarded.ts';
import { judgeAnswers } from '../../../../server/doctor/checks/nodes.ts';
import { judgeRedirect } from '../../../../server/doctor/checks/redirect.ts';
import { clashesOf } from '../../../../server/doctor/checks/steering.ts';
import { judgeWebSocket, type Passage, passageOf } from '../../../../server/doctor/checks/websocket.ts';
import { examine } from '../../../../server/doctor/doctor.ts';
import type { Finding } from '../../../../server/doctor/finding.ts';
import type { ProbeAnswer } from '../../../../sso/index.ts';
import { answerFor, type Fake, fakeBalancer } from '../support/fake-balancer.ts';
import { right } from '../support/installations.ts';
import { seededChance } from '../support/seeded.ts';

const url = new URL('https://shop.xyz.com');
const failed: Reply = { kind: 'failed', code: 'ECONNREFUSED', why: 'connect ECONNREFUSED', tookMs: 1 };
const other = (status: number, location?: string): Reply => ({
  ...{ kind: 'other', status, text: '', rawHeaders: [], setCookies: [], tookMs: 1 },
  headers: location === undefined ? {} : { location },
});

test('a cookie domain: the host itself, below it, a neighbour, a public suffix, an address', () => {
  const cases: readonly (readonly [domain: string, host: string, ok: boolean])[] = [
    ['xyz.com', 'xyz.com', true],
    ['xyz.com', 'SHOP.xyz.com', true],
    ['xyz.com', 'shop.xyz.com.', true],
    ['xyz.com', 'evilxyz.com', false],
    ['shop.xyz.com', 'xyz.com', false],
    ['co.uk', 'shop.co.uk', false],
    ['github.io', 'me.github.io', false],
    ['192.168.1.10', '192.168.1.10', false],
  ];
  for (const [domain, host, ok] of cases) assert.equal(judgeDomainOf([domain], host).ok, ok, `${domain} at ${host}`);
  assert.equal(judgeDomainOf([], 'shop.xyz.com').ok, true);
});

test('plain http: a redirect to the same page is right; to another host, another page, or none is wrong (check 12)', () => {
  const asked = '/page?a=b';
  const at = (status: number, location?: string, setsCookies = false) =>
    judgeRedirect({ kind: 'answer', status, location, setsCookies }, url, asked).ok;
  assert.equal(at(308, 'https://shop.xyz.com/page?a=b'), true);
  assert.equal(at(301, 'https://shop.xyz.com:8443/page?a=b'), true);
  assert.equal(at(301, 'https://www.xyz.com/page?a=b'), false);
  assert.equal(at(301, 'http://shop.xyz.com/page?a=b'), false);
  assert.equal(at(302, '/page?a=b'), false);
  assert.equal(at(302, 'https://shop.xyz.com/'), false);
  assert.equal(at(302, 'https://['), false);
  assert.equal(at(200), false);
  assert.equal(at(403), true);
  assert.equal(at(308, 'https://shop.xyz.com/page?a=b', true), false);
  assert.equal(judgeRedirect({ kind: 'none', why: 'refused' }, url, asked).ok, true);
});

test('clocks: what the network leaves open is no difference; two that agree and are far from ours are not called wrong', () => {
  const at = (node: string, offsetMs: number, uncertainMs = 5) => ({ node, offsetMs, uncertainMs });
  assert.equal(judgeClocks([at('node1', 0), at('node2', 1_500)]).ok, true);
  assert.equal(judgeClocks([at('node1', 0), at('node2', 2_500)]).ok, false);
  assert.equal(judgeClocks([at('node1', 0, 400), at('node2', 2_500, 400)]).ok, true);
  assert.equal(judgeClocks([at('node1', 600_000), at('node2', 600_100)]).ok, 'unknown');
  assert.equal(judgeClocks([]).ok, 'unknown');
});

test('a WebSocket: opened, seen by the node, stripped, refused, by AJP, or nobody knows', () => {
  const answer = answerFor('node1');
  const reply = (saw: Partial<ProbeAnswer['saw']>, upgraded = false): Reply => ({
    ...{ kind: 'answered', answer: { ...answer, saw: { ...answer.saw, ...saw } }, isCopy: false, clockOffsetMs: 0 },
    ...{ status: upgraded ? 101 : 200, headers: {}, rawHeaders: [], setCookies: [], tookMs: 1, upgraded },
  });
  const cases: readonly (readonly [Reply, Passage, ok: boolean | 'unknown'])[] = [
    [reply({}, true), 'upgraded', true],
    [reply({ headers: [['Upgrade', 'WebSocket']] }), 'seen', true],
    [reply({ headers: [['Connection', 'close']] }), 'stripped', false],
    [reply({ ajp: { isSsl: true } }), 'ajp', 'unknown'],
    [other(502), 'refused', 'unknown'],
    [other(426), 'refused', 'unknown'],
    [other(404), 'unknown', 'unknown'],
    [failed, 'refused', 'unknown'],
  ];
  for (const [one, passage, ok] of cases) {
    assert.equal(passageOf(one), passage);
    assert.equal(judgeWebSocket(new Map([['node1', { passage, reply: one }]])).ok, ok, passage);
  }
});

test('of what is forged, only that is called believed which the nodes believe; from a proxy’s own address nobody can say', () => {
  const believes = (ip: string, told: string, remoteAddress = '10.0.0.1') => {
    const answer = answerFor('node1');
    const saw = { ...answer.saw, ip, remoteAddress, headers: [['X-Forwarded-For', told] as const] };
    return judgeAddressSpoof([{ ...answer, saw }], false).ok;
  };
  assert.equal(believes('192.0.2.10', '192.0.2.10'), true);
  assert.equal(believes('192.0.2.10', `${lies.first}, ${lies.second}, 192.0.2.10`), true);
  assert.equal(believes(lies.first, `${lies.first}, ${lies.second}`), false);
  assert.equal(believes(lies.second, `${lies.first}, ${lies.second}`), false);
  assert.equal(believes(lies.second, `${lies.first}, ${lies.second}, 127.0.0.1`), 'unknown');
  assert.equal(believes(lies.first, `${lies.first}, ${lies.second}, 127.0.0.1`), false);
});

test('cookies and sizes: what did not arrive is named, and a failure is said as it came', () => {
  const sent = 'a=b; c="d"';
  const answer = answerFor('node1');
  const arrived = (...lines: readonly string[]): Reply => ({
    ...{ kind: 'answered', isCopy: false, clockOffsetMs: 0, status: 200, headers: {}, rawHeaders: [], setCookies: [] },
    tookMs: 1,
    answer: { ...answer, saw: { ...answer.saw, headers: lines.map((line) => ['Cookie', line] as const) } },
  });
  assert.equal(judgeUnchanged(arrived('a=b; c="d"'), sent).ok, true);
  assert.equal(judgeUnchanged(arrived('c="d"', 'a=b'), sent).ok, true);
  assert.match(judgeUnchanged(arrived('a=b; c=d'), sent).says, /c="d" did not arrive/);
  assert.equal(judgeUnchanged(other(400), sent).ok, 'unknown');
  assert.equal(judgeLarge([], other(431)).ok, false);
  assert.match(judgeLarge([4_096], other(400)).says, /4096 bytes of cookies pass; more is answered 400/);
});

test('the host with the port of its scheme left out is the same host', () => {
  const answer = answerFor('node1');
  const at = (host: string) => judgeHost([{ ...answer, saw: { ...answer.saw, host } }], url).ok;
  assert.equal(at('shop.xyz.com'), true);
  assert.equal(at('Shop.XYZ.com'), true);
  assert.equal(at('10.0.0.1'), false);
});

test('answers that are copies, have an age, or lost their no-store are kept by somebody (check 13)', () => {
  const reply = (headers: Readonly<Record<string, string>>, isCopy = false): Reply => ({
    ...{ kind: 'answered', answer: answerFor('node1'), isCopy, clockOffsetMs: 0, status: 200 },
    ...{ headers, rawHeaders: [], setCookies: [], tookMs: 1 },
  });
  const fresh = reply({ 'cache-control': 'no-store' });
  assert.equal(judgeCaching([fresh, fresh]).ok, true);
  assert.match(judgeCaching([fresh, reply({ 'cache-control': 'no-store' }, true)]).says, /1 of 2 answers were copies/);
  assert.match(judgeCaching([fresh, reply({ 'cache-control': 'no-store', age: '7' })]).says, /the age of 7 s/);
  assert.match(judgeCaching([fresh, reply({})]).says, /arrives as nothing/);
});

test('one cookie name for two purposes is a clash; the same cookie at every node is none', () => {
  const answer = answerFor('node1');
  const latest = new Map([
    ['node1', answer],
    ['node2', { ...answer, node: 'node2' }],
  ]);
  assert.deepEqual(clashesOf({ latest }), []);
  const sticky = { ...answer.cookies.sticky[0]!, name: answer.cookies.sessions[0]!.name };
  const clashing = { ...answer, cookies: { ...answer.cookies, sticky: [sticky] } };
  assert.match(
    clashesOf({ latest: new Map([['node1', clashing]]) })[0]!,
    /is session of shop at \/ and sticky cookie at \//,
  );
});

test('where nothing answers, the balancer itself is named, not the nodes', () => {
  assert.match(judgeAnswers([failed, other(404)]).remedy!, /the balancer itself refuses connections/);
  assert.match(judgeAnswers([other(502), other(404)]).remedy!, /a node that is dead/);
});

test('what cannot be asked says why: nothing listens, another secret, a redirect, a copy, a clock', async () => {
  const why = async (reply: Reply) => {
    const chance = seededChance(1);
    const examination = await examine({ ask: async () => reply, chance, url, path: '/latchkey-probe' });
    return examination.kind === 'not-asked' ? examination.why : assert.fail();
  };
  assert.match(await why(failed), /^it was not reached: connect ECONNREFUSED$/);
  const untrusted: Reply = {
    kind: 'failed',
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    why: 'self-signed certificate',
    tookMs: 1,
  };
  assert.match(
    await why(untrusted),
    /self-signed certificate \(certificates of an authority of your own: --ca FILE\)$/,
  );
  assert.match(await why(other(404)), /no node knows this secret at \/latchkey-probe/);
  assert.match(
    await why(other(308, 'https://shop.xyz.com/')),
    /a redirect to https:\/\/shop\.xyz\.com\/: name that address/,
  );
  const stale = { kind: 'refused', refusal: { error: 'stale', node: 'node1', now: 0 } } as const;
  const came = { status: 409, headers: {}, rawHeaders: [], setCookies: [], tookMs: 1 };
  assert.match(await why({ ...came, ...stale }), /node1 refused the pass: its clock and ours/);
  const copy = { kind: 'answered', answer: answerFor('node1'), isCopy: true, clockOffsetMs: 0 } as const;
  assert.match(await why({ ...came, ...copy, status: 200 }), /a copy of an earlier one/);
});

test('a node that is asked without a balancer is told apart from one that the balancer always picks', async () => {
  const findings = async (forward: Fake['forward']) => {
    const chance = seededChance(3);
    const { nodes } = right['plain http on one machine']!;
    const at = 'http://shop.localhost:8080';
    const ask = fakeBalancer(
      { url: at, nodes, pick: 'address', follow: () => undefined, ...(forward && { forward }) },
      chance,
    );
    const examination = await examine({ ask, chance, url: new URL(at), path: '/latchkey-probe' });
    return examination.kind === 'asked' ? examination.findings : assert.fail();
  };
  const everyNode = (all: readonly Finding[]) => all.find(({ check }) => check === 'every-node')!.says;
  assert.match(everyNode(await findings(undefined)), /node2 and node3 are up and \d+ new visitors never came there/);
  const direct = await findings((headers) => headers);
  assert.match(everyNode(direct), /this is node1 itself, not a balancer/);
  assert.deepEqual(
    direct.filter(({ ok }) => ok === false),
    [],
  );
});

test('nodes that are not behind the balancer are left out when they are named', async () => {
  const fake = { ...right['two nodes']! };
  const nodes = fake.nodes.map((node) => ({ ...node, knows: ['node1', 'node2', 'witness'] }));
  const found = async (without: readonly string[]) => {
    const chance = seededChance(4);
    const examination = await examine({
      ask: fakeBalancer({ ...fake, nodes }, chance),
      chance,
      url,
      path: '/latchkey-probe',
      without,
    });
    return examination.kind === 'asked'
      ? examination.findings.filter(({ ok }) => ok === false).map(({ check }) => check)
      : assert.fail();
  };
  assert.deepEqual(await found([]), ['every-node', 'routes']);
  assert.deepEqual(await found(['witness']), []);
});
