/** Installations behind a fake balancer: right ones, and wrong ones with what the doctor is to find. */

import {
  balancerAddress,
  client,
  type Fake,
  type FakeNode,
  type FakeRequest,
  type Follow,
  ownCookies,
  replaced,
} from './fake-balancer.ts';

const three: readonly FakeNode[] = [{ route: 'node1' }, { route: 'node2' }, { route: 'node3' }];

const afterDot = (value: string): string | undefined =>
  value.includes('.') ? value.slice(value.indexOf('.') + 1) : undefined;

/** mod_proxy_balancer: the first cookie of the name alone, quotes and all; with `url`, a parameter beats it. */
export const asHttpd =
  (name: string, { url }: { readonly url?: string } = {}): Follow =>
  (request) => {
    const inUrl = url === undefined ? undefined : parameter(request, url);
    const value = inUrl ?? request.cookies.find(([one]) => one === name)?.[1];
    return value === undefined ? undefined : afterDot(value);
  };

/** mod_jk: every cookie of the name until one names a worker, without quotes; a path parameter first. */
export const asModJk =
  (name: string, path?: string): Follow =>
  (request, members) => {
    const inUrl = path === undefined ? undefined : parameter({ ...request, query: '' }, path);
    const values = [inUrl, ...request.cookies.filter(([one]) => one === name).map(([, value]) => value)];
    const routes = values.flatMap((value) => (value === undefined ? [] : [afterDot(value.replaceAll('"', ''))]));
    return (
      routes.find((route) => route !== undefined && members.includes(route)) ??
      routes.find((route) => route !== undefined)
    );
  };

/** HAProxy's use-server, nginx's map: the end of the value. */
const byEnd =
  (name: string): Follow =>
  ({ cookies }, members) => {
    const value = cookies.find(([one]) => one === name)?.[1] ?? '';
    return members.find((member) => value.endsWith(`.${member}`));
  };

const ignores: Follow = () => undefined;

function parameter({ path, query }: Pick<FakeRequest, 'path' | 'query'>, name: string): string | undefined {
  const pairs = [...query.split('&'), ...path.split(';').slice(1)];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

const hash = (text: string): number => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);

export const right: Readonly<Record<string, Fake>> = {
  'httpd by requests, which counts sticky requests as load': { nodes: three, follow: asHttpd('STICKY_ROUTE') },
  'mod_jk over AJP': { nodes: three.map((node) => ({ ...node, ajp: true })), follow: asModJk('STICKY_ROUTE') },
  'HAProxy in turns': { nodes: three, follow: byEnd('STICKY_ROUTE'), pick: 'turns' },
  'nginx by chance, following the session': { nodes: three, follow: byEnd('__Host-latchkey-shop'), pick: 'chance' },
  'a balancer with a cookie of its own': { nodes: three, follow: ignores, ownCookie: 'SERVERID', pick: 'turns' },
  'two nodes': { nodes: three.slice(0, 2), follow: asHttpd('STICKY_ROUTE') },
  'five nodes in turns': {
    nodes: [1, 2, 3, 4, 5].map((n) => ({ route: `node${n}` })),
    follow: byEnd('STICKY_ROUTE'),
    pick: 'turns',
  },
  'one node': { nodes: three.slice(0, 1), follow: ignores },
  'addresses as routes': {
    nodes: [{ route: '192-168-1-10' }, { route: '192-168-1-11' }],
    follow: asHttpd('STICKY_ROUTE'),
  },
  'a Zope beside it: quoted on both sides': {
    nodes: three.map((node) => ({ ...node, cookies: { sticky: [{ ...ownCookies.sticky[0]!, quoted: true }] } })),
    members: three.map(({ route }) => `${route}"`),
    follow: asHttpd('STICKY_ROUTE'),
  },
  'plain http on one machine': {
    url: 'http://shop.localhost:8080',
    nodes: three.map((node) => ({
      ...node,
      cookies: { ...ownCookies, sso: { name: 'latchkey', secure: false } },
    })),
    follow: asHttpd('STICKY_ROUTE'),
  },
};

export interface Wrong {
  readonly given: Fake;
  /** The checks that find something wrong, no more and no fewer. */
  readonly finds: readonly string[];
  readonly says: RegExp;
}

const good: Fake = right['httpd by requests, which counts sticky requests as load']!;
const each = (change: Partial<FakeNode>): readonly FakeNode[] => three.map((node) => ({ ...node, ...change }));
const second = (change: Partial<FakeNode>): readonly FakeNode[] => [three[0]!, { ...three[1]!, ...change }, three[2]!];
const appended: Fake['forward'] = (headers, url) => {
  const came = headers.find(([name]) => name === 'X-Forwarded-For')?.[1];
  return [
    ...replaced!(headers, url).filter(([name]) => name !== 'X-Forwarded-For'),
    ['X-Forwarded-For', came === undefined ? client : `${came}, ${client}`],
  ];
};

export const wrong: Readonly<Record<string, Wrong>> = {
  'no stickiness at all': {
    given: { ...good, follow: ignores },
    finds: ['stickiness'],
    says: /no cookie of the nodes leads to its node/,
  },
  'no stickiness, in turns': {
    given: { ...good, follow: ignores, pick: 'turns' },
    finds: ['stickiness'],
    says: /no cookie/,
  },
  "the Plone page's quotes in route=": {
    given: { ...good, members: three.map(({ route }) => `${route}"`) },
    finds: ['stickiness', 'quoting'],
    says: /only in double quotes/,
  },
  'nodes quote, the balancer does not strip': {
    given: {
      ...good,
      nodes: each({ cookies: { sticky: [{ ...ownCookies.sticky[0]!, quoted: true }], sessions: [] } }),
    },
    finds: ['stickiness', 'quoting'],
    says: /the nodes set STICKY_ROUTE in double quotes/,
  },
  'the cookie in small letters': {
    given: { ...good, follow: asHttpd('sticky_route') },
    finds: ['stickiness', 'cookie-name'],
    says: /follows a cookie with the name sticky_route; the nodes set STICKY_ROUTE/,
  },
  'a name from an example': {
    given: { ...good, follow: asModJk('JSESSIONID') },
    finds: ['stickiness', 'cookie-name'],
    says: /JSESSIONID/,
  },
  'the whole value as the route': {
    given: { ...good, follow: ({ cookies }) => cookies.find(([name]) => name === 'STICKY_ROUTE')?.[1] },
    finds: ['stickiness', 'separator'],
    says: /whole value/,
  },
  'routes in capitals': {
    given: { ...good, members: ['NODE1', 'NODE2', 'NODE3'] },
    finds: ['stickiness', 'route-spelling'],
    says: /in capitals/,
  },
  'addresses with dots for routes with dashes': {
    given: {
      ...right['addresses as routes']!,
      members: ['192.168.1.10', '192.168.1.11'],
    },
    finds: ['stickiness', 'route-spelling'],
    says: /dots where the nodes have dashes/,
  },
  "HAProxy's prefix": {
    given: {
      ...good,
      nodes: each({ cookies: { sticky: [] } }),
      follow: ({ cookies }) => /^(.*)~/.exec(cookies.find(([name]) => name === '__Host-latchkey-shop')?.[1] ?? '')?.[1],
    },
    finds: ['stickiness', 'server-prefix'],
    says: /server’s name before the value/,
  },
  'only the address is read': {
    given: { ...good, follow: (request) => afterDot(parameter(request, 'jsessionid') ?? '') },
    finds: ['stickiness', 'route-in-url'],
    says: /jsessionid/,
  },
  "nginx's hash of the cookie": {
    given: {
      ...good,
      nodes: each({ cookies: { sticky: [] } }),
      follow: ({ cookies }, members) => {
        const value = cookies.find(([name]) => name === '__Host-latchkey-shop')?.[1];
        return value === undefined ? undefined : members[hash(value) % members.length];
      },
    },
    finds: ['stickiness', 'affinity-by-hash'],
    says: /by a hash of __Host-latchkey-shop/,
  },
  "nginx's hash of the sticky cookie": {
    given: {
      ...good,
      nodes: each({ cookies: { sessions: [] } }),
      follow: ({ cookies }, members) => {
        const value = cookies.find(([name]) => name === 'STICKY_ROUTE')?.[1];
        return value === undefined ? undefined : members[(hash(value) + 1) % members.length];
      },
    },
    finds: ['stickiness', 'affinity-by-hash'],
    says: /by a hash of STICKY_ROUTE/,
  },
  'one member without a route': {
    given: { ...good, members: ['node1', 'node2', 'unnamed'] },
    finds: ['routes'],
    says: /a cookie of node3 does not lead to it/,
  },
  'two routes exchanged': {
    given: { ...good, members: ['node2', 'node1', 'node3'] },
    finds: ['routes'],
    says: /a cookie of node1 and node2 does not lead to them: it went to node2 and node1/,
  },
  'all routes exchanged': {
    given: { ...good, members: ['node2', 'node3', 'node1'] },
    finds: ['routes'],
    says: /node1 to node3/,
  },
  'no failover for an unknown route': {
    given: { ...good, unknownRoute: 'refused' },
    finds: ['unknown-route'],
    says: /answered 503/,
  },
  'a link steers': {
    given: { ...good, follow: asHttpd('STICKY_ROUTE', { url: 'STICKY_ROUTE' }) },
    finds: ['url-steering'],
    says: /\?STICKY_ROUTE=/,
  },
  'a path parameter steers': {
    given: { ...good, follow: asModJk('STICKY_ROUTE', 'jsessionid') },
    finds: ['url-steering'],
    says: /;jsessionid=/,
  },
  'two cookies of one name': {
    given: {
      ...good,
      nodes: each({
        cookies: {
          sessions: [
            { app: 'shop', name: 'SID', path: '/', secure: true },
            { app: 'desk', name: 'SID', path: '/desk', secure: true },
          ],
        },
      }),
      follow: asHttpd('SID'),
    },
    finds: ['two-cookies'],
    says: /reads the first only/,
  },
  'a node that is never picked': {
    given: { ...good, standby: ['node3'] },
    finds: ['every-node'],
    says: /node3 is up and .* never came there, though a cookie leads to node3/,
  },
  'a node that is missing at the balancer': {
    given: {
      ...good,
      nodes: three.slice(0, 2).map((node) => ({ ...node, knows: ['node1', 'node2', 'node3'] })),
    },
    finds: ['every-node', 'routes'],
    says: /node3 is up and .* never came there/,
  },
  'a dead node that is still picked': {
    given: { ...good, nodes: second({ is: 'dead' }), asksReady: false, pick: 'turns' },
    finds: ['answers'],
    says: /502/,
  },
  'a node with another secret': {
    given: { ...good, nodes: second({ is: 'stranger' }), pick: 'turns' },
    finds: ['same-secret'],
    says: /answered 404/,
  },
  'two clusters behind one balancer': {
    given: {
      ...good,
      nodes: [
        { route: 'node1', knows: ['node2'] },
        { route: 'node2', knows: ['node1'] },
        { route: 'node3', knows: [] },
      ],
    },
    finds: ['one-cluster'],
    says: /node1 does not know node3/,
  },
  'a node that is not ready gets visitors': {
    given: { ...good, nodes: second({ ready: false }), asksReady: false },
    finds: ['ready-nodes'],
    says: /node2 \(cut off\)/,
  },
  'nodes with different cookies': {
    given: {
      ...good,
      nodes: second({ cookies: { sso: { name: '__Host-latchkey', secure: true } } }),
    },
    finds: ['nodes-agree'],
    says: /the SSO cookie differs/,
  },
  'another domain': {
    given: { ...good, url: 'https://shop.example.com' },
    finds: ['cookie-domain'],
    says: /for xyz\.com, and this address is shop\.example\.com/,
  },
  'TLS ends before a node that is not told': {
    given: {
      ...good,
      forward: (headers, url) => replaced!(headers, url).filter(([name]) => name !== 'X-Forwarded-Proto'),
    },
    finds: ['secure'],
    says: /were not told so/,
  },
  'nodes that trust no proxy': {
    given: { ...good, nodes: each({ trusts: 'nobody' }) },
    finds: ['client-address', 'secure'],
    says: /does not believe it/,
  },
  'https said of plain http': {
    given: {
      ...right['plain http on one machine']!,
      forward: (headers, url) =>
        replaced!(headers, url).map(([name, value]) => [name, name === 'X-Forwarded-Proto' ? 'https' : value] as const),
    },
    finds: ['secure'],
    says: /took it for https/,
  },
  'a Secure cookie at an address of plain http': {
    given: { ...good, url: 'http://shop.xyz.com' },
    finds: ['secure'],
    says: /neither keep nor send/,
  },
  'forwarded headers passed through': {
    given: {
      ...good,
      forward: (headers, url) =>
        headers.some(([name]) => name === 'X-Forwarded-For') ? headers : replaced!(headers, url),
    },
    finds: ['address-spoofing', 'host-spoofing', 'scheme-spoofing'],
    says: /X-Forwarded-For that it is somebody else/,
  },
  'everybody is trusted, and addresses are appended': {
    given: { ...good, nodes: each({ trusts: 'everybody' }), forward: appended },
    finds: ['address-spoofing'],
    says: /not trust proxy: true/,
  },
  'the browser’s address is lost': {
    given: {
      ...good,
      forward: (headers, url) => replaced!(headers, url).filter(([name]) => name !== 'X-Forwarded-For'),
    },
    finds: ['client-address'],
    says: new RegExp(`everybody is ${balancerAddress.replaceAll('.', '\\.')}`),
  },
  'the host is lost': {
    given: { ...good, host: () => '10.0.0.11:8080' },
    finds: ['host'],
    says: /browsers ask for shop\.xyz\.com, and node. sees 10\.0\.0\.11:8080/,
  },
  'the port is lost': {
    given: { ...good, url: 'https://shop.xyz.com:8443', host: (host) => host.split(':')[0]! },
    finds: ['host'],
    says: /\$http_host/,
  },
  'paths are rewritten': {
    given: { ...good, rewrite: (url) => `/VirtualHostBase/http/shop.xyz.com:80/portal/VirtualHostRoot${url}` },
    finds: ['path'],
    says: /VirtualHostBase/,
  },
  'a clock that is late': {
    given: { ...good, nodes: second({ clockMs: -30_000 }) },
    finds: ['clocks'],
    says: /30\.0 s ahead of that of node2/,
  },
  'no WebSockets': {
    given: { ...good, upgrades: 'stripped' },
    finds: ['websocket'],
    says: /without its Upgrade header/,
  },
  'small headers only': {
    given: { ...good, headerBytes: 2_000 },
    finds: ['large-headers'],
    says: /4096 bytes of cookies were answered 431/,
  },
  'answers that may be kept': {
    given: { ...good, caches: 'changes-header' },
    finds: ['caching'],
    says: /public, max-age=60/,
  },
  'cookies with a quote are dropped': {
    given: { ...good, cookieFilter: (line) => (line.includes('"') ? undefined : line) },
    finds: ['cookies-unchanged'],
    says: /did not arrive/,
  },
};
