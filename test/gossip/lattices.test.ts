/** The laws of every replicated map. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causes, closeEntry, entryLattice, noEnds, type OpenEntry, type SsoEntry, withLife } from '../../sso/entry.ts';
import { type Member, memberLattice } from '../../sso/gossip/members.ts';
import { Replica } from '../../sso/gossip/replica.ts';
import { mergeData, SessionData } from '../../sso/session/data/session-data.ts';
import { sessionLattice, sessionLatticeOf } from '../../sso/session/lattice.ts';
import { changeOf, endSession, type LiveSession, type SessionRecord } from '../../sso/session/record.ts';
import { decodeSession, encodeWhole } from '../../sso/session/record-codec.ts';
import { type Subject, subjectLattice, unknownSubject } from '../../sso/subject.ts';
import { parseSsoId } from '../../sso/token.ts';
import { latticeContract } from '../contracts/lattice.ts';
import { setting } from '../session/support/changes.ts';

const open: OpenEntry = {
  state: 'open',
  principal: { name: 'alice', roles: ['customer'] },
  how: 'form',
  openedStamp: 1_024_000,
  authenticatedAt: 1_000,
  endsAt: 50_000,
  epoch: 0,
  seenEnds: noEnds,
  usedAt: 1_000,
  aliveAt: 1_000,
};
const otherOpening: OpenEntry = {
  ...open,
  principal: { name: 'bob', roles: [] },
  openedStamp: 2_048_000,
  authenticatedAt: 2_000,
  endsAt: 60_000,
};
const entries: SsoEntry[] = [
  open,
  { ...open, usedAt: 3_000 },
  { ...open, aliveAt: 4_000 },
  otherOpening,
  { ...open, authenticatedAt: 900 },
  { ...open, principal: { ...open.principal, attributes: { display: 'Alice' } } },
  { ...open, principal: { name: 'alice', roles: ['admin', 'customer'] } },
  { ...open, seenEnds: { 'n1:1': 1 } },
  { ...open, epoch: 1, how: 'basic' },
  { ...open, origin: { device: 'Firefox', source: '192.0.2.1' } },
  { ...open, origin: { device: 'Chromium' }, remembered: true },
  { ...open, origin: { source: '192.0.2.7' }, usedAt: 2_000 },
  { ...open, remembered: true },
  closeEntry(open, 'logout', 5_000),
  closeEntry(open, 'idle', 5_000),
  closeEntry(open, 'logout', 4_000),
  closeEntry(otherOpening, 'logout', 6_000),
  closeEntry(open, 'conflict', 1_000),
  closeEntry(otherOpening, 'conflict', 500),
  closeEntry(open, 'conflict', 9_000),
];

latticeContract({
  lattice: entryLattice,
  values: entries,
  fine: (value) =>
    value.state === 'open' ? { ...value, usedAt: 0, aliveAt: 0, origin: undefined, remembered: undefined } : value,
  tail: 1,
  invalid: [
    ['logout', 1],
    ['logged-out', 1, 2],
    ['logout', -1, 2],
    ['open', 'alice'],
    ['open', '', ['r'], 0, 'form', 1, 1, 1, 0, 0, 1, 1],
    ['open', 'alice', [1], 0, 'form', 1, 1, 1, 0, 0, 1, 1],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, [], 1, 1],
    ['open', 'alice', [], 0, 'form', 1.5, 1, 1, 0, 0, 1, 1],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, 1],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, []],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, ['x', '', 2]],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, ['x', 1, 0]],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, ['x'.repeat(257), '', 0]],
    ['open', 'alice', [], 0, 'form', 1, 1, 1, 0, 0, 1, 1, ['', 'a\u0000b', 0]],
  ],
});

const subject: Subject = {
  ...unknownSubject,
  ends: { 'n1:1': 1 },
  endedAt: 1_000,
  endedCause: 'subject-ended',
  keepUntil: 9_000,
};
latticeContract({
  lattice: subjectLattice,
  values: [
    unknownSubject,
    subject,
    { ...subject, keepUntil: 10_000 },
    { ...subject, ends: { 'n1:1': 2 } },
    { ...subject, ends: { 'n2:1': 1 }, endedAt: 2_000 },
    { ...subject, ends: { 'n1:1': 1, 'n2:1': 3 }, endedCause: 'administrator' },
    { ...subject, ends: { 'n1:2': 1 }, endedAt: 500 },
    { ...unknownSubject, roles: ['admin'], rolesStamp: 5, keepUntil: 9_000 },
    { ...unknownSubject, roles: ['customer'], rolesStamp: 5, keepUntil: 9_000 },
    { ...unknownSubject, roles: [], rolesStamp: 6, keepUntil: 8_000 },
    { ...subject, roles: ['admin', 'customer'], rolesStamp: 4 },
  ],
  invalid: [
    [{ 'n1:1': -1 }, 0, 'subject-ended', [], 0, 0],
    [{ 'n1:1': 1 }, 0, 'no cause', [], 0, 0],
    [{}, 0, 'subject-ended', [''], 0, 0],
  ],
});

const signOn = parseSsoId('A'.repeat(43))!;
/** Data as several nodes change it. What one life writes follows on what it wrote before: that is what a context says. */
const written = (data: SessionData, life: string, stamp: number, attributes: Record<string, unknown>) =>
  data.change(setting(attributes), life, stamp);
const first = written(SessionData.empty, 'n1:1', 5, { a: 1, b: [1] });
const second = written(first.data, 'n1:1', 7, { a: 2 });
const elsewhere = written(first.data, 'n2:1', 8, { b: [2], c: 'x' });
const taken = written(first.data, 'n4:1', 6, { a: undefined });
const concurrent = written(first.data, 'n3:1', 8, { b: [3] });
const both = written(mergeData(second.data, elsewhere.data), 'n1:1', 9, { b: undefined });

const live: LiveSession = {
  state: 'live',
  app: 'shop',
  signOn,
  createdAt: 1_000,
  endsAt: 50_000,
  version: 10,
  owner: 'n1:1',
  ownerStamp: 10,
  releasedAt: 0,
  idleMs: 5_000,
  data: first.data,
  stays: false,
  buddies: undefined,
  lastAccessAt: 1_000,
};
const otherSession: LiveSession = { ...live, signOn: undefined, createdAt: 2_000, endsAt: 70_000 };
const sessions: SessionRecord[] = [
  live,
  { ...live, lastAccessAt: 2_000 },
  { ...live, version: 11, idleMs: 4_000, data: second.data },
  { ...live, version: 11, data: elsewhere.data, lastAccessAt: 1_500 },
  { ...live, owner: 'n2:1', data: taken.data },
  { ...live, owner: 'n2:1', ownerStamp: 11, data: concurrent.data },
  { ...live, data: both.data },
  { ...live, data: SessionData.empty },
  { ...live, ownerStamp: 12, owner: '', releasedAt: 3_000 },
  { ...live, idleMs: 0 },
  otherSession,
  { ...otherSession, createdAt: 3_000 },
  { ...live, app: 'forum' },
  endSession(live, 'timeout', 4_000),
  endSession(live, 'sign-on', 4_000),
  endSession(otherSession, 'destroyed', 3_500),
  endSession(live, 'conflict', 1_000),
  endSession(otherSession, 'conflict', 800),
];

latticeContract({
  lattice: sessionLattice,
  values: sessions,
  fine: (value) => (value.state === 'live' ? { ...value, lastAccessAt: 0 } : value),
  optional: 1, // the buddies: versions before know none
  invalid: [
    ['timeout', 1],
    ['tired', 1, 2],
    ['live', 'shop', 'short', 1, 2, 3, 'n1:1', 0, 0, 0, 1, 0],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, { a: 1 }],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, '[0,{}]'],
    ['changed', 1, 2, '', 0, 'n1:1', 0, 0, 0, 1],
    ['changed', 1, 2, '', 0, 'n1:1', 0, 0, 0, 1, {}],
    ['changed', 1, 2, 3, 0, 'n1:1', 0, 0, 0, 1, 0],
    ['changed', 1, 2, '', 0, 'n1:1', 0, 0, -1, 1, 0],
  ],
});

// Where only some nodes have the data, among those who have some of it and those who have none: as it is kept on disks.
latticeContract({
  lattice: { ...sessionLattice, name: 'sessions with buddies', encode: encodeWhole },
  values: [
    live,
    { ...live, data: second.data, version: 11 },
    { ...live, buddies: [] },
    { ...live, buddies: ['n2'], data: SessionData.empty },
    { ...live, buddies: ['n2', 'n3'], data: elsewhere.data, lastAccessAt: 2_000 },
    { ...live, buddies: ['n3'], releasedAt: 3_000, data: taken.data },
    { ...live, ownerStamp: 12, owner: 'n3:1', buddies: ['n2'], data: concurrent.data },
    { ...live, ownerStamp: 13, owner: '', data: both.data },
    endSession(live, 'destroyed', 4_000),
    endSession(live, 'conflict', 1_000),
  ],
  fine: (value) =>
    value.state !== 'live'
      ? value
      : { ...value, lastAccessAt: 0, data: value.buddies === undefined ? value.data : SessionData.empty },
  optional: 1,
  invalid: [
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, 0, 'n2'],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, 0, [1]],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, 0, ['']],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, 0, 1, 0, Array(17).fill('n2')],
    ['changed', 1, 2, '', 0, 'n1:1', 0, 0, 0, 1, 0, 'n2'],
  ],
});

/** Each change with the record it was made in and the record it made. */
const changes = [first, second, elsewhere, taken, concurrent, both].map(({ data, delta }) => {
  const after: LiveSession = {
    ...live,
    data,
    owner: 'n2:1',
    ownerStamp: 12,
    version: 13,
    idleMs: 6_000,
    lastAccessAt: 2_500,
  };
  const change = sessionLattice.decode(JSON.parse(JSON.stringify(sessionLattice.encode(changeOf(after, delta)))))!;
  return { after, change };
});
const texts = (record: SessionRecord) => JSON.stringify(sessionLattice.encode(record));

test('sessions: a change that is merged does what the whole record would have done, wherever nothing is lacking that it builds on', () => {
  let merged = 0;
  for (const { after, change } of changes) {
    for (const held of sessions.flatMap((a) => sessions.map((b) => sessionLattice.merge(a, b)))) {
      // The key is a hash of application and id: under one key there are no two applications.
      if (sessionLattice.lacks?.(held, change) || (held.state === 'live' && held.app !== after.app)) continue;
      merged++;
      assert.equal(texts(sessionLattice.merge(held, change)), texts(sessionLattice.merge(held, after)));
      const once = sessionLattice.merge(held, change);
      assert.equal(sessionLattice.merge(once, change), once, 'a second time it adds nothing');
    }
  }
  assert.ok(merged > 100, `${merged}`);
});

test('sessions: a change lacks its base where nothing is held, where changes before it are missing, and in any other record; merged all the same it does nothing', () => {
  const { change } = changes[1]!;
  const { lacks } = sessionLattice;
  assert.equal(lacks?.(undefined, change), true);
  assert.equal(lacks?.(live, change), false);
  assert.equal(lacks?.({ ...live, data: SessionData.empty }, change), true);
  for (const other of [
    otherSession,
    { ...live, createdAt: 999 },
    { ...live, endsAt: 49_999 },
    { ...live, signOn: undefined },
  ]) {
    assert.equal(lacks?.(other, change), true);
    assert.equal(sessionLattice.merge(other, change), other);
  }
  assert.equal(lacks?.(endSession(live, 'destroyed', 3_000), change), false, 'an end takes it in');
  assert.equal(lacks?.(endSession(live, 'conflict', 3_000), change), true, 'an end by conflict has to see the record');
  assert.equal(lacks?.(undefined, live), false, 'a whole record lacks nothing');
});

test('sessions: where only some nodes have the data, all are told who, and neither told nor compared what is in it', () => {
  const here: LiveSession = { ...live, buddies: ['n2', 'n3'], data: first.data };
  const there = sessionLattice.decode(JSON.parse(texts(here)));
  assert.ok(there?.state === 'live' && there.data === SessionData.empty && !there.stays);
  assert.deepEqual(there.buddies, ['n2', 'n3']);
  assert.equal(sessionLattice.digestText?.(there), sessionLattice.digestText?.(here));
  assert.equal(sessionLattice.merge(here, there), here, 'a record without the data takes nothing away');
  assert.equal(sessionLattice.merge({ ...live, buddies: ['n2', 'n3'] }, { ...here, data: second.data }).state, 'live');
  const change = sessionLattice.decode(JSON.parse(texts(changeOf(here, second.delta))));
  assert.ok(change?.state === 'changed' && change.data === undefined);
  assert.deepEqual(change.buddies, ['n2', 'n3']);
  for (const value of [here, changeOf(here, second.delta)]) {
    const whole = decodeSession(JSON.parse(JSON.stringify(encodeWhole(value))));
    assert.ok(whole !== undefined && whole.state !== 'ended' && whole.data !== undefined);
    assert.deepEqual(encodeWhole(whole), encodeWhole(value), 'holders and disks have all of it');
  }
});

test('sessions: what a version before makes of a record with buddies takes nothing away from it', () => {
  const here: LiveSession = { ...live, buddies: ['n2'], data: first.data };
  const told = sessionLattice.encode(here) as unknown[];
  const sentBack = sessionLattice.decode(told.slice(0, 12));
  assert.ok(sentBack?.state === 'live' && sentBack.stays, 'it takes it for one that stays on its node');
  assert.equal(sessionLattice.merge(here, sentBack), here);
  for (const news of [here, changeOf(here, undefined)]) {
    const mended = sessionLattice.merge(sentBack, news);
    assert.ok(mended.state === 'live' && !mended.stays);
    assert.deepEqual(mended.buddies, ['n2']);
  }
});

test('sessions: of one owner stamp the same list of buddies wins on every node', () => {
  const lists = [undefined, [], ['n2'], ['n3'], ['n2', 'n3']].map((buddies): LiveSession => ({ ...live, buddies }));
  for (const a of lists)
    for (const b of lists) {
      const [one, other] = [sessionLattice.merge(a, b), sessionLattice.merge(b, a)] as LiveSession[];
      assert.deepEqual(one!.buddies ?? 'all', other!.buddies ?? 'all');
    }
});

test('sessions: of a change alone nothing but its part is sent, and without data next to nothing', () => {
  const big: LiveSession = { ...live, data: written(first.data, 'n1:1', 6, { big: 'x'.repeat(10_000) }).data };
  const { delta } = written(big.data, 'n1:1', 9, { a: 3 });
  assert.ok(texts(changeOf(big, delta)).length < 300);
  assert.ok(texts(changeOf(big, undefined)).length < 150);
});

test('V93: a conflict of two changes of one field is counted where it is first held, once; a merge on trial counts nothing', () => {
  let conflicts = 0;
  const counting = sessionLatticeOf(() => void conflicts++);
  const replica = new Replica<SessionRecord>(counting);
  const here: LiveSession = { ...live, data: elsewhere.data };
  const there: LiveSession = { ...live, data: concurrent.data };
  const joined = counting.merge(here, there);
  assert.equal(conflicts, 0);
  replica.merge('a', here, 0);
  assert.deepEqual(replica.merge('a', there, 0)?.after, joined);
  assert.equal(conflicts, 1);
  assert.equal(joined.state === 'live' && joined.data.get('0', '.b'), '[3]', 'of equal stamps the greater writer');
  assert.equal(joined.state === 'live' && joined.data.get('0', '.c'), '"x"');
  assert.equal(replica.merge('a', there, 0), undefined);
  const other = new Replica<SessionRecord>(counting);
  other.merge('a', there, 0);
  assert.deepEqual(other.merge('a', joined, 0)?.after, joined);
  assert.equal(conflicts, 1, 'whoever is sent both together has no conflict');
});

test('V84: data that stays on its node is neither encoded nor compared, and is not taken away by a copy without it', () => {
  const here: LiveSession = { ...live, stays: true };
  const there = sessionLattice.decode(JSON.parse(texts(here)));
  assert.ok(there?.state === 'live' && there.stays);
  assert.deepEqual([...there.data.parts()], []);
  assert.equal(sessionLattice.digestText?.(here), sessionLattice.digestText?.(there));
  assert.equal(sessionLattice.merge(here, there), here);
  assert.equal(texts(here).includes('.a'), false);
});

const member: Member = {
  incarnation: 1,
  startedAt: 100,
  beat: 1,
  state: 'joining',
  since: 100,
  address: '10.0.0.1:7800',
  route: 'n1',
  applications: [],
  buddyPool: '',
  host: '',
};
latticeContract({
  lattice: memberLattice,
  values: [
    member,
    { ...member, beat: 2, state: 'up', since: 200 },
    { ...member, beat: 2, state: 'lost', since: 900 },
    { ...member, beat: 2, state: 'lost', since: 800 },
    { ...member, beat: 2, state: 'left', since: 1_000 },
    { ...member, beat: 3, state: 'up', since: 200, applications: ['shop'] },
    { ...member, beat: 3, state: 'up', since: 200, applications: ['forum', 'shop'] },
    { ...member, beat: 3, state: 'up', since: 200, applications: ['shop'], host: 'm1' },
    { ...member, beat: 3, state: 'up', since: 200, applications: ['shop'], buddyPool: 'a' },
    { ...member, beat: 4, state: 'draining', since: 300 },
    { ...member, incarnation: 2, startedAt: 2_000, since: 2_000 },
    { ...member, incarnation: 2, startedAt: 1_900, since: 2_000 },
    { ...member, incarnation: 2, startedAt: 2_000, since: 2_000, address: '10.0.0.2:7800', route: 'other' },
  ],
  tail: 2,
  fine: (value) => ({ ...value, beat: 0, buddyPool: '', host: '' }),
  invalid: [
    [1, 1, 1, 'asleep', 1, '', '', []],
    [1, 1, 1, 'up', 1, '', '', [1]],
    [-1, 1, 1, 'up', 1, '', '', []],
    [1, 1, 1, 'up', 1, 'x'.repeat(300), '', []],
  ],
});

test('an opening counts from when its credentials were checked, one that lives too long as one from the future; an end never', () => {
  const { aheadAt } = withLife(entryLattice, 40_000);
  const opened = { ...open, authenticatedAt: 9_500, endsAt: 50_000 };
  assert.equal(aheadAt?.(opened), 9_500);
  assert.equal(aheadAt?.({ ...opened, remembered: true, endsAt: 60_000 }), 19_000, 'check 71: whoever says so');
  assert.equal(aheadAt?.({ ...opened, openedStamp: 1e15, usedAt: 1e15 }), 9_500);
  assert.equal(aheadAt?.({ ...opened, endsAt: 60_000 }), 19_000);
  assert.equal(entryLattice.aheadAt?.({ ...opened, endsAt: 60_000 }), 9_500);
  for (const cause of causes) assert.equal(aheadAt?.(closeEntry({ ...opened, endsAt: 1e15 }, cause, 1e15)), undefined);
  for (const lattice of [subjectLattice, sessionLattice, memberLattice]) assert.equal(lattice.aheadAt, undefined);
});
