import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Transaction, WriteBehind, type WriteBehindOptions } from '../../sso/disk/write-behind.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { diskFailed } from './contract.ts';

/** A writer whose transactions are made durable, or refused, by hand. */
function byHand(options: Partial<WriteBehindOptions> = {}) {
  const clock = virtualClock();
  const begun: { transaction: Transaction; done(): void; fail(why: string): void }[] = [];
  const behind = new WriteBehind({
    clock,
    options,
    write: (transaction) =>
      new Promise((resolve, reject) => {
        begun.push({ transaction, done: resolve, fail: (why) => reject(new Error(why)) });
      }),
  });
  const texts = (index: number) => begun[index]?.transaction.writes.map(({ key, text }) => `${key}=${text}`);
  return { clock, begun, behind, texts };
}

test('callers that come while a flush goes on share the next one: two flushes serve a thousand', async () => {
  const { clock, begun, behind } = byHand();
  behind.put('a', 'first', '1');
  const first = behind.flush();
  const later = Array.from({ length: 999 }, (_, index) => {
    behind.put('a', `k${index}`, '1');
    return behind.flush();
  });
  assert.equal(begun.length, 1);
  begun[0]!.done();
  await first;
  await clock.advanceAsync(0);
  assert.equal(begun.length, 2);
  assert.equal(begun[1]!.transaction.writes.length, 999);
  begun[1]!.done();
  await Promise.all(later);
  assert.equal(begun.length, 2);
});

test('a flush resolves after what was put before it is durable, not with an earlier round', async () => {
  const { clock, begun, behind } = byHand();
  behind.put('a', 'x', 'one');
  void behind.flush();
  behind.put('a', 'x', 'two');
  let resolved = false;
  const second = behind.flush().then(() => (resolved = true));
  begun[0]!.done();
  await clock.advanceAsync(0);
  assert.equal(resolved, false);
  begun[1]!.done();
  await second;
});

test('a flush without news waits for the round that goes on', async () => {
  const { clock, begun, behind } = byHand();
  behind.put('a', 'x', 'one');
  void behind.flush();
  let resolved = false;
  const second = behind.flush().then(() => (resolved = true));
  await clock.advanceAsync(0);
  assert.equal(resolved, false);
  begun[0]!.done();
  await second;
  assert.equal(begun.length, 1);
});

test('what nobody flushes is written after a while, the last value of each key', async () => {
  const { clock, begun, behind, texts } = byHand({ afterMs: 200 });
  for (let index = 0; index < 10; index++) behind.put('a', 'x', String(index));
  await clock.advanceAsync(199);
  assert.equal(begun.length, 0);
  await clock.advanceAsync(1);
  assert.deepEqual(texts(0), ['x=9']);
  assert.equal(behind.waiting, 1);
  begun[0]!.done();
  await clock.advanceAsync(0);
  assert.equal(behind.waiting, 0);
});

test('a large round goes out in transactions one after the other, and the note with the last', async () => {
  const { clock, begun, behind } = byHand({ atMost: 10 });
  for (let index = 0; index < 25; index++) behind.put('a', `k${index}`, 'x');
  behind.note('n');
  const flushed = behind.flush();
  for (let index = 0; index < 3; index++) {
    assert.equal(begun.length, index + 1, 'one at a time');
    assert.equal(begun[index]!.transaction.note, index === 2 ? 'n' : undefined);
    begun[index]!.done();
    await clock.advanceAsync(0);
  }
  await flushed;
  assert.deepEqual(
    begun.map(({ transaction }) => transaction.writes.length),
    [10, 10, 5],
  );
});

test('after a failure nothing newer is overwritten, callers of the failed round hear why, and later callers try again at once', async () => {
  const { clock, begun, behind, texts } = byHand();
  behind.put('a', 'x', 'old');
  behind.put('a', 'y', 'only');
  behind.note('old');
  const first = behind.flush();
  behind.put('a', 'x', 'new');
  const second = behind.flush();
  begun[0]!.fail('the disk is full');
  await assert.rejects(first, diskFailed);
  await assert.rejects(first, /the disk is full/);
  assert.deepEqual(texts(1), ['x=new', 'y=only']);
  assert.equal(begun[1]!.transaction.note, 'old');
  begun[1]!.done();
  await second;
  assert.equal(behind.failure, undefined);
  await clock.advanceAsync(10_000);
  assert.equal(begun.length, 2);
});

test('a failure that nobody waits for is tried again by itself', async () => {
  const { clock, begun, behind } = byHand({ afterMs: 200, retryMs: 1_000 });
  behind.put('a', 'x', 'one');
  await clock.advanceAsync(200);
  begun[0]!.fail('no');
  await clock.advanceAsync(999);
  assert.equal(behind.failure, 'no');
  assert.equal(begun.length, 1);
  await clock.advanceAsync(1);
  assert.equal(begun.length, 2);
});
