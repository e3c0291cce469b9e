import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lifeEndedAt, type Member, memberLattice } from '../../sso/gossip/members.ts';
import { Membership } from '../../sso/gossip/membership.ts';
import { Replica } from '../../sso/gossip/replica.ts';
import { startAt } from './cells.ts';

const self = { node: 'n1', incarnation: 5, route: 'r1', address: '10.0.0.1:7800' };
const member: Member = {
  incarnation: 3,
  startedAt: startAt,
  beat: 1,
  state: 'up',
  since: startAt,
  address: 'a',
  route: 'r',
  applications: [],
  buddyPool: '',
  host: '',
};

function setUp() {
  const replica = new Replica(memberLattice);
  const membership = new Membership(self, replica, 10_000);
  const say = (record: Member | undefined) => record !== undefined && void replica.merge('n1', record, startAt, true);
  return { replica, membership, say };
}

test('a life is over when it left, was lost, or another one took its place', () => {
  assert.equal(lifeEndedAt(undefined, 3), undefined);
  assert.equal(lifeEndedAt(member, 3), undefined);
  assert.equal(lifeEndedAt(member, 4), undefined, 'a later life than the one known');
  assert.equal(lifeEndedAt({ ...member, state: 'lost', since: startAt + 9 }, 3), startAt + 9);
  assert.equal(lifeEndedAt({ ...member, state: 'left', since: startAt + 9 }, 3), startAt + 9);
  assert.equal(lifeEndedAt({ ...member, state: 'draining' }, 3), undefined);
  assert.equal(lifeEndedAt({ ...member, incarnation: 4, startedAt: startAt + 70 }, 3), startAt + 70);
});

test('who is taken for lost, or for an earlier life, raises its beat and is up again', () => {
  const { replica, membership, say } = setUp();
  say(membership.become('joining', startAt));
  say(membership.become('up', startAt + 100));
  assert.equal(membership.correct(replica.get('n1')!, startAt), undefined, 'its own word needs no correction');
  const lost = replica.merge('n1', { ...replica.get('n1')!, state: 'lost', since: startAt + 500 }, startAt)!;
  const refuted = membership.correct(lost.after, startAt + 600);
  assert.ok(refuted !== undefined && refuted !== 'replaced');
  say(refuted);
  assert.deepEqual(
    [replica.get('n1')?.state, replica.get('n1')?.since, replica.get('n1')?.startedAt],
    ['up', startAt + 100, startAt],
  );
  const former = membership.correct({ ...member, incarnation: 4 }, startAt + 700);
  assert.ok(former !== undefined && former !== 'replaced' && former.incarnation === 5);
  assert.equal(membership.correct({ ...member, incarnation: 6 }, startAt + 800), 'replaced');
});

test('what applications run is said once, and not before the node has started', () => {
  const { membership } = setUp();
  assert.equal(membership.runs(['shop'], startAt), undefined);
  assert.deepEqual(membership.become('joining', startAt).applications, ['shop']);
  assert.equal(membership.runs(['shop'], startAt), undefined);
  assert.deepEqual(membership.runs(['shop', 'forum'], startAt)?.applications, ['shop', 'forum']);
});

test('a node says its pool and its machine; where it has none it says so', () => {
  const { membership, replica } = setUp();
  const said = membership.become('joining', startAt);
  assert.deepEqual([said.buddyPool, said.host], ['', '']);
  const placed = new Membership({ ...self, buddyPool: 'rack a', host: 'm1' }, replica, 10_000);
  for (const record of [placed.become('up', startAt), placed.runs(['shop'], startAt)!])
    assert.deepEqual([record.buddyPool, record.host], ['rack a', 'm1']);
});

test('what a version before says of a member is read, and takes nothing away from what the node itself has said', () => {
  const told = memberLattice.encode(member) as unknown[];
  const former = memberLattice.decode(told.slice(0, 8));
  assert.deepEqual(former, member);
  const placed = { ...member, buddyPool: 'a', host: 'm1' };
  assert.deepEqual(memberLattice.decode(memberLattice.encode(placed)), placed);
  for (const own of [{ ...member, host: ' m1' }, { ...member, buddyPool: 'a' }, placed]) {
    assert.equal(memberLattice.merge(own, member), own);
    assert.equal(memberLattice.merge(member, own), own);
    assert.equal(memberLattice.digestText?.(own), memberLattice.digestText?.(member), 'or they would compare for ever');
  }
});

test('a member whose pool or machine is no text, or too long, is none', () => {
  const told = memberLattice.encode({ ...member, buddyPool: 'a', host: 'm1' }) as unknown[];
  for (const wrong of [0, null, ['a'], 'x'.repeat(257)])
    for (const at of [8, 9]) assert.equal(memberLattice.decode(told.with(at, wrong)), undefined);
});

test('a member is lost when nobody has reached it for long, counted anew for each life', () => {
  const { replica, membership } = setUp();
  replica.merge('n2', member, startAt);
  const lost = (monotonic: number) =>
    membership
      .lost(['n2', 'unknown'], startAt + monotonic, monotonic)
      .map(([node, { state, since }]) => [node, state, since]);
  assert.deepEqual(lost(0), []);
  membership.heard(['n2'], 5_000);
  assert.deepEqual(lost(14_999), []);
  assert.deepEqual(lost(15_000), [['n2', 'lost', startAt + 15_000]]);
  replica.merge('n2', { ...member, incarnation: 4 }, startAt);
  assert.deepEqual(lost(16_000), []);
  membership.excuse(25_000);
  assert.deepEqual(lost(34_000), [], 'a process that stood still heard nothing, and that says nothing of others');
  assert.equal(lost(35_000).length, 1);
  replica.merge('n2', { ...member, incarnation: 4, state: 'left', beat: 2 }, startAt);
  assert.deepEqual(lost(90_000), []);
});
