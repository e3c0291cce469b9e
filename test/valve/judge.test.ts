import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noEnds, type OpenEntry } from '../../sso/entry.ts';
import type { SsoId, SsoToken } from '../../sso/token.ts';
import type { Sighting } from '../../sso/valve/sighting.ts';
import { judge, type Verdict } from '../../sso/valve/valve.ts';

const entry: OpenEntry = {
  state: 'open',
  principal: { name: 'alice', roles: [] },
  how: 'form',
  openedStamp: 1,
  authenticatedAt: 1,
  endsAt: 2,
  epoch: 0,
  seenEnds: noEnds,
  usedAt: 1,
  aliveAt: 1,
};
const open = (name: string): Sighting => ({
  kind: 'open',
  id: `id-${name}` as SsoId,
  token: `token-${name}` as SsoToken,
  entry,
});
const over = (name: string): Sighting => ({ kind: 'gone', why: 'over', id: `id-${name}` as SsoId, cause: 'logout' });
const forged: Sighting = { kind: 'gone', why: 'forged' };
const expired: Sighting = { kind: 'gone', why: 'expired' };
const unknown: Sighting = { kind: 'gone', why: 'unknown' };
const undecided: Sighting = { kind: 'undecided' };

const table: readonly (readonly [string, readonly Sighting[], string])[] = [
  ['no cookie: nobody, and nothing happens (V01)', [], 'anonymous'],
  ['one that is open: signed in, and nothing is set again (V05)', [open('a')], 'signed-in id-a'],
  ['one that is forged: deleted (V24)', [forged], 'stale'],
  ['one past its end: deleted (V20)', [expired], 'stale'],
  ['one whose entry has ended: deleted (V20)', [over('a')], 'stale over id-a'],
  ['one that nobody knows: deleted (V20)', [unknown], 'stale'],
  ['one that not everybody could be asked for: kept (V82)', [undecided], 'unsure'],
  ['an open and a forged one: the open one, set anew (V23, check 5)', [open('a'), forged], 'signed-in id-a renew'],
  ['the same in the other order', [forged, open('a')], 'signed-in id-a renew'],
  [
    'an open one among ended ones: the open one, set anew',
    [over('b'), unknown, open('a'), expired],
    'signed-in id-a renew',
  ],
  ['two that are open: nobody, all deleted (check 5, T3)', [open('a'), open('b')], 'ambiguous'],
  ['two that are open among others', [forged, open('a'), over('c'), open('b')], 'ambiguous'],
  ['two that are open, and one nobody can tell: two are enough', [undecided, open('a'), open('b')], 'ambiguous'],
  ['several, none of them open: all deleted', [forged, over('a'), unknown], 'stale'],
  ['an open one, and one nobody can tell: it may be the second open one, so nobody', [open('a'), undecided], 'unsure'],
  ['the same in the other order', [undecided, open('a')], 'unsure'],
  ['an ended one, and one nobody can tell: kept', [over('a'), undecided], 'unsure'],
];

for (const [name, sightings, expected] of table) {
  test(`judge: ${name}`, () => {
    assert.equal(said(judge(sightings, true)), expected);
  });
}

const withoutLeases: readonly (readonly [string, readonly Sighting[], string])[] = [
  ['no cookie: nobody, as ever', [], 'anonymous'],
  ['one that looks open: it may have been closed elsewhere', [open('a')], 'unavailable id-a'],
  ['one that not everybody could be asked for', [undecided], 'unavailable'],
  ['one that nobody who can be asked knows: the others may', [unknown], 'unavailable'],
  ['one that is forged: deleted, no node would say anything else', [forged], 'stale'],
  ['one past its end: deleted', [expired], 'stale'],
  ['one whose entry has ended: deleted', [over('a')], 'stale over id-a'],
  ['several that are gone: deleted', [forged, over('a'), expired], 'stale'],
  [
    'one that looks open among those that are gone: nothing is set anew',
    [over('b'), open('a'), forged],
    'unavailable id-a',
  ],
  ['two that look open: one may have ended, so nothing is deleted', [open('a'), open('b')], 'unavailable'],
  ['one that looks open, and one nobody can tell', [open('a'), undecided], 'unavailable'],
  ['one that looks open, and one that nobody here knows', [unknown, open('a')], 'unavailable'],
  ['an ended one, and one nobody can tell', [over('a'), undecided], 'unavailable'],
];

for (const [name, sightings, expected] of withoutLeases) {
  test(`judge: without leases: ${name}`, () => assert.equal(said(judge(sightings, false)), expected));
}

test('judge: without leases nobody is recognised, and cookies are deleted only where each value is known to be gone', () => {
  const kinds = [open('a'), open('b'), forged, expired, unknown, over('c'), undecided];
  const pairs = kinds.flatMap((one) => kinds.map((other) => [one, other]));
  for (const sightings of [...kinds.map((one) => [one]), ...pairs]) {
    const { kind } = judge(sightings, false);
    const isKnown = sightings.every((one) => one.kind === 'gone' && one.why !== 'unknown');
    assert.equal(kind, isKnown ? 'stale' : 'unavailable');
  }
});

function said(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'signed-in':
      return `signed-in ${verdict.id}${verdict.renew ? ' renew' : ''}`;
    case 'stale':
      return `stale${verdict.over ? ` over ${verdict.over.id}` : ''}`;
    case 'unavailable':
      return `unavailable${verdict.open ? ` ${verdict.open}` : ''}`;
    default:
      return verdict.kind;
  }
}

test('judge: of up to four values in any order, a sign-on is recognised only if exactly one is open and none is in doubt', () => {
  const kinds = [open('a'), open('b'), forged, expired, unknown, over('c'), undecided];
  const all = (length: number): Sighting[][] =>
    length === 0 ? [[]] : all(length - 1).flatMap((list) => kinds.map((kind) => [...list, kind]));
  for (const sightings of [1, 2, 3, 4].flatMap(all)) {
    const opens = sightings.filter(({ kind }) => kind === 'open').length;
    const doubts = sightings.filter(({ kind }) => kind === 'undecided').length;
    const verdict = judge(sightings, true);
    assert.equal(verdict.kind === 'signed-in', opens === 1 && doubts === 0);
    assert.equal(verdict.kind === 'unsure', opens < 2 && doubts > 0);
  }
});
