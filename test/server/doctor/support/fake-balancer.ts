/**
 * A balancer and its nodes as one function: a question goes in, what the doctor would get comes out. It reads
 * cookies, spreads load, adds headers and answers as the real ones do, right or wrong as it is told.
 */

import type { Ask, Chance, Question, Reply } from '../../../../server/doctor/asking.ts';
import type { ProbeAnswer, ProbedCookies } from '../../../../sso/index.ts';

export interface FakeNode {
  readonly route: string;
  /** What is at this member's address. Default a node of the cluster. */
  readonly is?: 'node' | 'stranger' | 'dead';
  readonly ready?: boolean;
  /** Ahead of the doctor's clock, milliseconds. */
  readonly clockMs?: number;
  /** Whom it counts among its cluster. Default all nodes. */
  readonly knows?: readonly string[];
  readonly cookies?: Partial<ProbedCookies>;
  /** Whose forwarded headers it believes. Default the balancer's. */
  readonly trusts?: 'balancer' | 'everybody' | 'nobody';
  /** By AJP, the scheme and the address come with the protocol. */
  readonly ajp?: boolean;
}

/** What the balancer makes of a request: the member's name there, or nothing. */
export type Follow = (request: FakeRequest, members: readonly string[]) => string | undefined;

export interface FakeRequest {
  readonly path: string;
  readonly query: string;
  /** Pairs of all Cookie lines, in their order. */
  readonly cookies: readonly (readonly [name: string, value: string])[];
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Fake {
  readonly url?: string;
  readonly nodes: readonly FakeNode[];
  /** The balancer's names for its members, in the order of the nodes. Default their routes. */
  readonly members?: readonly string[];
  readonly follow: Follow;
  /** Who gets a request without a route. Default `least`: who had the fewest requests, sticky ones counted, as httpd does by requests. */
  readonly pick?: 'least' | 'turns' | 'chance' | 'address';
  /** Members that get no new visitors. */
  readonly standby?: readonly string[];
  /** A route that is no member's. Default it is balanced. */
  readonly unknownRoute?: 'refused';
  /** What arrives of the headers that a client sent, and what is added; default: all forwarded ones replaced. */
  readonly forward?: (headers: FakeRequest['headers'], url: URL) => FakeRequest['headers'];
  /** Paths at the node. */
  readonly rewrite?: (url: string) => string;
  /** Host at the node. */
  readonly host?: (host: string) => string;
  readonly cookieFilter?: (line: string) => string | undefined;
  readonly upgrades?: 'passed' | 'stripped' | 'refused';
  /** Most bytes of headers. */
  readonly headerBytes?: number;
  readonly caches?: 'all' | 'changes-header';
  /** The balancer's own cookie: its name. */
  readonly ownCookie?: string;
  /** Whether it asks `readyz`, and sends no new visitors to who is not ready. Default true. */
  readonly asksReady?: boolean;
  /** A resting node's visitors get this. */
  readonly restStatus?: number;
}

export const client = '192.0.2.10';
export const balancerAddress = '10.0.0.1';

/** Sets the headers itself, whatever came. */
export const replaced: NonNullable<Fake['forward']> = (headers, url) => [
  ...headers.filter(([name]) => !/^(?:x-forwarded-|forwarded$|x-real-ip$)/i.test(name)),
  ['X-Forwarded-For', client],
  ['X-Forwarded-Proto', url.protocol.slice(0, -1)],
];

export const ownCookies: ProbedCookies = {
  sso: { name: '__Secure-latchkey', domain: 'xyz.com', secure: true },
  sessions: [{ app: 'shop', name: '__Host-latchkey-shop', path: '/', secure: true }],
  sticky: [{ name: 'STICKY_ROUTE', path: '/', quoted: false, routeFrom: 'node' }],
};

export function fakeBalancer(fake: Fake, chance: Chance): Ask & { readonly asked: () => number } {
  const { nodes, follow, pick = 'least', unknownRoute, members = nodes.map(({ route }) => route) } = fake;
  const { standby = [], asksReady = true, forward = replaced, upgrades = 'passed' } = fake;
  const url = new URL(fake.url ?? 'https://shop.xyz.com');
  const counts = new Map(members.map((member) => [member, 0]));
  const resting = new Set<string>();
  let asked = 0;
  let turn = 0;
  let kept: ProbeAnswer | undefined;

  const free = (): string => {
    const open = members.filter((member, index) => {
      const { route, is, ready = true } = nodes[index]!;
      const known = !asksReady || (is !== 'dead' && ready && !resting.has(route));
      return known && !standby.includes(member);
    });
    if (pick === 'address') return open[0]!;
    if (pick === 'chance') return open[Math.floor(chance() * open.length)]!;
    if (pick === 'turns') return open[turn++ % open.length]!;
    return open.reduce((best, one) => (counts.get(one)! < counts.get(best)! ? one : best));
  };

  const ask = async (question: Question = {}): Promise<Reply> => {
    asked++;
    const request = requestOf(question, url);
    const bytes = request.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (bytes > (fake.headerBytes ?? 16_000)) return other(431);
    if (fake.caches === 'all' && kept !== undefined && question.rest === undefined) return answered(kept, fake, true);
    const own = fake.ownCookie && request.cookies.find(([name]) => name === fake.ownCookie)?.[1];
    const named = own || follow(request, members);
    const isMember = named !== undefined && members.includes(named);
    if (named !== undefined && !isMember && unknownRoute === 'refused') return other(503);
    const member = isMember ? named : free();
    counts.set(member, counts.get(member)! + 1);
    const node = nodes[members.indexOf(member)]!;
    if (node.is === 'dead') return other(502);
    if (node.is === 'stranger') return other(404);
    if (question.rest !== undefined) {
      if (question.rest.node !== node.route) return refused(node.route);
      if (question.rest.ms > 0) resting.add(node.route);
      else resting.delete(node.route);
    } else if (resting.has(node.route) && fake.restStatus !== undefined) return other(fake.restStatus);
    const isUpgrade = question.isUpgrade === true;
    if (isUpgrade && upgrades === 'refused') return other(400);
    const passed = isUpgrade && upgrades === 'passed' && node.ajp !== true;
    const answer = answerOf(fake, node, arrives(fake, request, url, passed, forward), url);
    kept ??= answer;
    return { ...answered(answer, fake, false, member), ...(isUpgrade && { upgraded: passed }) };
  };
  return Object.assign(ask, { asked: () => asked });
}

function requestOf({ below = '', cookies = [], headers = [], isUpgrade }: Question, url: URL): FakeRequest {
  const [path, query = ''] = `/latchkey-probe${below}`.split('?') as [string, string?];
  return {
    path,
    query,
    cookies: cookies
      .flatMap((line) => line.split(/;\s*/))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    headers: [
      ['Host', url.host],
      ...headers,
      ...cookies.map((line) => ['Cookie', line] as const),
      ...(isUpgrade
        ? ([
            ['Connection', 'Upgrade'],
            ['Upgrade', 'websocket'],
          ] as const)
        : []),
    ],
  };
}

interface Arrived {
  readonly url: string;
  readonly headers: FakeRequest['headers'];
}

function arrives(
  fake: Fake,
  { path, query, headers }: FakeRequest,
  url: URL,
  passesUpgrade: boolean,
  forward: NonNullable<Fake['forward']>,
): Arrived {
  const { rewrite = String, host = String, cookieFilter = (line: string) => line } = fake;
  const all = forward(headers, url).flatMap(([name, value]): FakeRequest['headers'] => {
    if (name === 'Host') return [[name, host(value)]];
    if (name === 'Upgrade' || name === 'Connection') return passesUpgrade ? [[name, value]] : [];
    if (name !== 'Cookie') return [[name, value]];
    const line = cookieFilter(value);
    return line === undefined ? [] : [[name, line]];
  });
  return { url: rewrite(query === '' ? path : `${path}?${query}`), headers: all };
}

function answerOf({ nodes }: Fake, node: FakeNode, { url: at, headers }: Arrived, url: URL): ProbeAnswer {
  const { route, ready = true, clockMs = 0, trusts = 'balancer', cookies, ajp } = node;
  const { knows = nodes.filter(({ is }) => is === undefined || is === 'node').map((one) => one.route) } = node;
  const value = (name: string) => headers.find(([one]) => one.toLowerCase() === name)?.[1];
  const told = value('x-forwarded-for')?.split(/,\s*/) ?? [];
  const hops = [...told, balancerAddress].reverse();
  const ip =
    trusts === 'nobody'
      ? balancerAddress
      : trusts === 'everybody'
        ? hops.at(-1)!
        : (hops.find((one) => one !== balancerAddress) ?? balancerAddress);
  const scheme = trusts === 'nobody' ? 'http' : (value('x-forwarded-proto') ?? 'http').split(',', 1)[0]!.trim();
  const protocol = ajp ? url.protocol.slice(0, -1) : scheme;
  return {
    version: 1,
    nonce: '',
    node: route,
    state: 'up',
    ready,
    why: ready ? [] : [{ reason: 'cut off' }],
    now: Date.now() + clockMs,
    members: [route, ...knows.filter((one) => one !== route)].map((one) => ({
      node: one,
      state: 'up',
      reachable: true,
    })),
    cookies: { ...ownCookies, ...cookies },
    saw: {
      ...{ method: 'GET', url: at, httpVersion: '1.1', host: value('host'), protocol, secure: protocol === 'https' },
      ip: ajp ? client : ip,
      ...{ remoteAddress: ajp ? client : balancerAddress, localAddress: '10.0.0.11', localPort: 8080 },
      headers,
      headerBytes: 0,
      ...(ajp && { ajp: { isSsl: protocol === 'https' } }),
    },
  };
}

function answered(answer: ProbeAnswer, fake: Fake, isCopy: boolean, member?: string): Reply {
  const setCookies = fake.ownCookie && member ? [`${fake.ownCookie}=${member}; path=/`] : [];
  const cacheControl = fake.caches === 'changes-header' ? 'public, max-age=60' : 'no-store';
  const clockOffsetMs = answer.now - Date.now();
  return {
    ...{ kind: 'answered', answer, isCopy, clockOffsetMs, status: 200, tookMs: 2 },
    ...{ headers: { 'cache-control': cacheControl }, rawHeaders: [], setCookies },
  };
}

const other = (status: number): Reply => ({
  ...{ kind: 'other', status, headers: {}, rawHeaders: [], setCookies: [], tookMs: 1, text: '' },
});

const refused = (node: string): Reply => ({
  ...{ kind: 'refused', refusal: { error: 'other-node', node, now: 0 } },
  ...{ status: 409, headers: {}, rawHeaders: [], setCookies: [], tookMs: 1 },
});

/** What a node says to a request that arrived as it should. */
export function answerFor(route: string): ProbeAnswer {
  const url = new URL('https://shop.xyz.com');
  const headers = replaced([['Host', url.host]], url);
  return answerOf({ nodes: [{ route }], follow: () => undefined }, { route }, { url: '/latchkey-probe', headers }, url);
}
