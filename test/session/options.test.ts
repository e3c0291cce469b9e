/** The options of replication, passivation and notices: what they are parsed to, what is refused, what is warned of. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SsoError } from '../../sso/errors.ts';
import { type CommonOptions, checkCommon, commonSettings } from '../../sso/session/options/common.ts';
import type { PassivationSettings } from '../../sso/session/options/passivation.ts';
import type { SessionParts } from '../../sso/session/parts.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { resolveSettings } from '../../sso/session/settings.ts';
import { store } from '../../sso/session/store.ts';
import { World, type WorldOptions } from './support/world.ts';

type Options = Omit<SessionOptions, 'app'>;

/** What `sessions()` makes of these options, with what the node was told and what the log said. */
function resolved(options: Options, worldOptions: WorldOptions = {}) {
  const world = new World(worldOptions);
  const configured: [string, PassivationSettings][] = [];
  const listening: [string, object][] = [];
  const mounted: string[] = [];
  const parts: SessionParts = {
    ...world.node.parts,
    passivation: { configure: (app, settings) => void configured.push([app, settings]) },
    notices: { listen: (app, settings) => void listening.push([app, settings]) },
    onMounted: ({ app }) => void mounted.push(app),
  };
  const all = { app: 'shop', ...options };
  const settings = resolveSettings(parts, all);
  const warnings = world.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  sessions(parts, all);
  return { settings, configured, listening, mounted, warnings };
}

class Item {}
const itemAgain = { Item: class Item {} }.Item;

const wrong: readonly [options: object, message: RegExp][] = [
  [
    { replicationTrigger: 'GET' },
    /^replicationTrigger: must be one of "SET", "SET_AND_NON_PRIMITIVE_GET", "SET_AND_GET"$/,
  ],
  [{ replicationTrigger: 'set' }, /^replicationTrigger: /],
  [{ replicationGranularity: 'OBJECT' }, /^replicationGranularity: must be one of "SESSION", "ATTRIBUTE", "FIELD"$/],
  [{ replicationGranularity: null }, /^replicationGranularity: /],
  [{ replicationFieldBatchMode: 'no' }, /^replicationFieldBatchMode: must be true or false/],
  [{ classes: Item }, /^classes: must be a list of classes/],
  [{ classes: [() => 1] }, /^classes: /],
  [{ classes: [Item, itemAgain] }, /^classes: .*Item/],
  [{ cacheMode: 'REPL_SYNC' }, /^cacheMode: must be one of "sync", "async"/],
  [{ distributable: 1 }, /^distributable: must be true or false/],
  ...[0, 9, 1.5, -1, Number.NaN, 'all', '1', null, { buddies: 1 }].map((buddies): [object, RegExp] => [
    { buddies },
    /^buddies: must be "total", or how many nodes .*, 1 to 8$/,
  ]),
  [{ buddies: 1, distributable: false }, /^buddies: is for distributable applications/],
  [{ maxUnreplicatedInterval: -2 }, /^maxUnreplicatedInterval: must be a number of seconds, or -1/],
  [{ maxUnreplicatedInterval: '60' }, /^maxUnreplicatedInterval: /],
  [{ maxUnreplicatedInterval: null }, /^maxUnreplicatedInterval: must be a number of seconds, or -1/],
  [{ passivationMinIdleTime: null }, /^passivationMinIdleTime: /],
  [{ maxUnreplicatedInterval: Number.NaN }, /^maxUnreplicatedInterval: /],
  [{ maxUnreplicatedInterval: Number.POSITIVE_INFINITY }, /^maxUnreplicatedInterval: /],
  [{ snapshotMode: 'later' }, /^snapshotMode: must be one of "instant", "interval"/],
  [{ snapshotInterval: 9 }, /^snapshotInterval: must be a whole number of milliseconds, 10 to 60000/],
  [{ snapshotInterval: 60_001 }, /^snapshotInterval: /],
  [{ snapshotInterval: 0.5 }, /^snapshotInterval: /],
  [{ maxActiveSessions: 0 }, /^maxActiveSessions: must be a whole number of sessions from 1, or -1/],
  [{ maxActiveSessions: -2 }, /^maxActiveSessions: /],
  [{ maxActiveSessions: 1.5 }, /^maxActiveSessions: /],
  [{ useSessionPassivation: 'yes' }, /^useSessionPassivation: must be true or false/],
  [{ useSessionPassivation: true, distributable: false }, /^useSessionPassivation: is for distributable/],
  [{ passivationMinIdleTime: -5 }, /^passivationMinIdleTime: /],
  [{ passivationMaxIdleTime: '1' }, /^passivationMaxIdleTime: /],
  [{ sessionNotificationPolicy: 'all', onEvent: () => {} }, /^sessionNotificationPolicy: /],
  [{ onEvent: 'no' }, /^onEvent: must be a function/],
  [{ useRoute: 'yes' }, /^useRoute: must be true or false/],
];
for (const [options, message] of wrong) {
  const isRefused = (error: SsoError) => error.code === 'ERR_CONFIG_INVALID' && message.test(error.message);
  test(`refused at start, with the option's name: ${JSON.stringify(options)}`, () => {
    assert.throws(() => resolved(options as Options), isRefused);
    if ('useRoute' in options || 'replicationTrigger' in options) return;
    assert.throws(() => store(new World().node.parts, { app: 'shop', ...options }), isRefused, 'and by a store');
  });
}

test('useRoute without a route is refused at start (1.10)', () => {
  assert.throws(() => resolved({ useRoute: true }, { routes: [undefined] }), {
    code: 'ERR_CONFIG_INVALID',
    message: 'useRoute: is true, and this node has no route',
  });
  assert.equal(resolved({ useRoute: true }).settings.route, 'node1');
  assert.equal(resolved({}).settings.route, 'node1');
  assert.equal(resolved({ useRoute: false }).settings.route, undefined);
  assert.equal(resolved({}, { routes: [undefined] }).settings.route, undefined);
});

test('a balancer is told of cookies that carry a route, and of no others', () => {
  assert.deepEqual(resolved({}).mounted, ['shop']);
  assert.deepEqual(resolved({ useRoute: false }).mounted, []);
});

test('the defaults: attributes, objects that were read, at once, and an answer waits', () => {
  const { settings, warnings, configured, listening } = resolved({});
  const { trigger, granularity, waits, telling, tellingNow, passivation, notices } = settings;
  assert.deepEqual(
    { trigger, granularity, waits, telling, tellingNow, passivation, notices },
    {
      trigger: 'SET_AND_NON_PRIMITIVE_GET',
      granularity: 'ATTRIBUTE',
      waits: true,
      telling: { afterMs: 0, alone: false, stays: false, buddies: undefined },
      tellingNow: { afterMs: 0, alone: false, stays: false, buddies: undefined },
      passivation: undefined,
      notices: undefined,
    },
  );
  assert.deepEqual([warnings, configured, listening], [[], [], []]);
});

/** Seconds of `maxUnreplicatedInterval`, with the idle limit, and what comes of it in milliseconds. */
const intervals: readonly [given: number | undefined, options: Options, ms: number, warned: boolean][] = [
  [undefined, {}, 60_000, false],
  [undefined, { idleMs: 10 * 60_000 }, 30_000, false],
  [undefined, { idleMs: 0 }, 60_000, false],
  [undefined, { cookie: { maxAge: 100_000 } }, 5_000, false],
  [0, {}, 0, false],
  [-1, {}, Number.POSITIVE_INFINITY, false],
  [60, {}, 60_000, false],
  [0.5, {}, 500, false],
  [1_800, {}, 1_800_000, false],
  [4_000, {}, 0, true],
  [4_000, { idleMs: 0 }, 4_000_000, false],
  [4_000, { cookie: { maxAge: 3_600_000 } }, 0, true],
  [4_000, { cookie: { maxAge: 7_200_000 } }, 4_000_000, false],
];
for (const [given, options, ms, warned] of intervals) {
  const limit = JSON.stringify(options);
  test(`maxUnreplicatedInterval ${given} with ${limit} is ${ms} ms${warned ? ', with a warning (V100)' : ''}`, () => {
    const { settings, warnings } = resolved({ ...options, maxUnreplicatedInterval: given });
    assert.equal(settings.unreplicatedMs, ms);
    assert.equal(warnings.filter((each) => each.includes('maxUnreplicatedInterval')).length, warned ? 1 : 0);
  });
}

test('changes are collected in interval mode, but for `save()` and for fields', () => {
  const { settings } = resolved({ snapshotMode: 'interval' });
  assert.deepEqual([settings.telling.afterMs, settings.tellingNow.afterMs], [1_000, 0]);
  assert.equal(resolved({ snapshotMode: 'interval', snapshotInterval: 200 }).settings.telling.afterMs, 200);
  assert.equal(resolved({ snapshotInterval: 200 }).settings.telling.afterMs, 0);
  const fields = resolved({ snapshotMode: 'interval', replicationGranularity: 'FIELD' });
  assert.equal(fields.settings.telling.afterMs, 0);
  assert.equal(fields.warnings.length, 1);
  assert.match(fields.warnings[0]!, /FIELD are always sent at once/);
});

test('fields travel each alone only where they are fields', () => {
  const alone = (options: Options) => resolved({ replicationFieldBatchMode: false, ...options }).settings.telling.alone;
  assert.equal(alone({}), false);
  assert.equal(alone({ replicationGranularity: 'FIELD' }), true);
  assert.equal(alone({ replicationGranularity: 'FIELD', replicationFieldBatchMode: true }), false);
});

test('nothing waits that is asynchronous, or that stays here', () => {
  assert.equal(resolved({ cacheMode: 'async' }).settings.waits, false);
  assert.equal(resolved({ cacheMode: 'sync' }).settings.waits, true);
  const { waits, telling } = resolved({ distributable: false }).settings;
  assert.deepEqual([waits, telling.stays], [false, true]);
});

test('where copies live is the application’s to say: on all nodes, on so many, or as the cluster’s size suggests', () => {
  for (const buddies of ['total', 1, 8, undefined] as const) {
    const { telling, tellingNow } = resolved({ buddies, snapshotMode: 'interval' }).settings;
    assert.deepEqual([telling.buddies, tellingNow.buddies], [buddies, buddies]);
  }
  for (const buddies of ['total', undefined] as const)
    assert.equal(resolved({ buddies, distributable: false }).settings.telling.buddies, 'total');
});

const none = Number.POSITIVE_INFINITY;
const passivations: readonly [options: Options, settings: PassivationSettings | undefined, warnings: number][] = [
  [{ maxActiveSessions: -1 }, undefined, 0],
  [{ maxActiveSessions: 20 }, { maxActive: 20, passivates: false, minIdleMs: none, maxIdleMs: none }, 1],
  [{ useSessionPassivation: true }, { maxActive: none, passivates: true, minIdleMs: none, maxIdleMs: none }, 1],
  [
    { useSessionPassivation: true, maxActiveSessions: 20, passivationMinIdleTime: 60, passivationMaxIdleTime: 600 },
    { maxActive: 20, passivates: true, minIdleMs: 60_000, maxIdleMs: 600_000 },
    0,
  ],
  [
    { useSessionPassivation: true, passivationMinIdleTime: 0, passivationMaxIdleTime: -1 },
    { maxActive: none, passivates: true, minIdleMs: 0, maxIdleMs: none },
    1,
  ],
  [
    { useSessionPassivation: true, passivationMinIdleTime: 60, passivationMaxIdleTime: 600 },
    { maxActive: none, passivates: true, minIdleMs: 60_000, maxIdleMs: 600_000 },
    1,
  ],
  [
    { useSessionPassivation: true, maxActiveSessions: 20, passivationMinIdleTime: 600, passivationMaxIdleTime: 60 },
    { maxActive: 20, passivates: true, minIdleMs: 600_000, maxIdleMs: 60_000 },
    1,
  ],
  [
    { useSessionPassivation: true, maxActiveSessions: 20, passivationMinIdleTime: 60, passivationMaxIdleTime: 60 },
    { maxActive: 20, passivates: true, minIdleMs: 60_000, maxIdleMs: 60_000 },
    0,
  ],
  [
    { useSessionPassivation: true, passivationMaxIdleTime: 600 },
    { maxActive: none, passivates: true, minIdleMs: none, maxIdleMs: 600_000 },
    0,
  ],
  [
    { useSessionPassivation: true, maxActiveSessions: 20 },
    { maxActive: 20, passivates: true, minIdleMs: none, maxIdleMs: none },
    1,
  ],
  [
    { useSessionPassivation: true, passivationMaxIdleTime: 1_800 },
    { maxActive: none, passivates: true, minIdleMs: none, maxIdleMs: 1_800_000 },
    1,
  ],
  [{ passivationMaxIdleTime: 600 }, undefined, 1],
];
for (const [options, settings, warnings] of passivations) {
  test(`passivation: ${JSON.stringify(options)}${warnings > 0 ? ' is warned of' : ''}`, () => {
    const all = resolved(options);
    assert.deepEqual(all.configured, settings === undefined ? [] : [['shop', settings]]);
    assert.equal(all.warnings.length, warnings);
  });
}

test('a limit of sessions in memory without a place for the others says what it comes to', () => {
  assert.match(resolved({ maxActiveSessions: 20 }).warnings[0]!, /at the limit a new session is answered 503$/);
});

for (const [options, warning] of [
  [{ replicationFieldBatchMode: false }, /^sessions: replicationFieldBatchMode has no effect without .*"FIELD"$/],
  [{ snapshotInterval: 500 }, /^sessions: snapshotInterval has no effect without snapshotMode "interval"$/],
  [{ snapshotMode: 'interval', cacheMode: 'sync' }, /^sessions: cacheMode "sync" has no effect with snapshotMode/],
  [{ distributable: false, cacheMode: 'sync' }, /^sessions: cacheMode "sync" has no effect with distributable: false/],
  [
    { replicationGranularity: 'FIELD', replicationTrigger: 'SET' },
    /^sessions: replicationTrigger "SET" finds no change/,
  ],
  [{ useSessionPassivation: true }, /^sessions: useSessionPassivation has no effect without maxActiveSessions or /],
  [
    { useSessionPassivation: true, passivationMinIdleTime: 60, passivationMaxIdleTime: 600 },
    /^sessions: passivationMinIdleTime has no effect without maxActiveSessions$/,
  ],
  [
    { useSessionPassivation: true, maxActiveSessions: 20, passivationMinIdleTime: 600, passivationMaxIdleTime: 60 },
    /^sessions: passivationMinIdleTime is more than passivationMaxIdleTime and has no effect/,
  ],
] as const satisfies readonly (readonly [Options, RegExp])[]) {
  test(`settings that do not go together are warned of: ${JSON.stringify(options)}`, () => {
    const { warnings } = resolved(options);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, warning);
  });
}

test('settings that go together are not warned of', () => {
  for (const options of [
    { replicationGranularity: 'FIELD', replicationFieldBatchMode: false, replicationTrigger: 'SET_AND_GET' },
    { snapshotMode: 'interval', snapshotInterval: 500, cacheMode: 'async' },
    { replicationGranularity: 'ATTRIBUTE', replicationTrigger: 'SET', cacheMode: 'sync' },
  ] as const satisfies readonly Options[])
    assert.deepEqual(resolved(options).warnings, []);
});

test('passivation without a place on disk is refused at start', () => {
  const { parts } = new World().node;
  const refused = { code: 'ERR_CONFIG_INVALID', message: /^useSessionPassivation: .*dataDir/ };
  assert.throws(() => sessions(parts, { app: 'shop', useSessionPassivation: true }), refused);
  assert.throws(() => store(parts, { app: 'shop', useSessionPassivation: true }), refused);
});

test('an application that listens is known with its policy and its classes', () => {
  const onEvent = () => {};
  const { listening, settings } = resolved({ onEvent, classes: [Item] });
  const [app, listener] = listening[0]!;
  assert.equal(listening.length, 1);
  assert.equal(app, 'shop');
  assert.deepEqual(listener, { ...settings.notices, classes: settings.classes });
  assert.equal(settings.notices?.onEvent, onEvent);
});

test('what was refused has told the node nothing', () => {
  const ended: string[] = [];
  const { parts } = new World().node;
  const spied: SessionParts = {
    ...parts,
    table: Object.assign(Object.create(parts.table), { onEnd: (app: string) => void ended.push(app) }),
  };
  const options: CommonOptions & SessionOptions = { app: 'shop', onEnd: () => {}, replicationTrigger: 'no' as never };
  assert.throws(() => sessions(spied, options), { code: 'ERR_CONFIG_INVALID' });
  assert.deepEqual(ended, []);
  checkCommon(options);
  assert.equal(commonSettings(spied, options).onEnd, options.onEnd);
});
