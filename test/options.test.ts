import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../sso/errors.ts';
import { deriveKeys } from '../sso/keys.ts';
import { type NodeOptions, resolveOptions } from '../sso/options.ts';

const secret = 'k3J9sQ0vXw7Zb2Lr8Tn5Yp4Gd6Hf1Mc0RaUe';

const notMade = () => assert.fail('a channel was made');

/** Each wrong configuration, and the one line that it must end with. */
const wrong: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  [
    'check 4: a cookieDomain that is a public suffix',
    { cookieDomain: 'co.uk' },
    /^cookieDomain: "co\.uk" is a public suffix/,
  ],
  ['check 4: a cookieDomain that is a top-level domain', { cookieDomain: 'com' }, /^cookieDomain: .*public suffix/],
  [
    'check 4: a cookieDomain of the private section of the list',
    { cookieDomain: 'github.io' },
    /^cookieDomain: .*public suffix/,
  ],
  ['check 4: a cookieDomain that is an IPv4 address', { cookieDomain: '192.168.1.10' }, /^cookieDomain: .*IP address/],
  ['check 4: a cookieDomain that is an IPv6 address', { cookieDomain: '[::1]' }, /^cookieDomain: .*no domain name/],
  [
    'check 4: a cookieDomain with a leading dot',
    { cookieDomain: '.xyz.com' },
    /^cookieDomain: .*must not begin with a dot: write xyz\.com/,
  ],
  [
    'check 4: a cookieDomain with a trailing dot',
    { cookieDomain: 'xyz.com.' },
    /^cookieDomain: .*must not end with a dot/,
  ],
  ['check 4: a cookieDomain with two dots', { cookieDomain: 'xyz..com' }, /^cookieDomain: .*no domain name/],
  [
    'a cookieDomain with an attribute smuggled in',
    { cookieDomain: 'xyz.com; Path=/x' },
    /^cookieDomain: .*no domain name/,
  ],
  ['a cookieDomain that is a URL', { cookieDomain: 'https://xyz.com' }, /^cookieDomain: .*no domain name/],
  ['a cookieDomain that is no text', { cookieDomain: 7 }, /^cookieDomain: /],
  [
    'a previous cookieDomain that is wrong',
    { previousCookieDomains: ['xyz.com', 'co.uk'] },
    /^previousCookieDomains\[1\]: /,
  ],
  ['a cookie name with a space', { cookieName: 'my sso' }, /^cookieName: must be a cookie name/],
  [
    'a __Host- name with a domain',
    { cookieName: '__Host-sso', cookieDomain: 'xyz.com' },
    /^cookieName: browsers refuse __Host-/,
  ],
  ['an empty cookie name', { cookieName: '' }, /^cookieName: /],
  ['V58: a negative maxEmptyLife', { maxEmptyLife: -1 }, /^maxEmptyLife: must be 0 or more seconds/],
  [
    'V58: a maxEmptyLife that is not a number',
    { maxEmptyLife: Number.NaN },
    /^maxEmptyLife: must be a number of seconds/,
  ],
  ['V58: a maxEmptyLife in quotes', { maxEmptyLife: '1800' }, /^maxEmptyLife: must be a number of seconds/],
  ['V58: a maxEmptyLife beyond all sense', { maxEmptyLife: Number.POSITIVE_INFINITY }, /^maxEmptyLife: /],
  ['a negative processExpiresInterval', { processExpiresInterval: -5 }, /^processExpiresInterval: /],
  [
    'requireReauthentication: true, which would need passwords kept',
    { requireReauthentication: true },
    /^requireReauthentication: must be false, or \{ check, everyMs \}/,
  ],
  ['a life of zero', { lifeMs: 0 }, /^lifeMs: /],
  ['a life of a year', { lifeMs: 365 * 86_400_000 }, /^lifeMs: must be at most 30 days/],
  ['SameSite=None without Secure', { sameSite: 'none', allowInsecureCookie: true }, /^sameSite: none needs Secure/],
  ['Partitioned without Secure', { partitioned: true, allowInsecureCookie: true }, /^partitioned: needs Secure/],
  ['an unknown sameSite', { sameSite: 'relaxed' }, /^sameSite: must be lax, strict or none/],
  ['an origin with a path', { origins: ['https://app1.xyz.com/login'] }, /^origins\[0\]: .*must be an origin alone/],
  ['an origin with a wildcard', { origins: ['https://*.xyz.com'] }, /^origins\[0\]: /],
  ['an origin that is a script', { origins: ['javascript:alert(1)'] }, /^origins\[0\]: /],
  ['V116: a route with a semicolon', { route: 'node;1' }, /^route: may hold letters/],
  ['V116: a route with a comma', { route: 'node,1' }, /^route: /],
  ['V116: a route with a space', { route: 'node 1' }, /^route: /],
  ['V116: a route with a quote', { route: '192-168-1-10"' }, /^route: /],
  ['V116: a route of dots alone', { route: '..' }, /^route: /],
  ['an empty route', { route: '' }, /^route: /],
  ['an option that does not exist', { cookieDomian: 'xyz.com' }, /^cookieDomian: is no option/],
  [
    'an option of the cluster that does not exist',
    { cluster: { listen: '127.0.0.1:7800', peers: [] } },
    /^cluster\.peers: is no option/,
  ],
  ['a cluster without an address', { cluster: {} }, /^cluster\.listen: /],
  [
    'an address to listen on beside a channel',
    { cluster: { channel: notMade, listen: '10.0.0.1:7800' } },
    /^cluster\.listen: is for connections between the nodes/,
  ],
  [
    'addresses where a channel knows names',
    { cluster: { channel: notMade, nodes: ['node1', '10.0.0.2:7800'] } },
    /^cluster\.nodes\[1\]: must be a route/,
  ],
  ['a cluster address without a port', { cluster: { listen: '10.0.0.1' } }, /^cluster\.listen: must be address:port/],
  [
    'a node address without a port',
    { cluster: { listen: '10.0.0.1:7800', nodes: ['10.0.0.2'] } },
    /^cluster\.nodes\[0\]: must be address:port/,
  ],
  ['a limit of zero', { limits: { entries: 0 } }, /^limits\.entries: must be a whole number above 0/],
  [
    'Clear-Site-Data for cookies',
    { clearSiteData: ['cookies'] },
    /^clearSiteData\[0\]: .*cookies would empty the whole registrable domain/,
  ],
  [
    'a hook that is none',
    { hooks: { onSignOn: ['stickyRoute'] } },
    /^hooks\.onSignOn\[0\]: must be hooks such as stickyRoute\(\)/,
  ],
];

for (const [what, options, line] of wrong) {
  test(`refused at start: ${what}`, () => {
    assert.throws(
      () => resolveOptions({ secret, ...options } as NodeOptions),
      (error) =>
        error instanceof SsoError &&
        error.code === 'ERR_CONFIG_INVALID' &&
        line.test(error.message) &&
        !error.message.includes('\n'),
    );
  });
}

for (const [what, value] of [
  ['none', undefined],
  ['an empty one', ''],
  ['a short one', 'k3J9sQ0vXw7Zb2Lr8Tn5'],
  ['a placeholder', 'change-me-change-me-change-me-change-me'],
  ['one letter many times', 'a'.repeat(64)],
  ['an empty list', []],
  ['a list with a short one', [secret, 'short']],
] as const) {
  test(`refused at start: as a secret, ${what}`, () => {
    assert.throws(() => deriveKeys(value as string), { code: 'ERR_CONFIG_INVALID', message: /^secret: / });
  });
}

test('V58: a maxEmptyLife of billions of milliseconds does not overflow', () => {
  assert.equal(resolveOptions({ secret, maxEmptyLife: 3_000_000 }).maxEmptyLifeMs, 3_000_000_000);
});

test("V07: the guide's '/' means no domain, and so the host's own cookie", () => {
  const settings = resolveOptions({ secret, cookieDomain: '/' });
  assert.equal(settings.cookieDomain, undefined);
  assert.equal(settings.cookieName, '__Host-latchkey');
});

test('checks 1 and 2: the name follows from the domain, plain only where insecure cookies are allowed', () => {
  assert.equal(resolveOptions({ secret, cookieDomain: 'XYZ.com' }).cookieName, '__Secure-latchkey');
  assert.equal(resolveOptions({ secret, cookieDomain: 'XYZ.com' }).cookieDomain, 'xyz.com');
  assert.equal(resolveOptions({ secret, allowInsecureCookie: true }).cookieName, 'latchkey');
});

test('a route may name a domain of nodes, as mod_jk has them', () => {
  assert.equal(resolveOptions({ secret, route: 'rack1.node-2' }).route, 'rack1.node-2');
});
