import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { SsoError } from '../sso/errors.ts';
import { checkOptions } from '../sso/index.ts';
import { deriveKeys } from '../sso/keys.ts';
import { fingerprintOf } from '../sso/node/channel.ts';
import { type NodeOptions, resolveOptions } from '../sso/options.ts';
import { optionsSchema } from '../sso/options-schema.ts';

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
  ['a life of who is remembered that is none', { remember: {} }, /^remember\.lifeMs: must be a number/],
  ['a life of who is remembered as text', { remember: { lifeMs: '30 days' } }, /^remember\.lifeMs: must be a number/],
  [
    'a life of who is remembered beyond what browsers keep',
    { remember: { lifeMs: 401 * 86_400_000 } },
    /^remember\.lifeMs: must be at most 400 days/,
  ],
  [
    'who is remembered signed off sooner than the others',
    { remember: { lifeMs: 3_600_000 } },
    /^remember\.lifeMs: must be at least lifeMs \(43200000\)/,
  ],
  ['remember: true', { remember: true }, /^remember: must be an object: \{ lifeMs \}/],
  ['remember in days', { remember: { days: 30 } }, /^remember\.(days|lifeMs): /],
  ['no sign-ons at all', { maxSignOns: 0 }, /^maxSignOns: must be a whole number above 0/],
  ['half a sign-on', { maxSignOns: 1.5 }, /^maxSignOns: must be a whole number above 0/],
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
  [
    'an option that does not exist',
    { cookieDomian: 'xyz.com' },
    /^cookieDomian: is no option: did you mean "cookieDomain"\?$/,
  ],
  ['an option that is like none', { zebra: 1 }, /^zebra: is no option: there are secret, retiredSecrets, .*world$/],
  [
    'an option of a group that does not exist, before what is missing because of it',
    { cluster: { lissten: '127.0.0.1:7800', dns: { port: 1 } } },
    /^cluster\.lissten: is no option: did you mean "listen"\?$/,
  ],
  [
    'an option of what may be false',
    { requireReauthentication: { check: () => true, everyMS: 1 } },
    /^requireReauthentication\.everyMS: is no option: did you mean "everyMs"\?$/,
  ],
  [
    'an option of the cluster beside it',
    { nodes: ['10.0.0.1:7800'] },
    /^nodes: is no option: did you mean "cluster\.nodes"\?$/,
  ],
  [
    'a limit in the cluster',
    { cluster: { listen: '127.0.0.1:7800', entries: 5 } },
    /^cluster\.entries: is no option: did you mean "limits\.entries"\?$/,
  ],
  [
    'an option of the node in the cluster, where another is near',
    { cluster: { listen: '127.0.0.1:7800', lifeMs: 5_000 } },
    /^cluster\.lifeMs: is no option: did you mean "lifeMs", one level up\?$/,
  ],
  [
    'an option of sessions()',
    { maxActiveSessions: 5 },
    /^maxActiveSessions: is no option: it is one of sessions\(\), for each application$/,
  ],
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
  [
    'an empty name of a pool',
    { cluster: { listen: '10.0.0.1:7800', buddyPool: '' } },
    /^cluster\.buddyPool: must be the name/,
  ],
  [
    'a name of a pool that is too long',
    { cluster: { listen: '10.0.0.1:7800', buddyPool: 'x'.repeat(65) } },
    /^cluster\.buddyPool: must be at most 64 characters/,
  ],
  [
    'an empty host',
    { cluster: { listen: '10.0.0.1:7800', host: '' } },
    /^cluster\.host: must be the name of the machine/,
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
    /^hooks\.onSignOn\[0\]: must be a hook such as stickyRoute\(\)/,
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

/** One of each type: of every option some are wrong. */
const samples: readonly unknown[] = [5, -1, 1.5, 'x', '', true, null, [], [5], [{}], {}, () => {}];

/** Every option by its path, those inside `cluster`, `limits`, … included. */
function optionPaths(schema: unknown, path: readonly string[] = []): (readonly string[])[] {
  const { shape, unwrap } = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown };
  const inner = shape === undefined && unwrap !== undefined ? unwrap.call(schema) : schema;
  const fields = (inner as { shape?: Record<string, unknown> }).shape;
  const own = path.length === 0 ? [] : [path];
  if (fields === undefined) return own;
  return [...own, ...Object.entries(fields).flatMap(([name, field]) => optionPaths(field, [...path, name]))];
}

/** `value` at this path, in what is otherwise right. */
function optionsWith([name, ...rest]: readonly string[], value: unknown, around: object = {}): object {
  return { ...around, [name!]: rest.length === 0 ? value : optionsWith(rest, value) };
}

for (const path of optionPaths(optionsSchema)) {
  const name = path.join('.');
  if (name === 'secret') continue; // Its check is that of the keys, below.
  test(`T17: whatever ${name} is given that is of the wrong type is refused in words that name it and say what it must be`, () => {
    const refused = samples.flatMap((value) => {
      const issues = optionsSchema.safeParse(optionsWith(path, value)).error?.issues ?? [];
      // What else is missing beside it has a line of its own; only its own are looked at.
      return issues
        .filter((issue) => path.every((step, i) => issue.path[i] === step))
        .map(({ path: at, message, code }) => ({ value, at, message, code }));
    });
    assert.ok(refused.length > 0, 'nothing is wrong for it');
    for (const { value, at, message } of refused)
      assert.match(message, /^(must|may|names) |must /, `${at.join('.')} = ${JSON.stringify(value)}`);
    assert.ok(
      refused.some(({ message }) => message.includes('must')),
      'it says what it must be',
    );
    const [value] = samples.filter((one) => !optionsSchema.safeParse(optionsWith(path, one, { secret })).success);
    assert.throws(
      () => resolveOptions(optionsWith(path, value, { secret }) as NodeOptions),
      ({ message }: SsoError) => message.startsWith(path[0]!) && !/Invalid input|expected/.test(message),
    );
  });
}

test('a node has no buddy pool and the name of its machine, unless it is told others', () => {
  const placeOf = (cluster?: object) => {
    const { buddyPool, host } = resolveOptions({
      secret,
      cluster: { listen: '10.0.0.1:7800', ...cluster },
    } as NodeOptions);
    return [buddyPool, host];
  };
  assert.deepEqual(placeOf(), ['', hostname()]);
  assert.deepEqual(placeOf({ buddyPool: 'rack-a', host: 'machine-1' }), ['rack-a', 'machine-1']);
});

test('T17: options that are none at all are refused in words', () => {
  for (const options of [undefined, null, 5, 'x', []])
    assert.throws(() => resolveOptions(options as unknown as NodeOptions), {
      code: 'ERR_CONFIG_INVALID',
      message: /^must be an object: \{ secret, /,
    });
});

for (const [what, value] of [
  ['none', undefined],
  ['a number', 5],
  ['an object', {}],
  ['an empty one', ''],
  ['a short one', 'k3J9sQ0vXw7Zb2Lr8Tn5'],
  ['a placeholder', 'change-me-change-me-change-me-change-me'],
  ['one letter many times', 'a'.repeat(64)],
  ['an empty list', []],
  ['a list with a short one', [secret, 'short']],
] as const) {
  test(`refused at start: as a secret, ${what}`, () => {
    assert.throws(() => deriveKeys(value as string), { code: 'ERR_CONFIG_INVALID', message: /^secret: (must|looks)/ });
  });
}

test('V58: a maxEmptyLife of billions of milliseconds does not overflow', () => {
  assert.equal(resolveOptions({ secret, maxEmptyLife: 3_000_000 }).maxEmptyLifeMs, 3_000_000_000);
});

const hosts = ['web1.example.org:7800', 'web2.example.org:7800', 'db.example.org:7900'];
for (const [what, route, listen, line] of [
  [
    'the host that its route names',
    'web2',
    '0.0.0.0:7800',
    /add to cluster the line "advertise: web2\.example\.org:7800"$/,
  ],
  ['the only one with its port', 'n1', '[::]:7900', /the line "advertise: db\.example\.org:7900"$/],
  [
    'one of several',
    'n1',
    '0.0.0.0:7800',
    /the line "advertise: web1\.example\.org:7800" \(or another of cluster\.nodes\)$/,
  ],
] as const) {
  test(`a node that listens everywhere, and is a voter by host name, is told the line to add: ${what}`, () => {
    const { warnings, cluster } = checkOptions({ secret, route, cluster: { listen, nodes: hosts } });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, line);
    assert.equal(cluster?.hasVote, false);
    const advertise = /"advertise: ([^"]+)"/.exec(warnings[0]!)![1]!;
    const mended = checkOptions({ secret, route, cluster: { listen, advertise, nodes: hosts } });
    assert.deepEqual([mended.warnings, mended.cluster?.hasVote], [[], true]);
  });
}

test('options are checked as at a start, and nothing is started: secrets, names, addresses, certificates', () => {
  const listen = '127.0.0.1:7800';
  const refused: readonly (readonly [Partial<NodeOptions>, RegExp])[] = [
    [{ secret: 'short' }, /^secret: must be at least 32 bytes/],
    [{ retiredSecrets: ['short'] }, /^retiredSecrets: must be at least 32 bytes/],
    [{ cluster: { listen, name: 'a b' } }, /^cluster\.name: /],
    [{ cluster: { listen, nodes: ['10.0.0.1:99999'] } }, /^cluster\.nodes\[0\]: "10\.0\.0\.1:99999" is no address/],
    [{ cluster: { listen, tls: { cert: 'x', key: 'x', ca: 'x' } } }, /^cluster\.tls\.cert: holds no certificate/],
  ];
  for (const [options, message] of refused)
    assert.throws(() => checkOptions({ secret, route: 'n1', ...options }), { code: 'ERR_CONFIG_INVALID', message });
  const nodes = ['10.0.0.1:7800', '10.0.0.2:7800', '10.0.0.3:7800'];
  assert.deepEqual(checkOptions({ secret, route: 'n1', cluster: { listen: nodes[0]!, nodes } }), {
    route: 'n1',
    cluster: { voters: nodes, hasVote: true, whenCutOff: 'refuse' },
    warnings: [],
  });
  assert.equal(checkOptions({ secret, dataDir: '/nowhere/at/all' }).cluster, undefined);
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

test('check 29: of maxSignOns and limits.entriesPerUser the smaller counts; one alone counts as it is', () => {
  const most = (options: Partial<NodeOptions>) => resolveOptions({ secret, ...options }).limits.entriesPerUser;
  assert.equal(most({}), 1_000);
  assert.equal(most({ maxSignOns: 20 }), 20);
  assert.equal(most({ maxSignOns: 5_000 }), 5_000);
  assert.equal(most({ limits: { entriesPerUser: 5_000 } }), 5_000);
  assert.equal(most({ maxSignOns: 20, limits: { entriesPerUser: 30 } }), 20);
  assert.equal(most({ maxSignOns: 30, limits: { entriesPerUser: 20 } }), 20);
  assert.equal(resolveOptions({ secret, maxSignOns: 3, limits: { sessions: 7 } }).limits.sessions, 7);
});

test('nodes that remember for different times do not join; where nobody is remembered the fingerprint is that of earlier versions', () => {
  const of = (options: Partial<NodeOptions>) => fingerprintOf(resolveOptions({ secret, ...options }));
  const day = 86_400_000;
  assert.equal(of({}), 'lifeMs 43200000, idleMs 0, maxEmptyLife 1800 s');
  assert.equal(
    of({ remember: { lifeMs: day } }),
    'lifeMs 43200000, idleMs 0, maxEmptyLife 1800 s, remember.lifeMs 86400000',
  );
  assert.notEqual(of({ remember: { lifeMs: day } }), of({ remember: { lifeMs: 2 * day } }));
});

for (const [title, options, says] of [
  ['an idle limit beyond the life', { idleMs: 60_000, lifeMs: 60_000 }, /^idleMs \(60000\) is not less than lifeMs/],
  ['an empty life beyond it', { maxEmptyLife: 3_600, lifeMs: 600_000 }, /^maxEmptyLife \(3600 s\) is not less/],
  ['a copy of nothing', { restored: true }, /^restored is of a data directory, and there is no dataDir$/],
  [
    'two voters of which each stops with the other',
    { cluster: { listen: '10.0.0.1:7800', nodes: ['10.0.0.1:7800', '10.0.0.2:7800'], whenCutOff: 'refuse' } },
    /^cluster\.whenCutOff is "refuse" with two voters: .* a witness, mends that$/,
  ],
  [
    'a first wait that is longer than the longest',
    { throttle: { account: { firstWaitMs: 5_000, longestWaitMs: 1_000 } } },
    /^throttle\.account\.firstWaitMs is more than longestWaitMs/,
  ],
] as const satisfies readonly (readonly [string, Partial<NodeOptions>, RegExp])[]) {
  test(`what does not go together is a warning: ${title}`, () => {
    const { warnings } = checkOptions({ secret, route: 'n1', ...options });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, says);
  });
}

test('what goes together is no warning, nor is a default that a shorter life makes idle', () => {
  for (const options of [
    { idleMs: 59_000, lifeMs: 60_000 },
    { restored: true, dataDir: 'data' },
    { cluster: { listen: '10.0.0.1:7800', nodes: ['10.0.0.1:7800', '10.0.0.2:7800'] } },
    { throttle: { account: { firstWaitMs: 5_000, longestWaitMs: 5_000 } } },
  ])
    assert.deepEqual(checkOptions({ secret, route: 'n1', ...options }).warnings, []);
});
