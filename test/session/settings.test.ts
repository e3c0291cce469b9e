import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SsoError } from '../../sso/errors.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { store } from '../../sso/session/store.ts';
import { World } from './support/world.ts';

const wrong: readonly [options: unknown, message: RegExp][] = [
  [{}, /^app: is required/],
  ...[undefined, null, 'shop', ['shop'], () => {}].map((options): [unknown, RegExp] => [
    options,
    /^sessions: must be an object of options, such as \{ app: … \}$/,
  ]),
  [{ app: '' }, /^app: /],
  [{ app: 'my shop' }, /^app: /],
  [{ app: 'shop;' }, /^app: /],
  [{ app: 5 }, /^app: /],
  [{ app: 'shop', idleMs: -1 }, /^idleMs: /],
  [{ app: 'shop', idleMs: Number.NaN }, /^idleMs: /],
  [{ app: 'shop', idleMs: 1.5 }, /^idleMs: /],
  [{ app: 'shop', idleMs: '30' }, /^idleMs: /],
  [{ app: 'shop', genid: 'bogus' }, /^genid: must be a function/],
  [{ app: 'shop', unset: 'bogus' }, /^unset: must be/],
  [{ app: 'shop', rolling: 1 }, /^rolling: must be true or false/],
  [{ app: 'shop', saveUninitialized: null }, /^saveUninitialized: must be true or false/],
  [{ app: 'shop', proxy: 'loopback' }, /^proxy: must be true or false/],
  [{ app: 'shop', name: 'a b' }, /^name: /],
  [{ app: 'shop', name: '' }, /^name: /],
  [{ app: 'shop', name: 'ä' }, /^name: /],
  [{ app: 'shop', cookie: 42 }, /^cookie: argument options/],
  [{ app: 'shop', cookie: 'no' }, /^cookie: argument options/],
  [{ app: 'shop', cookie: { maxAge: '42' } }, /^cookie: maxAge must be/],
  [{ app: 'shop', cookie: { maxAge: Number.NaN } }, /^cookie: maxAge, or expires, must lead to a date$/],
  [{ app: 'shop', cookie: { maxAge: 9e15 } }, /^cookie: maxAge, or expires, must lead to a date$/],
  [
    { app: 'shop', cookie: { maxAge: Number.POSITIVE_INFINITY, secure: 'auto' } },
    /^cookie: maxAge, or expires, must lead to a date$/,
  ],
  [{ app: 'shop', cookie: { expires: new Date(Number.NaN) } }, /^cookie: maxAge, or expires, must lead to a date$/],
  [{ app: 'shop', cookie: { expires: 'tomorrow' } }, /^cookie: option expires is invalid: tomorrow$/],
  [
    { app: 'shop', cookie: { expires: new Date(2e12), domain: 'xyz com' } },
    /^cookie: option domain is invalid: xyz com$/,
  ],
  [{ app: 'shop', cookie: { path: 5 } }, /^cookie: path must be a text$/],
  [{ app: 'shop', cookie: { domain: 5 } }, /^cookie: domain must be a text$/],
  [{ app: 'shop', cookie: { sameSite: 'relaxed' } }, /^cookie: option sameSite is invalid: relaxed$/],
  [{ app: 'shop', cookie: { domain: 'xyz com' } }, /^cookie: option domain is invalid: xyz com$/],
  [{ app: 'shop', cookie: { path: '/a;b' } }, /^cookie: option path is invalid: /],
  [{ app: 'shop', replicationTriger: 'SET' }, /^replicationTriger: is no option: did you mean "replicationTrigger"\?$/],
  [{ app: 'shop', zebra: 1 }, /^zebra: is no option: there are app, idleMs, /],
  [{ app: 'shop', store: {} }, /^store: is no option: sessions live in the nodes; .* sso\.store\(\)$/],
  [{ app: 'shop', maxAge: 5 }, /^maxAge: is no option: did you mean "cookie\.maxAge"\?$/],
  [{ app: 'shop', useJK: true }, /^useJK: is no option: did you mean "useRoute"\?$/],
  [{ app: 'shop', numBuddies: 1 }, /^numBuddies: is no option: did you mean "buddies"\?$/],
  [{ app: 'shop', useJk: true }, /: did you mean "useRoute"\?$/],
  [{ app: 'shop', 'use-jk': true }, /: did you mean "useRoute"\?$/],
  [{ app: 'shop', cacheName: 'a' }, /^cacheName: is no option: .* settings of its own, by its name: "app"$/],
  [{ app: 'shop', buddyReplicationConfig: {} }, /: did you mean "buddies"\? Its buddyPoolName .* cluster\.buddyPool$/],
  [{ app: 'shop', enabled: true }, /: there is nothing to switch on: "buddies" says /],
  [{ app: 'shop', maxInactiveInterval: 60 }, /: did you mean "idleMs"\? It is in milliseconds$/],
  [{ app: 'shop', clusterName: 'a' }, /: it is one of startNode\(\): cluster\.name$/],
  [{ app: 'shop', useLocalCache: true }, /: did you mean "distributable"\? /],
  [{ app: 'shop', replicationConfig: {} }, /: what it holds stands beside "app" here: replicationTrigger, /],
  [{ app: 'shop', passivationConfig: {} }, /: what it holds stands beside "app" here: useSessionPassivation, /],
  [{ app: 'shop', buddyPool: 'a' }, /^buddyPool: is no option: it is one of startNode\(\): cluster\.buddyPool$/],
  [{ app: 'shop', toString: 1 }, /^toString: is no option: /],
];

for (const [options, message] of wrong) {
  test(`refused at start, with the option's name: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => sessions(new World().node.parts, options as SessionOptions),
      (error: SsoError) => error.code === 'ERR_CONFIG_INVALID' && message.test(error.message),
    );
  });
}

test("a store needs the application's name as well", () => {
  assert.throws(() => store(new World().node.parts, {} as never), { code: 'ERR_CONFIG_INVALID' });
  for (const options of [undefined, null, 'shop'])
    assert.throws(() => store(new World().node.parts, options as never), {
      code: 'ERR_CONFIG_INVALID',
      message: 'store: must be an object of options, such as { app: … }',
    });
  for (const [more, message] of [
    [{ onEnd: 'no' }, /^onEnd: must be a function/],
    [{ onend: () => {} }, /^onend: is no option: did you mean "onEnd"\?$/],
    [{ zebra: 1 }, /^zebra: is no option: there are app, idleMs, onEnd/],
    [{ buddyPoolName: 'a' }, /^buddyPoolName: is no option: it is one of startNode\(\): cluster\.buddyPool$/],
  ] as const)
    assert.throws(() => store(new World().node.parts, { app: 'shop', ...more } as never), {
      code: 'ERR_CONFIG_INVALID',
      message,
    });
});

/** What is said at start, as level and the beginning of the message. */
function said(options: Partial<SessionOptions>, allowInsecureCookie = false): string[] {
  const world = new World({ allowInsecureCookie });
  sessions(world.node.parts, { app: 'shop', ...options });
  return world.log.map(({ level, message }) => `${level} ${/"secret"|prefix|cookie\.secure/.exec(message)?.[0]}`);
}

test('what has no effect, and what is dangerous, is said once at start', () => {
  assert.deepEqual(said({}), []);
  assert.deepEqual(said({ secret: 'keyboard cat' }), ['info "secret"']);
  assert.deepEqual(said({ name: 'connect.sid' }), ['warn prefix']);
  assert.deepEqual(said({ name: '__Secure-shop' }), []);
  assert.deepEqual(said({ cookie: { secure: false } }), ['warn prefix', 'warn cookie.secure']);
  assert.deepEqual(said({ name: 'connect.sid' }, true), []);
});

test('a prefix of a name with which no browser would take the cookie is warned of, and one of which that cannot be said is not', () => {
  const name = '__Host-shop';
  for (const cookie of [{}, { path: '/' }, { secure: 'auto' as const, path: '/shop' }, () => ({ path: '/shop' })])
    assert.deepEqual(warned({ name, cookie }), []);
  assert.deepEqual(warned({ name: '__Secure-shop', cookie: { path: '/shop', domain: 'xyz.com' } }), []);
  const place = /^sessions: browsers refuse a cookie of this name with a path or domain: use __Secure-$/;
  assert.match(warned({ name, cookie: { path: '/shop' } })[0]!, place);
  assert.match(warned({ name, cookie: { domain: 'xyz.com' } })[0]!, place);
  assert.match(
    warned({ name: '__Secure-shop', cookie: { secure: false } })[0]!,
    /without Secure: .*, or mend the cookie$/,
  );
  assert.match(warned({ name }, true)[0]!, /without Secure: leave out the prefix, or allowInsecureCookie$/);
});

/** What is warned of at start. */
function warned(options: Partial<SessionOptions>, allowInsecureCookie = false): string[] {
  const world = new World({ allowInsecureCookie });
  sessions(world.node.parts, { app: 'shop', ...options });
  return world.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

test('of a cookie what no browser would take, and what is none of its attributes, is warned of', () => {
  assert.deepEqual(warned({ cookie: { httponly: false, maxAge: 5_000 } as object }), [
    'sessions: cookie.httponly has no effect: did you mean "httpOnly"?',
  ]);
  const [unknown] = warned({ cookie: { zebra: 1 } as object });
  assert.match(unknown!, /^sessions: cookie\.zebra has no effect: there are path, domain, maxAge, /);
  const refused = /browsers refuse sameSite "none" and partitioned without it/;
  assert.match(warned({ cookie: { secure: false, sameSite: 'none' } }).at(-1)!, refused);
  assert.match(warned({ cookie: { secure: false, partitioned: true } }).at(-1)!, refused);
  assert.deepEqual(warned({ cookie: { sameSite: 'none', partitioned: true } }), []);
});

test('an idle limit that is longer than a session without a sign-on lives is warned of, as idleMs and as maxAge', () => {
  const days = 86_400_000;
  for (const options of [{ idleMs: 31 * days }, { cookie: { maxAge: 90 * days } }])
    assert.match(warned(options)[0]!, /ends 30 days after it began, however often it is used$/);
  for (const options of [{ idleMs: 0 }, { idleMs: 30 * days }]) assert.deepEqual(warned(options), []);
});

test('an idle limit of which the cookie has another is warned of', () => {
  const cookie = { maxAge: 60_000 };
  assert.deepEqual(warned({ idleMs: 5_000, cookie }), ['sessions: idleMs has no effect, the cookie has a maxAge']);
  for (const options of [{ idleMs: 60_000, cookie }, { cookie }, { idleMs: 5_000 }])
    assert.deepEqual(warned(options), []);
});
