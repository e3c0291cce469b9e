/** Long work in turns: it is done, nobody is in its way for long, and what somebody waits for comes first. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns, turnMs } from '../../sso/session/turns.ts';

/** Turns on a clock of which each step of the work takes a part. */
class Desk {
  readonly done: string[] = [];
  readonly turns: Turns;
  #now = 0;
  #soon: (() => void)[] = [];

  constructor() {
    this.turns = new Turns({ clock: { soon: (run) => void this.#soon.push(run), monotonic: () => this.#now } });
  }

  *work(name: string, steps: number, ms = 0): Generator<undefined> {
    for (let step = 1; step <= steps; step++) {
      this.#now += ms;
      this.done.push(`${name}${step}`);
      yield;
    }
  }

  /** One turn. Returns what was done in it, and how long it took. */
  turn(): readonly [done: string, ms: number] {
    const [from, began] = [this.done.length, this.#now];
    for (const run of this.#soon.splice(0)) run();
    return [this.done.slice(from).join(' '), this.#now - began];
  }
}

test('work begins at once, goes on in the next turns, and says when it is done', () => {
  const desk = new Desk();
  desk.turns.run(desk.work('a', 5), 2, () => desk.done.push('done'));
  assert.deepEqual(desk.done, ['a1', 'a2']);
  assert.deepEqual(desk.turn()[0], 'a3 a4');
  assert.deepEqual(desk.turn()[0], 'a5 done');
  assert.deepEqual(desk.turn()[0], '');
});

test('a turn ends when its time is over, whatever number of steps it may have', () => {
  const desk = new Desk();
  desk.turns.run(desk.work('a', 7, turnMs / 2), 1_000);
  assert.deepEqual(desk.done, ['a1', 'a2']);
  assert.deepEqual(desk.turn(), ['a3 a4', turnMs]);
});

test('many works share one part of a turn, and none of them waits for another to be over', () => {
  const desk = new Desk();
  for (const name of ['a', 'b', 'c']) desk.turns.run(desk.work(name, 4, turnMs), 1_000);
  const turns = Array.from({ length: 11 }, () => desk.turn());
  assert.deepEqual([desk.done[0], ...turns.map(([done]) => done)].slice(0, 7), [
    'a1',
    'a2',
    'b1',
    'c1',
    'a3',
    'b2',
    'c2',
  ]);
  assert.ok(turns.every(([, ms]) => ms <= turnMs));
  assert.equal(desk.done.length, 12);
});

test('what somebody waits for is begun at once, and goes on before anything else', () => {
  const desk = new Desk();
  desk.turns.run(desk.work('a', 10, turnMs), 1_000);
  desk.turns.runFirst(desk.work('b', 3, turnMs / 2), 1_000);
  assert.deepEqual(desk.done, ['a1', 'b1', 'b2']);
  assert.equal(desk.turn()[0], 'b3 a2');
});

test('what comes while work is done waits for the next turn; after the end nothing goes on', () => {
  const desk = new Desk();
  const outer = function* () {
    desk.turns.run(desk.work('b', 1), 10);
    desk.done.push('a');
    yield;
  };
  desk.turns.run(outer(), 10);
  assert.deepEqual(desk.done, ['a']);
  assert.equal(desk.turn()[0], 'b1');
  desk.turns.run(desk.work('c', 3), 1);
  desk.turns.close();
  desk.turns.run(desk.work('d', 3), 1);
  desk.turns.runFirst(desk.work('e', 3), 1);
  assert.equal(desk.turn()[0], '');
  assert.deepEqual(desk.done, ['a', 'b1', 'c1']);
});

test('work that throws is over, and what else waits goes on', () => {
  const desk = new Desk();
  function* broken(): Generator<undefined> {
    yield;
    throw new Error('broken');
  }
  desk.turns.run(broken(), 1);
  desk.turns.run(desk.work('a', 2), 1);
  assert.throws(() => desk.turn(), /broken/);
  assert.deepEqual([desk.turn()[0], desk.turn()[0]], ['a1', 'a2']);
});
