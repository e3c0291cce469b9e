/** Applications are told what happens to their sessions: who listens, in which order, and that a listener fails alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause } from '../../../sso/entry.ts';
import type { Change } from '../../../sso/gossip/lattice.ts';
import { silentLog } from '../../../sso/log.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { Classes } from '../../../sso/session/graph/classes.ts';
import type { SessionListener, SessionNotice } from '../../../sso/session/notices/notice.ts';
import { SessionNotices } from '../../../sso/session/notices/notices.ts';
import { type NoticeOptions, noticeSettings } from '../../../sso/session/notices/policy.ts';
import { passedAtOnce } from '../../../sso/session/passes.ts';
import { endSession, type LiveSession, type SessionRecord } from '../../../sso/session/record.ts';
import type { SsoId } from '../../../sso/token.ts';
import { Tables, write } from '../support/tables.ts';

/** A node's records, changed by hand. */
class World {
  readonly errors: unknown[] = [];
  readonly notices: SessionNotices;
  signOnCause: Cause | undefined;
  readonly later: (() => void)[] = [];
  readonly records = new Map<string, SessionRecord>();
  readonly #changed: ((change: Change<SessionRecord>) => void)[] = [];
  readonly #forgotten: ((key: string, last: SessionRecord) => void)[] = [];

  constructor() {
    this.notices = new SessionNotices({
      copies: {
        onChange: (listener) => void this.#changed.push(listener),
        onForget: (listener) => void this.#forgotten.push(listener),
        get: (key) => this.records.get(key),
        entries: () => this.records.entries(),
      },
      clock: { soon: (run) => void this.later.push(run), monotonic: () => 0 },
      life: 'n1:1',
      signOnCause: () => this.signOnCause,
      log: { ...silentLog, error: (fields: object) => void this.errors.push((fields as { err: unknown }).err) },
    });
  }

  change(before: SessionRecord | undefined, after: SessionRecord, own = true, key = 'key'): void {
    for (const listener of this.#changed) listener({ key, before, after, own });
  }

  forget(last: SessionRecord): void {
    for (const listener of this.#forgotten) listener('key', last);
  }

  listen(
    options: Partial<NoticeOptions> & { readonly onEvent: SessionListener },
    app = 'shop',
    classes = new Classes([]),
  ) {
    this.notices.listen(app, { ...noticeSettings(options)!, classes });
  }
}

let stamps = 0;
/** `data` with these attributes set anew, or taken away. */
function written(data: SessionData, attributes: Record<string, unknown>): SessionData {
  const fields = Object.entries(attributes).map(([name, value]) => {
    return { part: '0', field: `.${name}`, text: value === undefined ? undefined : JSON.stringify(value) };
  });
  return data.change({ fields, gone: [] }, 'n1', ++stamps).data;
}

function live(attributes: Record<string, unknown> = {}, more: Partial<LiveSession> = {}): LiveSession {
  return {
    ...{ state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 9_000, version: 0, ownerStamp: 1 },
    ...{ owner: 'n1:1', releasedAt: 0, idleMs: 5, stays: false, buddies: undefined, lastAccessAt: 2 },
    data: written(SessionData.empty, attributes),
    ...more,
  };
}

const line = ({ kind, cause, attribute, value, previous }: SessionNotice) =>
  [kind, cause, ...(attribute === undefined ? [] : [attribute, previous, value])].flatMap((word) =>
    word === undefined ? '-' : typeof word === 'string' ? word : JSON.stringify(word),
  ).join(' '); // biome-ignore format: one line

/** Everything that a listener with this policy hears. */
function heard(world: World, options: Omit<NoticeOptions, 'onEvent'> = {}): string[] {
  const lines: string[] = [];
  world.listen({ ...options, onEvent: (notice) => void lines.push(line(notice)) });
  return lines;
}

const everything = { sessionNotificationPolicy: () => true };

test('a life of a session: created, its attributes added, replaced, removed, and at its end destroyed, then what was left in it', () => {
  const world = new World();
  const lines = heard(world);
  const first = live({ user: 'alice', count: 1 });
  const second = { ...first, data: written(first.data, { count: 2, user: undefined, cart: ['a'] }) };
  world.change(undefined, first);
  world.change(first, second);
  world.change(second, endSession(second, 'left', 4));
  assert.deepEqual(lines, [
    'created create',
    'attributeAdded modify user - alice',
    'attributeAdded modify count - 1',
    'attributeRemoved modify user alice -',
    'attributeReplaced modify count 1 2',
    'attributeAdded modify cart - ["a"]',
    'destroyed invalidate',
    'attributeRemoved invalidate count 2 -',
    'attributeRemoved invalidate cart ["a"] -',
  ]);
});

test('a notice names the session by its hash and says which sign-on it lives off, whether it is used here, and what ended it', () => {
  const world = new World();
  const notices: SessionNotice[] = [];
  world.listen({ onEvent: (notice) => void notices.push(notice) });
  world.signOnCause = 'expired';
  const signOn = 's'.repeat(43) as SsoId;
  const session = live({}, { signOn });
  world.change(session, endSession(session, 'sign-on', 4), false);
  assert.deepEqual(notices, [
    {
      ...{ kind: 'destroyed', cause: 'timeout', app: 'shop', session: 'key', signOn, used: true },
      ...{ end: 'sign-on', signOnCause: 'expired', attribute: undefined, value: undefined, previous: undefined },
    },
  ]);
});

test('a failover is no creation to whoever counts sessions, and a function hears of it on both nodes', () => {
  const theirs = live({ user: 'alice' }, { owner: 'n2:1' });
  const ours: LiveSession = { ...theirs, owner: 'n1:1', ownerStamp: 2 };
  const world = new World();
  const usual = heard(world);
  const all = heard(world, everything);
  world.change(undefined, theirs, false);
  world.change(theirs, ours);
  world.change(ours, { ...theirs, ownerStamp: 3 }, false);
  assert.deepEqual(usual, ['activated failover', 'passivated failaway']);
  assert.deepEqual(all, [
    'created replication',
    'attributeAdded replication user - alice',
    'created failover',
    'activated failover',
    'passivated failaway',
    'destroyed failaway',
  ]);
});

test('an undeploy looks like all users logging out to legacy alone (JBAS-5778)', () => {
  const world = new World();
  const usual = heard(world);
  const legacy = heard(world, { sessionNotificationPolicy: 'legacy' });
  const session = live({ user: 'alice' });
  world.change(session, { ...session, owner: '', releasedAt: 3 });
  assert.deepEqual(usual, ['passivated undeploy']);
  assert.deepEqual(legacy, ['passivated undeploy', 'destroyed undeploy']);
});

test('V46, V47: passivation and activation are told as such, destroyed only at the timeout', () => {
  const world = new World();
  const lines = heard(world);
  const session = live({ user: 'alice' });
  world.notices.passivated('key', session);
  world.notices.activated('key', session);
  world.notices.passivated('key', live({}, { owner: 'n2:1' }));
  assert.deepEqual(lines, ['passivated passivation', 'activated activation']);
  world.forget(session);
  assert.deepEqual(lines.slice(2), ['destroyed timeout', 'attributeRemoved timeout user alice -']);
});

test('what is compared equal is no change, in each granularity', () => {
  const world = new World();
  const lines = heard(world);
  const whole = (attributes: object, data = SessionData.empty) =>
    data.change({ fields: [{ part: '0', field: '*', text: JSON.stringify(attributes) }], gone: [] }, 'n1', ++stamps)
      .data;
  const before = live({}, { data: whole({ a: { b: [1] }, c: 1 }) });
  world.change(before, { ...before, data: whole({ a: { b: [1] }, c: 2 }, before.data) });
  const single = live({ a: { b: [1] }, c: 1 });
  world.change(single, { ...single, data: written(single.data, { a: { b: [1] }, c: 2 }) });
  assert.deepEqual(lines, ['attributeReplaced modify c 1 2', 'attributeReplaced modify c 1 2']);
});

test("values are the listener's own copies, with their registered classes", () => {
  class Money {
    cents = 0;
  }
  const world = new World();
  const seen: unknown[] = [];
  const spoil = ({ value }: SessionNotice) => {
    if (value !== undefined) (value as { cents: number }).cents = 0;
  };
  const classes = new Classes([Money]);
  world.listen({ onEvent: spoil }, 'shop', classes);
  world.listen({ onEvent: ({ value }) => void seen.push(value) }, 'shop', classes);
  const session = live({ price: { cents: 5 } });
  world.change(undefined, session);
  assert.deepEqual(seen, [undefined, { cents: 5 }]);
  assert.equal(session.data.get('0', '.price'), '{"cents":5}');
});

test('a listener or a policy that fails is logged, and all others hear', async () => {
  const world = new World();
  const failing = (message: string) => () => {
    throw new Error(message);
  };
  world.listen({ onEvent: failing('listener') });
  world.listen({ onEvent: () => {}, sessionNotificationPolicy: failing('policy') });
  world.listen({ onEvent: (() => Promise.reject(new Error('late'))) as SessionListener });
  const lines = heard(world);
  world.change(undefined, live());
  assert.deepEqual(lines, ['created create']);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    world.errors.map((error) => (error as Error).message),
    ['listener', 'policy', 'late'],
  );
});

test('an application hears of its own sessions alone; the same listener given twice is called once, by the latest policy', () => {
  const world = new World();
  const lines: string[] = [];
  const onEvent = (notice: SessionNotice) => void lines.push(line(notice));
  world.change(undefined, live());
  world.listen({ onEvent });
  world.listen({ onEvent, ...everything });
  world.change(undefined, live({}, { app: 'forum' }));
  assert.deepEqual(lines, []);
  world.change(undefined, live({}, { owner: 'n2:1' }), false);
  assert.deepEqual(lines, ['created replication']);
});

test('whoever hears of copies is told of those that were there before, some at a time, each before anything else of it', () => {
  const world = new World();
  const theirs = live({ user: 'alice' }, { owner: 'n2:1' });
  for (let i = 0; i < 300; i++) world.records.set(`key${i}`, theirs);
  world.records.set('forum', live({}, { app: 'forum' }));
  const [ended, changed] = [endSession(theirs, 'left', 4), { ...theirs, data: written(theirs.data, { user: 'bob' }) }];
  assert.deepEqual(heard(world), []);
  assert.equal(world.later.length, 0, 'it hears of no copy');
  const notices: SessionNotice[] = [];
  world.listen({ ...everything, onEvent: (notice) => void notices.push(notice) });
  assert.deepEqual(notices, []);
  world.records.set('key299', changed);
  world.change(theirs, changed, false, 'key299');
  world.records.set('key298', ended);
  world.change(theirs, ended, false, 'key298');
  world.records.delete('key297');
  const came = ['created state-transfer', 'attributeAdded state-transfer user - alice'];
  assert.deepEqual(notices.splice(0).map(line), [
    ...came,
    'attributeReplaced replication user alice bob',
    ...came,
    'destroyed invalidate',
    'attributeRemoved invalidate user alice -',
  ]);
  world.later.shift()!();
  assert.equal(notices.length, 400);
  while (world.later.length > 0) world.later.shift()!();
  const created = notices.filter(({ kind }) => kind === 'created').map(({ session }) => session);
  assert.deepEqual(
    created,
    Array.from({ length: 297 }, (_, i) => `key${i}`),
  );
});

test('of many sessions each is told once, whatever becomes of it before its turn; no turn looks at more than so many', () => {
  const world = new World();
  const theirs = live({}, { owner: 'n2:1' });
  for (let i = 0; i < 1_000; i++) world.records.set(`key${i}`, theirs);
  let read = 0;
  const entries = world.records.entries.bind(world.records);
  world.records.entries = function* () {
    for (const entry of entries()) {
      read++;
      yield entry;
    }
    return undefined;
  };
  const notices: SessionNotice[] = [];
  world.listen({ ...everything, onEvent: (notice) => void notices.push(notice) });
  assert.deepEqual([read, notices], [0, []], 'not before its application is there');
  world.later.shift()!();
  const first = read;
  assert.ok(first > 0 && first <= 200, `${first} in a turn`);
  const change = (key: string, before: SessionRecord | undefined, after: SessionRecord) => {
    world.records.set(key, after);
    world.change(before, after, false, key);
  };
  const named = (key: string) =>
    notices.filter(({ session }) => session === key).map(({ kind, cause }) => `${kind} ${cause}`);
  change('key0', theirs, endSession(theirs, 'left', 4));
  change('key999', theirs, endSession(theirs, 'left', 4));
  change('key998', theirs, { ...theirs, lastAccessAt: 3 });
  change('new', undefined, theirs);
  while (world.later.length > 0) {
    const before = read;
    world.later.shift()!();
    assert.ok(read - before <= 200, `${read - before} in a turn`);
  }
  for (const key of ['key0', 'key999'])
    assert.deepEqual(named(key), ['created state-transfer', 'destroyed invalidate']);
  assert.deepEqual(named('key998'), ['created state-transfer']);
  assert.deepEqual(named('new'), ['created replication']);
  assert.equal(notices.filter(({ kind }) => kind === 'created').length, 1_001);
  change('key5', theirs, { ...theirs, lastAccessAt: 3 });
  assert.deepEqual(named('key5'), ['created state-transfer'], 'nor is it told once more after that');
});

test('whoever listens when the application stops hears that its sessions go, and nothing else; who begins meanwhile hears the rest', () => {
  const world = new World();
  const mine = live();
  world.records.set('key', mine);
  const before = heard(world, everything);
  world.later.shift()!();
  assert.deepEqual(before.splice(0), ['created state-transfer']);
  const leave = world.notices.leave('shop');
  const after = heard(world, everything);
  world.change(undefined, live(), true, 'fresh');
  const gone = { ...mine, owner: '', releasedAt: 3 };
  world.change(mine, gone);
  assert.deepEqual(before, ['passivated undeploy', 'destroyed undeploy']);
  assert.deepEqual(after, ['created create']);
  world.records.set('key', gone);
  while (world.later.length > 0) world.later.shift()!();
  assert.deepEqual(after.splice(0), ['created create', 'created state-transfer']);
  leave();
  world.change(mine, gone);
  assert.equal(before.length, 2);
  assert.deepEqual(after, ['passivated undeploy', 'destroyed undeploy']);
});

/** An application with so many sessions that this node uses, which all who listen have been told of. */
function stopping(count: number, ...policies: Omit<NoticeOptions, 'onEvent'>[]) {
  const world = new World();
  const mine = live();
  const keys = Array.from({ length: count }, (_, i) => `key${i}`);
  for (const key of keys) world.records.set(key, mine);
  const lines = policies.map((options) => keyed(world, options));
  turn(world, Infinity);
  for (const one of lines) one.length = 0;
  const change = (key: string, after: SessionRecord, own = true) => {
    const before = world.records.get(key);
    world.records.set(key, after);
    world.change(before, after, own, key);
  };
  return { world, mine, gone: { ...mine, owner: '', releasedAt: 3 }, keys, lines, change };
}

/** As `heard`, with the session before each notice. */
function keyed(world: World, options: Omit<NoticeOptions, 'onEvent'> = everything): string[] {
  const lines: string[] = [];
  world.listen({ ...options, onEvent: (notice) => void lines.push(`${notice.session} ${line(notice)}`) });
  return lines;
}

function turn(world: World, most = 1): void {
  for (let left = most; left > 0 && world.later.length > 0; left--) world.later.shift()!();
}

test('an application that begins again while it stops: what was told of as here is told as gone, before it comes again; nothing else is', () => {
  const { world, mine, gone, lines, change } = stopping(300, everything);
  const leave = world.notices.leave('shop');
  const over = keyed(world);
  const own = keyed(world, { sessionNotificationPolicy: 'legacy' });
  turn(world);
  assert.ok(over.includes('key0 created state-transfer') && !over.some((one) => one.startsWith('key299')));
  over.length = 0;
  for (const key of ['key0', 'key299']) change(key, gone);
  assert.deepEqual(
    over.splice(0),
    ['key0 passivated undeploy', 'key0 destroyed undeploy'],
    'of the other it knows nothing',
  );
  assert.deepEqual(own, [], 'it hears of no copy, and has been told of neither');
  assert.equal(lines[0]!.length, 4);
  turn(world, Infinity);
  assert.deepEqual(
    over.splice(0).filter((one) => /^key(0|299) /.test(one)),
    ['key299 created state-transfer'],
  );
  change('key1', gone);
  assert.deepEqual(over.splice(0), ['key1 passivated undeploy', 'key1 destroyed undeploy'], 'it has been told of all');
  leave();
  change('key0', { ...mine, ownerStamp: 2 });
  assert.deepEqual(over, ['key0 created failover', 'key0 activated failover']);
});

test('who listened when the application stopped hears each session go once: let go of, ended before that, or taken over', () => {
  const legacy = { sessionNotificationPolicy: 'legacy' } as const;
  const { world, mine, gone, lines, change } = stopping(5, everything, legacy);
  const [over, own] = lines as [string[], string[]];
  const leave = world.notices.leave('shop');
  const changed = { ...mine, data: written(mine.data, { n: 1 }) };
  change('key0', gone);
  change('key1', endSession(mine, 'sign-on', 4));
  change('key2', { ...changed, owner: 'n2:1', ownerStamp: 2 }, false);
  change('key3', changed);
  world.notices.passivated('key3', changed);
  change('key3', endSession(changed, 'destroyed', 4));
  world.forget(mine);
  const going = [
    'key0 passivated undeploy',
    'key0 destroyed undeploy',
    'key1 destroyed invalidate',
    'key2 passivated failaway',
    'key2 destroyed failaway',
    'key3 destroyed invalidate',
    'key3 attributeRemoved invalidate n 1 -',
    'key destroyed timeout',
  ];
  assert.deepEqual(over.splice(0), going);
  assert.deepEqual(
    own.splice(0),
    going.filter((one) => !/destroyed failaway/.test(one)),
  );
  change('key0', { ...mine, ownerStamp: 3 });
  change('key0', endSession(mine, 'left', 5));
  change('key2', endSession(mine, 'left', 5), false);
  change('fresh', mine);
  change('fresh', endSession(mine, 'left', 5));
  change('copied', live({}, { owner: 'n2:1' }), false);
  change('copied', mine);
  change('copied', gone);
  assert.deepEqual([over, own], [[], []], 'what has gone, and what has begun since, is nothing to it');
  leave();
  change('key4', endSession(mine, 'left', 5));
  assert.deepEqual([over, own], [[], []]);
});

test('who leaves before it has been told of a session does not hear it go', () => {
  const { world, mine, gone, lines, change } = stopping(300);
  lines.push(keyed(world));
  turn(world);
  lines[0]!.length = 0;
  world.notices.leave('shop');
  change('key298', gone);
  change('key299', endSession(mine, 'left', 4));
  change('key0', gone);
  assert.deepEqual(lines[0], ['key0 passivated undeploy', 'key0 destroyed undeploy']);
});

test('one function that listens before a stop and again during it: an end that it hears once began once', () => {
  const world = new World();
  const lines: string[] = [];
  const onEvent = (notice: SessionNotice) => void lines.push(`${notice.session} ${line(notice)}`);
  world.listen({ onEvent });
  const mine = live();
  for (const key of ['a', 'b']) world.change(undefined, mine, true, key);
  const leave = [world.notices.leave('shop')];
  world.listen({ onEvent });
  world.change(mine, endSession(mine, 'left', 4), true, 'a');
  leave.push(world.notices.leave('shop'));
  world.listen({ onEvent });
  world.change(mine, endSession(mine, 'left', 4), true, 'b');
  for (const one of leave) one();
  assert.deepEqual(lines, ['a created create', 'b created create', 'a destroyed invalidate', 'b destroyed invalidate']);
});

test('a table that lets go of an application in turns, and serves it again meanwhile: what comes has gone before, what ends is told once', async () => {
  const tables = new Tables(1);
  const node = tables.nodes[0]!;
  const { clock } = tables;
  const notices = new SessionNotices({ copies: node.copies, clock, life: node.life, signOnCause: () => undefined });
  const listening = () => {
    const lines: string[] = [];
    const onEvent = (notice: SessionNotice) => void lines.push(`${notice.session} ${line(notice)}`);
    notices.listen('shop', { ...noticeSettings({ ...everything, onEvent })!, classes: new Classes([]) });
    return lines;
  };
  const former = listening();
  const keys = Array.from({ length: 5 * passedAtOnce }, (_, i) => node.table.key('shop', `s${i}`));
  for (const key of keys) write(node, key, { n: 1 });
  former.length = 0;
  const leave = notices.leave('shop');
  const released = node.table.release('shop').finally(leave);
  const [ended, used] = keys.slice(-2) as [string, string];
  node.table.end(ended, 'destroyed');
  const latter = listening();
  write(node, used, { n: 2 });
  await tables.pass(0);
  await released;
  node.table.touch(used, { afterMs: 0 });
  const coming = (lines: readonly string[], key: string) =>
    lines.filter((one) => one.startsWith(`${key} created`) || one.startsWith(`${key} destroyed`));
  for (const key of keys.slice(0, -2)) assert.deepEqual(coming(former, key), [`${key} destroyed undeploy`]);
  assert.deepEqual(coming(former, used), [`${used} destroyed undeploy`]);
  assert.deepEqual(coming(former, ended), [`${ended} destroyed invalidate`]);
  assert.deepEqual(coming(latter, ended), []);
  assert.deepEqual(coming(latter, used), [
    `${used} created state-transfer`,
    `${used} destroyed undeploy`,
    `${used} created failover`,
  ]);
});

test('the data that a session began with comes to a buddy after its record, and is told as added; where it moves to later it is not', () => {
  const data = written(SessionData.empty, { user: 'alice' });
  const more = written(data, { user: 'bob', count: 1 });
  const theirs = live({}, { owner: 'n2:1', buddies: ['n1'] });
  const began = { ...theirs, data: SessionData.empty };
  const told = (...steps: readonly SessionRecord[]) => {
    const world = new World();
    const [usual, lines] = [heard(world), heard(world, everything)];
    for (const [at, after] of steps.entries()) world.change(steps[at - 1], after, false);
    assert.deepEqual(usual, [], 'of copies hears who asks for it');
    return lines;
  };
  assert.deepEqual(told(began, { ...began, lastAccessAt: 3 }, { ...theirs, data }, { ...theirs, data: more }), [
    'created replication',
    'attributeAdded replication user - alice',
    'attributeReplaced replication user alice bob',
    'attributeAdded replication count - 1',
  ]);
  const elsewhere = { ...began, buddies: ['n3'] };
  const moved = { ownerStamp: 2 };
  for (const steps of [
    [elsewhere, { ...elsewhere, data }],
    [elsewhere, { ...began, ...moved }, { ...theirs, ...moved, data }],
    [began, { ...elsewhere, ...moved }, { ...elsewhere, ...moved, data }],
    [began, { ...theirs, data: more, ...moved }],
    [
      { ...theirs, data },
      { ...elsewhere, ...moved },
      { ...elsewhere, ...moved, data },
    ],
  ])
    assert.deepEqual(
      told(...steps).slice(1),
      steps[0]!.data === data ? ['attributeAdded replication user - alice'] : [],
    );
});

test('two stops of one application at once: each lets go of its own listeners', () => {
  const world = new World();
  const gone = (key: string) => world.change(live(), live({}, { owner: '', releasedAt: 3 }), true, key);
  const listening = () => {
    const lines = heard(world, everything);
    world.later.shift()!();
    return lines;
  };
  const one = listening();
  const leaveOne = world.notices.leave('shop');
  const two = listening();
  const leaveTwo = world.notices.leave('shop');
  gone('a');
  leaveOne();
  gone('b');
  leaveTwo();
  gone('c');
  assert.deepEqual([one.length, two.length], [2, 4]);
});

test('where no application listens, or none may hear of copies, nothing is decoded', () => {
  const world = new World();
  const data = written(SessionData.empty, { user: 'alice' });
  let reads = 0;
  const counted = new Proxy(data, {
    get(target, name) {
      reads++;
      return Reflect.get(target, name);
    },
  });
  world.change(undefined, live({}, { data: counted, owner: 'n2:1' }), false);
  const lines = heard(world);
  world.change(undefined, live({}, { data: counted, owner: 'n2:1' }), false);
  assert.deepEqual([reads, lines], [0, []]);
  heard(world, everything);
  world.change(undefined, live({}, { data: counted, owner: 'n2:1' }), false);
  assert.notEqual(reads, 0);
});
