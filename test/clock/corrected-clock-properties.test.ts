/**
 * Any history: answers that are late, lopsided or lost, wrong clocks that leap by up to a year at any
 * moment, right ones that wander within a second. At every moment the time is within its bound.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { farOffMs } from '../../sso/corrected-clock.ts';
import { startAt, type World, world, year } from './voters.ts';

/** Right clocks differ from true time by so much at most, milliseconds. */
const rightMs = 1_000;
const drift = 0.002;
/** Clocks are read in whole milliseconds. */
const wholeMs = 2;

type Event =
  | { readonly kind: 'answer'; readonly voter: number; readonly there: number; readonly back: number }
  | { readonly kind: 'leap'; readonly voter: number; readonly ms: number }
  | { readonly kind: 'pass'; readonly ms: number };

const half = fc.integer({ min: 0, max: 2_500 });
const wrong = fc.oneof(fc.integer({ min: -year, max: year }), fc.integer({ min: -8_000, max: 8_000 }));
const right = fc.integer({ min: -rightMs, max: rightMs });

/** The last `wrongs` of the voters 0 to `voters` − 1 may be wrong, in an order that the history turns round. */
function histories(voters: number, wrongs: number) {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('answer' as const), voter: fc.nat(), there: half, back: half }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('leap' as const), voter: fc.nat(), ms: wrong }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 6_000 }) }) },
  );
  return fc.record({
    turn: fc.nat({ max: voters - 1 }),
    aheads: fc.array(right, { minLength: voters, maxLength: voters }),
    wrongAheads: fc.array(wrong, { minLength: wrongs, maxLength: wrongs }),
    drift: fc.double({ min: -drift, max: drift, noNaN: true }),
    events: fc.array(event, { maxLength: 60 }),
  });
}

type History = typeof histories extends (...all: never[]) => fc.Arbitrary<infer H> ? H : never;

/** Which voters may be wrong: so many in a row, from a place on. */
const isWrong = (voter: number, history: History, voters: number) =>
  (voter + history.turn) % voters < history.wrongAheads.length;

function build(history: History, voters: number): World {
  let next = 0;
  const aheads = history.aheads.map((ahead, voter) =>
    isWrong(voter, history, voters) ? history.wrongAheads[next++]! : ahead,
  );
  return world(aheads, { drift: history.drift });
}

/** Lets the history happen; `check` is called after every event. A leap of a right clock stays within what is right. */
function live(it: World, history: History, voters: number, check: (event: Event) => void): void {
  for (const event of history.events) {
    if (event.kind === 'pass') it.pass(event.ms);
    else if (event.kind === 'answer') it.answer(1 + (event.voter % (voters - 1)), event.there, event.back);
    else {
      const voter = event.voter % voters;
      it.set(voter, isWrong(voter, history, voters) ? event.ms : event.ms % rightMs);
    }
    check(event);
  }
}

const allowed = (it: World, ms: number) => ms + wholeMs + it.passed * drift;

for (const [voters, wrongs] of [
  [3, 1],
  [4, 1],
  [5, 2],
  [7, 3],
] as const) {
  const name = `${wrongs} of ${voters} clocks wrong by up to a year either way`;

  test(`${name}: a time that was right stays right to 1.1 s, leaps and 5 s of lopsided round trips notwithstanding`, () => {
    fc.assert(
      fc.property(histories(voters, wrongs), (history) => {
        const it = build(history, voters);
        for (let voter = 1; voter < voters; voter++) it.answer(voter, 50, 50);
        live(it, history, voters, () => {
          const error = it.error();
          assert.ok(Math.abs(error) <= allowed(it, rightMs + 100), `off by ${error} ms`);
        });
      }),
      { numRuns: 2_000, seed: 4 },
    );
  });

  test(`${name}: what may be forgotten is never ahead of the right clocks, not even at the start`, () => {
    fc.assert(
      fc.property(histories(voters, wrongs), (history) => {
        const it = build(history, voters);
        live(it, history, voters, () => {
          const reached = it.clock.forgetNow();
          assert.ok(
            reached - startAt - it.passed <= allowed(it, rightMs),
            `ahead by ${reached - startAt - it.passed} ms`,
          );
          assert.ok(reached <= it.clock.now());
        });
      }),
      { numRuns: 2_000, seed: 5 },
    );
  });

  test(`${name}: once a majority was known, no sign-on is stamped more than a minute ahead of the right clocks, not even at the start`, () => {
    fc.assert(
      fc.property(histories(voters, wrongs), (history) => {
        const it = build(history, voters);
        let wasKnown = false;
        live(it, history, voters, () => {
          wasKnown ||= it.clock.hasMajority();
          if (!wasKnown || it.clock.isFarOff()) return;
          assert.ok(it.error() <= allowed(it, rightMs + farOffMs), `ahead by ${it.error()} ms`);
        });
      }),
      { numRuns: 2_000, seed: 8 },
    );
  });

  test(`${name}: the first majority that all make up brings a wrong time within 1 s and the longest of the round trips`, () => {
    const halves = fc.array(fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 2_000 })), {
      minLength: voters,
      maxLength: voters,
    });
    fc.assert(
      fc.property(histories(voters, wrongs), halves, (history, trips) => {
        const it = build(history, voters);
        for (let voter = 1; voter < voters; voter++) it.answer(voter, ...trips[voter]!);
        const longest = Math.max(...trips.map(([there, back]) => there + back));
        it.clock.now();
        it.pass(4_000);
        const error = it.error();
        assert.ok(Math.abs(error) <= allowed(it, rightMs + longest), `off by ${error} ms`);
      }),
      { numRuns: 2_000, seed: 6 },
    );
  });

  test(`${name}: without a majority the last correction is carried on, exactly`, () => {
    fc.assert(
      fc.property(histories(voters, wrongs), (history) => {
        const it = build({ ...history, drift: 0 }, voters);
        live(it, history, voters, () => {});
        it.clock.now();
        it.pass(10_000);
        const before = it.error();
        for (let voter = 0; voter < voters; voter++) it.set(voter, year);
        for (let minutes = 0; minutes < 60; minutes++) {
          it.pass(60_000);
          assert.equal(it.error(), before);
          assert.deepEqual([it.clock.hasMajority(), it.clock.forgetNow()], [false, 0]);
        }
      }),
      { numRuns: 200, seed: 7 },
    );
  });
}
