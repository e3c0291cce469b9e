/** The laws of every replicated map. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causes, closeEntry, entryLattice, noEnds, type OpenEntry, type SsoEntry, withLife } from '../../sso/entry.ts';
import { type Member, memberLattice } from '../../sso/gossip/members.ts';
import { endSession, type LiveSession, type SessionRecord, sessionLattice } from '../../sso/session/record.ts';
import { type Subject, subjectLattice, unknownSubject } from '../../sso/subject.ts';
import { parseSsoId } from '../../sso/token.ts';
import { latticeContract } from '../contracts/lattice.ts';

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
  data: '{}',
  lastAccessAt: 1_000,
};
const otherSession: LiveSession = { ...live, signOn: undefined, createdAt: 2_000, endsAt: 70_000 };
const sessions: SessionRecord[] = [
  live,
  { ...live, lastAccessAt: 2_000 },
  { ...live, version: 11, data: '{"a":1}' },
  { ...live, version: 11, data: '{"a":2}', lastAccessAt: 1_500 },
  { ...live, version: 11, owner: 'n2:1', data: '{"a":3}' },
  { ...live, owner: 'n2:1', ownerStamp: 11 },
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
  invalid: [
    ['timeout', 1],
    ['tired', 1, 2],
    ['live', 'shop', 'short', 1, 2, 3, 'n1:1', 0, 0, '{}', 1],
    ['live', 'shop', 0, 1, 2, 3, 'n1:1', 0, 0, { a: 1 }, 1],
  ],
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
    { ...member, beat: 4, state: 'draining', since: 300 },
    { ...member, incarnation: 2, startedAt: 2_000, since: 2_000 },
    { ...member, incarnation: 2, startedAt: 1_900, since: 2_000 },
    { ...member, incarnation: 2, startedAt: 2_000, since: 2_000, address: '10.0.0.2:7800', route: 'other' },
  ],
  fine: (value) => ({ ...value, beat: 0 }),
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
