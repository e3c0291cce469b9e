/** How balancers read a cookie: the table that was measured (VALVE-BEHAVIOUR, part 3), for the functions that the doctor decides by. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpdBalancer, routeOfHttpd } from '../../../../server/doctor/reading/httpd/route.ts';
import { jkBalancer, routeOfModJk } from '../../../../server/doctor/reading/mod-jk/route.ts';

const members = [{ route: 'node1' }, { route: 'node2' }];
const proxy = httpdBalancer({ stickysession: 'JSESSIONID|jsessionid', members });
const jk = jkBalancer({ members });

/** The route of the member that it goes to, or why load decides. */
function byHttpd(cookie: string | undefined, url = '/k/o', balancer = proxy): string {
  const routing = routeOfHttpd(cookie, url, balancer);
  return routing.kind === 'member' ? routing.member.route! : routing.kind === 'balanced' ? 'balanced' : routing.why;
}

function byJk(cookie: string | undefined, path = '/k/o', balancer = jk): string {
  const routing = routeOfModJk(cookie, path, balancer);
  return routing.kind === 'member' ? routing.member.route : routing.kind === 'balanced' ? 'balanced' : routing.why;
}

const signed = 'JSESSIONID=s:abc.SIG.node2';

/** Cookie, httpd, mod_jk. */
const table: readonly (readonly [string, string, string])[] = [
  ['JSESSIONID=abc.node2', 'node2', 'node2'],
  ['JSESSIONID=.node2', 'node2', 'node2'],
  ['a=b; JSESSIONID=abc.node2', 'node2', 'node2'],
  ['XJSESSIONID=abc.node1; JSESSIONID=abc.node2', 'node2', 'node2'],
  ['JSESSIONID="abc.node2"', 'balanced', 'node2'],
  [signed, 'balanced', 'balanced'],
  [encodeURIComponent(signed).replace('%3D', '='), 'balanced', 'balanced'],
  ['JSESSIONID=abc%2Enode2', 'balanced', 'balanced'],
  [`JSESSIONID=${Buffer.from('abc.node2').toString('base64')}`, 'balanced', 'balanced'],
  ['JSESSIONID=abc.NODE2', 'balanced', 'balanced'],
  ['JSESSIONID=abc.node2.', 'balanced', 'balanced'],
  ['JSESSIONID=abc.node2 ; a=b', 'balanced', 'balanced'],
  ['JSESSIONID=abc.node9', 'balanced', 'balanced'],
  ['JSESSIONID=abc.node2,x', 'node2', 'node2'],
  ['JSESSIONID=xyz; JSESSIONID=abc.node2', 'balanced', 'node2'],
  ['JSESSIONID=xyz.node9; JSESSIONID=abc.node2', 'balanced', 'node2'],
  ['JSESSIONID=x.node1; JSESSIONID=x.node2', 'node1', 'node1'],
  ['jsessionid=abc.node2', 'balanced', 'balanced'],
  ['JSESSIONID;JSESSIONID=abc.node2', 'balanced', 'node2'],
  ['JSESSIONID ,JSESSIONID=abc.node2', 'balanced', 'node2'],
  ['JSESSIONID; JSESSIONID=abc.node2', 'node2', 'node2'],
  ['JSESSIONID=abc.node2; JSESSIONID', 'node2', 'node2'],
];

for (const [cookie, httpd, modJk] of table)
  test(`${cookie}: httpd → ${httpd}, mod_jk → ${modJk}`, () => {
    assert.deepEqual([byHttpd(cookie), byJk(cookie)], [httpd, modJk]);
  });

test('a route in the address is found, and beats the cookie', () => {
  assert.deepEqual(
    [byHttpd(undefined, '/k/o;jsessionid=abc.node2'), byJk(undefined, '/k/o;jsessionid=abc.node2')],
    ['node2', 'node2'],
  );
  const both = ['JSESSIONID=abc.node2', '/k/o;jsessionid=abc.node1'] as const;
  assert.deepEqual([byHttpd(...both), byJk(...both)], ['node1', 'node1']);
  assert.equal(
    byHttpd('JSESSIONID=abc.node2', '/k/o?x&jsessionid=abc.node1&y'),
    'node1',
    'httpd looks into the query as well',
  );
});

test('what follows a route in the address belongs to it in httpd, unless scolonpathdelim=On', () => {
  const closed = httpdBalancer({ stickysession: 'JSESSIONID|jsessionid', scolonpathdelim: true, members });
  const url = '/k/o;jsessionid=abc.node2;v=1';
  assert.deepEqual(
    [byHttpd(undefined, url), byHttpd(undefined, url, closed), byJk(undefined, url)],
    ['balanced', 'node2', 'node2'],
  );
});

test('without stickysession nothing in a request plays a part, without members nobody is left', () => {
  const loose = httpdBalancer({ members });
  assert.equal(byHttpd('JSESSIONID=abc.node2', '/k/o;jsessionid=abc.node2', loose), 'balanced');
  assert.equal(byHttpd('JSESSIONID=abc.node2', '/', httpdBalancer({ members: [] })), 'nobody');
  assert.equal(byJk('JSESSIONID=abc.node2', '/', jkBalancer({ isSticky: false, members })), 'balanced');
});

test("a member that is away: another by load, or its redirect's, or nobody where failover is forbidden", () => {
  const down = [{ route: 'node1', isUsable: false }, { route: 'node2' }, { route: 'node3' }];
  const cookie = 'S=x.node1';
  const among = (balancer: ReturnType<typeof httpdBalancer>) => {
    const routing = routeOfHttpd(cookie, '/', balancer);
    return routing.kind === 'balanced' ? [routing.why, ...routing.among.map(({ route }) => route)] : routing;
  };
  assert.deepEqual(among(httpdBalancer({ stickysession: 'S', members: down })), ['unusable', 'node2', 'node3']);
  assert.equal(byHttpd(cookie, '/', httpdBalancer({ stickysession: 'S', nofailover: true, members: down })), 'forced');
  assert.equal(
    byHttpd('S=x.node9', '/', httpdBalancer({ stickysession: 'S', nofailover: true, members: down })),
    'balanced',
  );
  const redirected = [{ ...down[0]!, redirect: 'node3' }, ...down.slice(1)];
  assert.equal(byHttpd(cookie, '/', httpdBalancer({ stickysession: 'S', members: redirected })), 'node3');
  const round = [
    { ...down[0]!, redirect: 'node2' },
    { route: 'node2', isUsable: false, redirect: 'node1' },
    { route: 'node3' },
  ];
  assert.equal(
    byHttpd(cookie, '/', httpdBalancer({ stickysession: 'S', members: round })),
    'balanced',
    'a circle ends',
  );
});

test('V118: a member that drains keeps its visitors and gets nobody new, and so does one that is disabled in mod_jk', () => {
  const draining = httpdBalancer({
    stickysession: 'S',
    members: [{ route: 'node1', isDraining: true }, { route: 'node2' }],
  });
  assert.equal(byHttpd('S=x.node1', '/', draining), 'node1');
  const fresh = routeOfHttpd(undefined, '/', draining);
  assert.deepEqual(fresh.kind === 'balanced' && fresh.among.map(({ route }) => route), ['node2']);
  const disabled = jkBalancer({ members: [{ route: 'node1', activation: 'disabled' }, { route: 'node2' }] });
  assert.equal(byJk('JSESSIONID=x.node1', '/', disabled), 'node1');
  const newcomer = routeOfModJk(undefined, '/', disabled);
  assert.deepEqual(newcomer.kind === 'balanced' && newcomer.among.map(({ route }) => route), ['node2']);
});

test('standbys and higher sets wait until nobody else can', () => {
  const of = (first: { isUsable: boolean }) => {
    const routing = routeOfHttpd(
      undefined,
      '/',
      httpdBalancer({
        members: [
          { route: 'a', ...first },
          { route: 'b', isStandby: true },
          { route: 'c', set: 1 },
        ],
      }),
    );
    return routing.kind === 'balanced' && routing.among.map(({ route }) => route);
  };
  assert.deepEqual([of({ isUsable: true }), of({ isUsable: false })], [['a'], ['b']]);
});

test('V114: mod_jk sends a route whose node is away to its domain first, and to the redirect before that', () => {
  const domain = [{ route: 'left.n1', isDown: true }, { route: 'left.n2' }, { route: 'right.n3' }];
  const routing = routeOfModJk('JSESSIONID=x.left.n1', '/', jkBalancer({ members: domain }));
  assert.deepEqual(routing.kind === 'balanced' && [routing.why, ...routing.among.map(({ route }) => route)], [
    'domain',
    'left.n2',
  ]);
  const redirected = [{ ...domain[0]!, redirect: 'right.n3' }, ...domain.slice(1)];
  assert.equal(byJk('JSESSIONID=x.left.n1', '/', jkBalancer({ members: redirected })), 'right.n3');
  assert.equal(byJk('JSESSIONID=x.left.n1', '/', jkBalancer({ isForced: true, members: domain })), 'forced');
  assert.equal(
    byJk('JSESSIONID=x.nobody', '/', jkBalancer({ isForced: true, members })),
    'forced',
    'an old cookie as well',
  );
});

test('a cookie without a name is looked for to the end of the header and no further', () => {
  const nameless = httpdBalancer({ stickysession: '|jsessionid', members });
  assert.equal(byHttpd('a=b', '/', nameless), 'balanced');
  assert.equal(byJk('a=b', '/', jkBalancer({ cookie: '', members })), 'balanced');
});

test('a separator other than the dot, and none: the whole value is the route', () => {
  const other = httpdBalancer({ stickysession: 'S', stickysessionsep: '!', members });
  const none = httpdBalancer({ stickysession: 'S', stickysessionsep: 'Off', members });
  assert.deepEqual([byHttpd('S=a.b!node2', '/', other), byHttpd('S=a.node2', '/', other)], ['node2', 'balanced']);
  assert.deepEqual([byHttpd('S=node2', '/', none), byHttpd('S=a.node2', '/', none)], ['node2', 'balanced']);
});
