/** Members by a DNS name, in virtual time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lookup, systemResolve } from '../../sso/channel/lookup.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

/** Answers by `replies` in turn, then by the last of them again. */
function world(replies: readonly (readonly string[] | string)[]) {
  const clock = virtualClock();
  const found: (readonly string[])[] = [];
  const failed: string[] = [];
  let asked = 0;
  const lookup = new Lookup({
    clock,
    name: 'nodes.internal',
    port: 7800,
    everyMs: 30_000,
    firstMs: 2_000,
    resolve: async () => {
      const reply = replies[Math.min(asked++, replies.length - 1)]!;
      if (typeof reply === 'string') throw Object.assign(new Error(reply), { code: reply });
      return reply;
    },
    found: (addresses) => void found.push(addresses),
    failed: ({ message }) => void failed.push(message),
  });
  return { clock, lookup, found, failed, asked: () => asked };
}

test('a name gives addresses, again and again', async () => {
  const { clock, lookup, found, asked } = world([['10.0.0.1'], ['10.0.0.1', '::1']]);
  lookup.start();
  await clock.advanceAsync(29_999);
  assert.deepEqual([found, asked()], [[['10.0.0.1:7800']], 1]);
  await clock.advanceAsync(1);
  assert.deepEqual(found[1], ['10.0.0.1:7800', '[::1]:7800']);
});

test('until somebody is found it asks more often; that there is no such name is an answer, too', async () => {
  const { clock, lookup, failed, found, asked } = world(['EAI_AGAIN', 'ENOTFOUND', ['10.0.0.1']]);
  lookup.start();
  await clock.advanceAsync(1_999);
  assert.deepEqual([lookup.answered, failed], [false, ['EAI_AGAIN']]);
  await clock.advanceAsync(1);
  assert.deepEqual([lookup.answered, found.length], [true, 0]);
  await clock.advanceAsync(2_000);
  assert.deepEqual([found.length, asked()], [1, 3]);
});

test('an answer that fails takes nobody away', async () => {
  const { clock, lookup, found, failed } = world([['10.0.0.1'], 'EAI_AGAIN']);
  lookup.start();
  await clock.advanceAsync(30_000);
  assert.deepEqual([found.length, failed.length], [1, 1]);
});

test('once stopped it asks no more, and an answer on its way is not heard', async () => {
  const { clock, lookup, found, asked } = world([['10.0.0.1']]);
  lookup.start();
  lookup.stop();
  await clock.advanceAsync(100_000);
  assert.deepEqual([found.length, asked(), clock.pending()], [0, 1, 0]);
});

test("the system's resolver reads the hosts file", async () => {
  assert.ok((await systemResolve('localhost')).some((ip) => ip === '127.0.0.1' || ip === '::1'));
});
