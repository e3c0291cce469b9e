/** What a change of a session's record means on the node that saw it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causes } from '../../../sso/entry.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { forgotten, found, type Here, type Meaning, meaningOf } from '../../../sso/session/notices/meaning.ts';
import {
  endSession,
  type LiveSession,
  type SessionCause,
  type SessionRecord,
  sessionCauses,
} from '../../../sso/session/record.ts';

const here: Here = { life: 'n1:1', isBeginning: false, signOnCause: () => undefined };
const live: LiveSession = {
  ...{ state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 9, version: 0, ownerStamp: 1 },
  ...{
    owner: 'n1:1',
    releasedAt: 0,
    idleMs: 5,
    data: SessionData.empty,
    stays: false,
    buddies: undefined,
    lastAccessAt: 2,
  },
};
const theirs: LiveSession = { ...live, owner: 'n2:1' };

/** `kind cause used` of each event, then what is said of the data. */
function lines(meaning: Meaning | undefined): string[] {
  const said = ({ cause, used }: { cause: string; used: boolean }) => `${cause}${used ? ' used' : ''}`;
  const events = (meaning?.events ?? []).map((event) => `${event.kind} ${said(event)}`);
  return meaning?.data === undefined ? events : [...events, `data ${said(meaning.data)}`];
}

const change = (before: SessionRecord | undefined, after: SessionRecord, own = false, where = here) =>
  lines(meaningOf({ key: 'k', before, after, own }, where));

test('a session that a request made here is created; one that is heard of was replicated, one that was here before transferred', () => {
  assert.deepEqual(change(undefined, live, true), ['created create used', 'data modify used']);
  assert.deepEqual(change(undefined, theirs), ['created replication', 'data replication']);
  assert.deepEqual(lines(found(theirs, here)), ['created state-transfer', 'data state-transfer']);
});

test('a change of its data is a modification here, a replication from elsewhere; a change of anything else is nothing', () => {
  const data = SessionData.empty.change({ fields: [{ part: '0', field: '.a', text: '1' }], gone: [] }, 'n1', 5).data;
  assert.deepEqual(change(live, { ...live, data }, true), ['data modify used']);
  assert.deepEqual(
    change(live, { ...live, data }),
    ['data replication used'],
    'of a request on another node, at the same time',
  );
  assert.deepEqual(change(theirs, { ...theirs, data }), ['data replication']);
  assert.deepEqual(change(live, { ...live, lastAccessAt: 4, idleMs: 7, version: 3 }, true), []);
});

test('a session fails over to the node that serves it from now on, and away from the one that did', () => {
  assert.deepEqual(change(theirs, live, true), ['created failover used', 'activated failover used']);
  assert.deepEqual(change({ ...live, owner: '', releasedAt: 3 }, live, true), [
    'created failover used',
    'activated failover used',
  ]);
  assert.deepEqual(change(live, theirs), ['passivated failaway used', 'destroyed failaway used']);
  assert.deepEqual(change(theirs, { ...live, owner: 'n3:1' }), [], 'concerns neither of them');
});

test('an application that stops here gives its sessions up as undeployed', () => {
  const released: LiveSession = { ...live, owner: '', releasedAt: 3 };
  assert.deepEqual(change(live, released, true), ['passivated undeploy used', 'destroyed undeploy used']);
  assert.deepEqual(change(theirs, { ...theirs, owner: '', releasedAt: 3 }), []);
});

test('every end is destroyed, by the cause that is said: time, an undeploy, or somebody', () => {
  const causeOf = (end: SessionCause) => {
    const meaning = meaningOf({ key: 'k', before: live, after: endSession(live, end, 4), own: true }, here);
    assert.equal(meaning!.end, end);
    assert.deepEqual(lines(meaning).length, 2);
    return meaning!.events[0]!.cause;
  };
  assert.deepEqual(Object.fromEntries(sessionCauses.map((end) => [end, causeOf(end)])), {
    timeout: 'timeout',
    'app-stopped': 'undeploy',
    'node-lost': 'invalidate',
    'sign-on': 'invalidate',
    destroyed: 'invalidate',
    left: 'invalidate',
    renewed: 'invalidate',
    conflict: 'invalidate',
  });
  assert.deepEqual(change(theirs, endSession(theirs, 'left', 4)), ['destroyed invalidate', 'data invalidate']);
  assert.deepEqual(change(undefined, endSession(live, 'left', 4)), [], 'nobody knew it here');
  assert.deepEqual(change(endSession(live, 'left', 4), endSession(live, 'timeout', 3)), [], 'it has ended');
});

test('with its sign-on it ends by time where time has ended that', () => {
  const timeouts = causes.filter((signOnCause) => {
    const linked = endSession(live, 'sign-on', 4);
    const meaning = meaningOf(
      { key: 'k', before: live, after: linked, own: false },
      { ...here, signOnCause: () => signOnCause },
    );
    assert.equal(meaning!.signOnCause, signOnCause);
    return meaning!.events[0]!.cause === 'timeout';
  });
  assert.deepEqual(timeouts, ['idle', 'expired', 'empty']);
});

test('V47: one that nobody used until it was freed has timed out', () => {
  assert.deepEqual(lines(forgotten(live, here)), ['destroyed timeout used', 'data timeout used']);
  assert.deepEqual(lines(forgotten(theirs, here)), ['destroyed timeout', 'data timeout']);
  assert.equal(forgotten(live, here).end, 'timeout');
});

test('data that comes here or goes from here as it was is no change of it: only some nodes have it', () => {
  const change_ = { fields: [{ part: '0', field: '.a', text: '1' }], gone: [] };
  const { data } = SessionData.empty.change(change_, 'n1', 5);
  const away: LiveSession = { ...theirs, buddies: ['n3'] };
  assert.deepEqual(change(away, { ...away, data }), []);
  assert.deepEqual(change({ ...away, data }, away), []);
  const more = data.change({ ...change_, fields: [{ part: '0', field: '.a', text: '2' }] }, 'n2', 6).data;
  assert.deepEqual(change({ ...away, data }, { ...away, data: more }), ['data replication'], 'a change of it is');
  const beginning = { ...here, isBeginning: true };
  assert.deepEqual(
    change(away, { ...away, data }, false, beginning),
    ['data replication'],
    'what it began with is told',
  );
  const own: LiveSession = { ...live, buddies: ['n3'] };
  assert.deepEqual(
    change(own, { ...own, data }, true),
    ['data modify used'],
    'and so are the first words of a request',
  );
});
