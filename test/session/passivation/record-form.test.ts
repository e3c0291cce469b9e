/** Records as bytes: what comes out means what went in, whatever it was. */

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { packed } from '../../../sso/session/data/packing.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { emptyState } from '../../../sso/session/data/state.ts';
import { sessionLattice } from '../../../sso/session/lattice.ts';
import { RecordForm } from '../../../sso/session/passivation/record-form.ts';
import type { LiveSession } from '../../../sso/session/record.ts';
import { encodeWhole } from '../../../sso/session/record-codec.ts';
import { parseSsoId } from '../../../sso/token.ts';

const key = hash('sha256', 'a session', 'base64url');
const start = key.slice(0, 4);
const signOnOf = (name: string) => parseSsoId(hash('sha256', name, 'base64url'));
const now = Date.UTC(2026, 0, 1);

/** Data without a field. */
const nothing = packed(emptyState);

/** A disk that has the data of one session at a time. */
function placeOf() {
  const place = { bytes: undefined as Uint8Array | undefined, load: () => place.bytes };
  return place;
}

const usualInstant = fc.integer({ min: now, max: now + 4e9 });
const instant = fc.oneof(
  { weight: 40, arbitrary: usualInstant },
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);
const stamp = fc.oneof(
  { weight: 40, arbitrary: usualInstant.map((at) => at * 1_024 + 7) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
);
const life = fc.constantFrom('n1:1', 'n2:3', 'a node:1767225600000', '');
const writer = fc
  .tuple(
    fc.constantFrom('n1:1', 'n2:3', 'ä:7'),
    fc.constantFrom(`/${start}`, '/zzzz', ''),
    stamp,
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([one, tail, at, how]) => `${one}${tail}${['', `.${at.toString(36)}`, `.0${at.toString(36)}`, '.?'][how]}`);
const data = fc
  .record({
    generation: fc.option(fc.tuple(writer, stamp)),
    dots: fc.dictionary(writer, stamp, { minKeys: 1, maxKeys: 6 }),
  })
  .map(({ generation, dots }) => {
    const names = Object.keys(dots).sort((a, b) => (a < b ? -1 : 1));
    const context = [...(generation === null ? [] : [generation]), ...names.flatMap((name) => [name, dots[name]])];
    return SessionData.decode([context, nothing]);
  })
  .filter((one) => one !== undefined);
const record: fc.Arbitrary<LiveSession> = fc.record({
  state: fc.constant('live' as const),
  app: fc.constantFrom('shop', 'mail'),
  signOn: fc.constantFrom(undefined, signOnOf('alice'), signOnOf('bob')),
  createdAt: instant,
  endsAt: instant,
  version: fc.oneof(fc.constant(0), stamp),
  ownerStamp: fc.oneof(fc.constant(0), stamp),
  owner: life,
  releasedAt: instant,
  idleMs: fc.constantFrom(0, 1_800_000, 1),
  data,
  stays: fc.boolean(),
  buddies: fc.constantFrom(undefined, ['n1'], ['n1', 'n2'], []),
  lastAccessAt: instant,
});

/** Puts the data away, and the record; `undefined`: it stays a value. */
function there(form: RecordForm, place: ReturnType<typeof placeOf>, session: LiveSession): Uint8Array | undefined {
  place.bytes = session.data.packedBytes();
  session.data.stow(place, key);
  const bytes = form.pack(key, session);
  return bytes && Uint8Array.from(bytes);
}

test('a record comes back as it was: what it encodes to, its digest, its end, its version; and nobody names anything when it is dropped', () => {
  let kept = 0;
  fc.assert(
    fc.property(record, (session) => {
      const place = placeOf();
      const form = new RecordForm(place);
      const expected = JSON.stringify(encodeWhole(session));
      const bytes = there(form, place, session);
      if (bytes !== undefined) {
        kept++;
        const again = form.unpack(key, bytes);
        const { data: dataBefore, ...before } = session;
        const { data: dataAgain, ...rest } = again;
        assert.deepEqual(rest, before);
        const { version, latest, length } = dataBefore;
        assert.deepEqual(
          [dataAgain.version, dataAgain.latest, dataAgain.length, dataAgain.form],
          [version, latest, length, 'stowed'],
        );
        assert.equal(sessionLattice.digestText?.(again), sessionLattice.digestText?.(session));
        assert.equal(sessionLattice.forgetAt(again), sessionLattice.forgetAt(session));
        assert.equal(JSON.stringify(encodeWhole(again)), expected);
        form.drop(bytes);
      }
      assert.equal(form.size, 0);
    }),
    { numRuns: 500 },
  );
  assert.ok(kept > 100, 'most of them are not refused');
});

const usual = (at: number, owner: string): LiveSession => {
  const data = SessionData.empty.change(
    { fields: [{ part: '0', field: '.a', text: '"x"' }], gone: [] },
    `${owner}/${start}`,
    (at + 5) * 1_024,
  ).data;
  return {
    ...{ state: 'live', app: 'shop', signOn: undefined, createdAt: at, endsAt: at + 30 * 86_400_000, version: 0 },
    ...{ ownerStamp: at * 1_024 + 1, owner, releasedAt: 0, idleMs: 1_800_000, data, stays: false, buddies: ['n2'] },
    lastAccessAt: at,
  };
};

test('a usual record is forty bytes at most', () => {
  const place = placeOf();
  const bytes = there(new RecordForm(place), place, usual(now, 'n1:1767225600000'))!;
  assert.ok(bytes.length <= 40, `${bytes.length}`);
});

test('what has its data in memory, has ended, or has too many writers stays a value', () => {
  const place = placeOf();
  const form = new RecordForm(place);
  assert.equal(form.pack(key, usual(now, 'n1:1')), undefined);
  assert.equal(form.pack(key, { state: 'ended', cause: 'timeout', endedAt: now, endsAt: now }), undefined);
  const many = Array.from({ length: 40 }, (_, index) => [`n${100 + index}:1/${start}`, now + index]).flat();
  assert.equal(there(form, place, { ...usual(now, 'n1:1'), data: SessionData.decode([many, nothing])! }), undefined);
  assert.equal(form.size, 0);
});

test('a life is let go of with the last record that names it, and its number is given to the next', () => {
  const place = placeOf();
  const form = new RecordForm(place);
  const rows: Uint8Array[] = [];
  for (let incarnation = 1; incarnation <= 1_000; incarnation++) {
    rows.push(there(form, place, usual(now, `n1:${incarnation}`))!);
    if (rows.length > 3) form.drop(rows.shift()!);
    assert.ok(form.size <= 6, 'three lives, one more, the application and the buddies');
  }
  assert.equal((form.unpack(key, rows.at(-1)!) as LiveSession).owner, 'n1:1000');
  assert.equal((form.unpack(key, rows[0]!) as LiveSession).owner, 'n1:998');
});

test('a record with what would come back as something else stays as it is', () => {
  const form = new RecordForm(placeOf());
  const stowed = (encoded: unknown, under = key) => {
    const one = SessionData.decode(encoded)!;
    one.stow(placeOf(), under);
    return one;
  };
  const usual = stowed([['n1:1', 5], nothing]);
  const [some] = fc.sample(record, { numRuns: 1, seed: 1 });
  const of = (changes: Partial<LiveSession>) =>
    form.pack(key, { ...some!, signOn: undefined, data: usual, ...changes });
  assert.ok(of({}), 'the usual one');
  const twin = parseSsoId(`${'A'.repeat(42)}B`);
  assert.ok(twin, 'a sign-on that is not the only text of its bytes');
  assert.equal(of({ signOn: twin }), undefined);
  assert.equal(
    of({ data: stowed([['n1:1/\ud800', 5], nothing]) }),
    undefined,
    'half a character in the name of a writer',
  );
  assert.equal(
    of({ data: stowed([['n1:1', 5], nothing], 'another key') }),
    undefined,
    'data that lies under another key',
  );
});
