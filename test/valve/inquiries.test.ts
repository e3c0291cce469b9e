import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inquiry } from '../../sso/registry.ts';
import type { SsoId } from '../../sso/token.ts';
import { Inquiries } from '../../sso/valve/inquiries.ts';
import { manualClock } from './world.ts';

const id = 'an id' as SsoId;

function asking() {
  const clock = manualClock();
  const waiting: { answer: (inquiry: Inquiry) => void; fail: (error: Error) => void }[] = [];
  const registry = { inquire: () => new Promise<Inquiry>((answer, fail) => void waiting.push({ answer, fail })) };
  return { clock, waiting, inquiries: new Inquiries(registry, clock) };
}

test('requests that ask for one sign-on at the same time share one question', async () => {
  const { waiting, inquiries } = asking();
  const answers = [inquiries.ask(id), inquiries.ask(id), inquiries.ask(id)];
  assert.equal(waiting.length, 1);
  void inquiries.ask('another id' as SsoId);
  assert.equal(waiting.length, 2);
  waiting[0]!.answer({ state: 'unknown' });
  assert.deepEqual(await Promise.all(answers), Array(3).fill({ state: 'unknown' }));
});

test('an answer that found nothing holds for a second, one that found something is the registry’s to hold', async () => {
  const { clock, waiting, inquiries } = asking();
  for (const inquiry of [{ state: 'unknown' }, { state: 'undecided' }, { state: 'over', cause: 'logout' }] as const) {
    const asked = inquiries.ask(id);
    waiting.pop()!.answer(inquiry);
    await asked;
    assert.deepEqual(inquiries.held(id), inquiry.state === 'over' ? undefined : inquiry);
    clock.advance(1_000);
    assert.equal(inquiries.held(id), undefined);
  }
});

test('a question that failed is forgotten: the next request asks again', async () => {
  const { waiting, inquiries } = asking();
  const asked = inquiries.ask(id);
  waiting[0]!.fail(new Error('down'));
  await assert.rejects(asked, /down/);
  assert.equal(inquiries.held(id), undefined);
  void inquiries.ask(id);
  assert.equal(waiting.length, 2);
});
