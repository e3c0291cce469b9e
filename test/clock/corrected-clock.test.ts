import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HybridClock } from '../../sso/hybrid-clock.ts';
import { LogLines } from '../../sso/testing/log-lines.ts';
import { startAt, world, year } from './voters.ts';

const hour = 3_600_000;

test('before any majority is known the wall clock of the start is carried on, and nothing may be forgotten', () => {
  const it = world([300, 0, 0]);
  assert.deepEqual([it.error(), it.clock.hasMajority(), it.clock.forgetNow()], [300, false, 0]);
  it.set(0, year);
  it.pass(10_000);
  assert.equal(it.error(), 300);
  assert.ok(it.clock.isFarOff());
});

test('a leap of any one wall clock of three, the own one included, moves nothing', () => {
  for (const voter of [0, 1, 2]) {
    for (const leap of [year, -year, hour, -hour]) {
      const it = world([0, 200, -200]);
      for (const other of [1, 2]) it.answer(other);
      it.set(voter, leap);
      for (let turn = 0; turn < 20; turn++) {
        it.pass(500);
        it.answer(1 + (turn % 2));
        assert.ok(Math.abs(it.error()) <= 201, `${voter} leaps by ${leap}: ${it.error()}`);
        assert.ok(it.clock.forgetNow() <= it.clock.now());
      }
    }
  }
});

test('with one of three away, or one of two that leaps ahead, a majority that once agreed is not overruled by a leap', () => {
  for (const voters of [3, 2]) {
    for (const voter of [0, 1]) {
      for (const leap of voters === 2 ? [year] : [year, -year]) {
        const it = world([0, 200, -200].slice(0, voters));
        it.answer(1);
        it.set(voter, leap);
        for (let turn = 0; turn < 2_000; turn++) {
          it.pass(1_000);
          it.answer(1);
          assert.ok(Math.abs(it.error()) <= 201, `${voter} of ${voters} leaps by ${leap}: ${it.error()}`);
        }
      }
    }
  }
});

test('of two that never agreed the one that is ahead decides whether something is over, the other whether it may be forgotten', () => {
  const it = world([0, hour]);
  it.answer(1);
  assert.ok(Math.abs(it.error() - hour) < 10);
  assert.ok(Math.abs(it.clock.forgetNow() - startAt) < 10);
  assert.ok(it.clock.isFarOff(), 'and this one opens nothing');
});

test('a time that no majority has agreed on, and no more clocks have reached than may be wrong, opens no sign-on until others answer', () => {
  for (const aheads of [
    [hour, 0, 0],
    [0, -hour, 0],
    [0, hour, 0],
    [90_000, 0, 0],
    [hour, 0, hour, 0, 0],
  ]) {
    const log = new LogLines();
    const it = world(aheads, { log });
    assert.ok(!it.clock.isFarOff(), 'without a majority it knows no better than its own clock');
    const majority = Math.floor(aheads.length / 2) + 1;
    for (let voter = 1; voter < majority; voter++) it.answer(voter);
    assert.ok(it.clock.isFarOff(), `${aheads}`);
    it.pass(20_000);
    assert.ok(!it.clock.hasMajority());
    assert.ok(it.clock.isFarOff(), 'nor does it know better once they are away');
    for (let voter = 1; voter < aheads.length; voter++) it.answer(voter);
    assert.equal(
      it.clock.isFarOff(),
      aheads[0]! > 0,
      'those that are right open again, and one that is wrong does not',
    );
    const told = log.lines.map(({ level, message }) => `${level}: ${message}`).join('\n');
    if (aheads[0]! > 0)
      assert.match(told, /^warn: .* differ too much: .*\nwarn: the wall clock of this machine is off/);
    else assert.match(told, /^warn: .* differ too much: .*\ninfo: .* agree, and that of this machine with them$/);
  }
});

test('sign-ons are opened where more clocks than may be wrong have reached the time, and where it was agreed on before one leapt', () => {
  for (const aheads of [
    [30_000, 0, 0],
    [0, -30_000, 0],
    [0, hour, 0, 0],
    [0, -hour, 0, 0],
    [0, hour, 0, 0, 0],
    [0, -hour],
  ]) {
    const it = world(aheads);
    const majority = Math.floor(aheads.length / 2) + 1;
    for (let voter = 1; voter < majority; voter++) it.answer(voter);
    assert.ok(it.clock.hasMajority());
    assert.ok(!it.clock.isFarOff(), `${aheads}`);
  }
  for (const leap of [hour, -hour]) {
    const it = world([0, 0, 0]);
    it.answer(1);
    it.set(1, leap);
    it.pass(1_000);
    it.answer(1);
    assert.ok(!it.clock.isFarOff(), `${leap}`);
  }
});

test('where the clocks of a majority are set, the time follows', () => {
  for (const leap of [hour, -hour, 3_000, -3_000]) {
    const it = world([0, 0, 0]);
    it.answer(1);
    it.answer(2);
    it.set(0, leap);
    it.set(1, leap);
    it.pass(5_000);
    it.answer(1);
    assert.ok(Math.abs(it.error() - leap) < 10, `${leap}`);
  }
});

test('one voter alone follows its wall clock, and may forget by it', () => {
  const it = world([0]);
  assert.ok(it.clock.hasMajority());
  it.set(0, hour);
  assert.deepEqual([it.error(), it.clock.forgetNow(), it.clock.offBy()], [hour, startAt + hour, 0]);
  it.set(0, -hour);
  assert.equal(it.error(), -hour);
});

test("a node without a vote goes by the voters' clocks, whatever its own shows", () => {
  const it = world([year, 100, 0, -100], { isVoter: false });
  it.answer(1);
  assert.ok(!it.clock.hasMajority());
  it.answer(2);
  assert.ok(it.clock.hasMajority());
  assert.ok(Math.abs(it.error()) < 110);
  assert.ok(it.clock.isFarOff());
  assert.ok(Math.abs(it.clock.offBy() - year) < 110);
});

test("a voter's clock counts for 10 s, and only from an answer that came within 4 s", () => {
  const it = world([hour, 0, 0]);
  it.answer(1, 2_000, 2_001);
  it.answer(2, 4_001, 0);
  assert.ok(!it.clock.hasMajority());
  it.answer(1, 2_000, 2_000);
  it.answer(2, 2_000, 2_000);
  assert.ok(it.clock.hasMajority());
  assert.ok(Math.abs(it.error()) <= 1);
  it.pass(9_999);
  assert.ok(it.clock.hasMajority());
  it.pass(1);
  assert.ok(!it.clock.hasMajority());
  assert.equal(it.clock.forgetNow(), 0);
  it.pass(hour);
  assert.ok(Math.abs(it.error()) <= 1, 'without a majority the last correction is carried on');
});

test('an answer that says nothing a clock can show is ignored', () => {
  const it = world([0, 0]);
  for (const now of [Number.NaN, Number.POSITIVE_INFINITY]) it.clock.heard('n1:7800', now, 0, 1);
  it.clock.heard('n1:7800', startAt, 10, 5);
  it.clock.heard('n1:7800', startAt, Number.NaN, 5);
  assert.ok(!it.clock.hasMajority());
});

test('what may be forgotten is over by the clocks of a majority: the lower middle, and less where some are away', () => {
  const it = world([0, hour, 2 * hour, -hour, -2 * hour]);
  const reached = () => Math.round((it.clock.forgetNow() - startAt) / hour);
  it.answer(1);
  it.answer(2);
  assert.equal(reached(), 0);
  it.answer(3);
  assert.equal(reached(), 0);
  it.answer(4);
  assert.equal(reached(), 0);
  const four = world([0, hour, 2 * hour, -hour]);
  for (const voter of [1, 2, 3]) four.answer(voter);
  assert.equal(Math.round((four.clock.forgetNow() - startAt) / hour), 0, 'the lower middle of four');
  assert.equal(Math.round(four.error() / hour), 1, 'and the upper one');
});

test('a clock that was wrong at the start is corrected by the first majority, and reported with both its ends', () => {
  const log = new LogLines();
  const it = world([-year, 0, 0], { log });
  assert.equal(it.error(), -year);
  it.answer(1, 100, 100);
  it.answer(2, 100, 100);
  assert.ok(Math.abs(it.error()) <= 1);
  assert.ok(Math.abs(it.clock.offBy() + year) < 10);
  it.set(0, 0);
  it.pass(2_000);
  it.answer(1);
  assert.deepEqual(
    log.lines.map(({ level, message }) => [level, message]),
    [
      [
        'warn',
        'the wall clocks of the voters differ too much: nobody signs on here until more of them are known, or set right',
      ],
      ['warn', 'the wall clock of this machine is off: the time of the majority is used'],
      ['info', 'the wall clock of this machine is right again'],
    ],
  );
});

test('what is read steps back only where it was ahead by more than 4 s; else it stands still', () => {
  const it = world([3_000, 0, 0]);
  const first = it.clock.now();
  it.answer(1);
  it.answer(2);
  assert.equal(it.clock.now(), first);
  it.pass(2_900);
  assert.equal(it.clock.now(), first);
  it.pass(200);
  assert.ok(it.clock.now() > first);
  const far = world([5_000, 0, 0]);
  far.clock.now();
  far.answer(1);
  far.answer(2);
  assert.ok(Math.abs(far.error()) < 10);
});

test('stamps go on rising while corrected time goes back', () => {
  const it = world([hour, 0, 0]);
  const hybrid = new HybridClock(it.clock);
  const before = hybrid.next();
  it.answer(1);
  it.answer(2);
  assert.ok(it.error() < 10);
  assert.ok(hybrid.next() > before);
});

test('a narrow answer makes the time exact, and a wide one after it does not make it worse', () => {
  const it = world([year, 0, 0]);
  for (const voter of [1, 2]) it.answer(voter, 4_000, 0);
  assert.ok(Math.abs(it.error() - 2_000) < 10, 'the middle of what the answers leave open');
  it.pass(3_000);
  for (const voter of [1, 2]) it.answer(voter, 0, 10);
  it.pass(2_000);
  assert.ok(Math.abs(it.error()) <= 10, `${it.error()}`);
  for (const voter of [1, 2]) it.answer(voter, 4_000, 0);
  assert.ok(Math.abs(it.error()) <= 10, `${it.error()}`);
});

test('a majority that does not agree does not speak for those who are away', () => {
  const it = world([0, -year, -year, 0, 0]);
  for (const voter of [1, 2]) it.answer(voter);
  assert.equal(Math.round(it.error() / year), -1);
  it.answer(3);
  assert.ok(Math.abs(it.error()) < 10);
});

test('after 5 minutes without a majority the time that was carried on speaks for nobody any more', () => {
  const it = world([0, 0, 0, 0, 0], { drift: -0.002 });
  for (const voter of [1, 2, 3, 4]) it.answer(voter);
  it.set(0, -8_000);
  it.pass(3_600_000);
  assert.ok(it.error() < -7_000, 'an hour of drift');
  for (const voter of [1, 2]) it.answer(voter);
  assert.ok(Math.abs(it.error()) < 10, `${it.error()}`);
});
