/** Notices do not depend on when and how changes travel: told at intervals, kept on their node, moved to another id. */

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { SessionNotice, SessionOptions } from '../../../sso/index.ts';
import { replicated } from '../../support/replicated.ts';

interface Kept {
  note: string;
}

const short = ({ kind, cause, used, attribute, end }: SessionNotice) =>
  [kind, cause, ...(used ? [] : ['(copy)']), attribute, end].filter((word) => word !== undefined).join(' ');

/** A shop on two nodes that hears of everything. */
async function listened(t: TestContext, settings: Partial<SessionOptions> = {}) {
  const notices: Record<string, string[]> = { n1: [], n2: [] };
  const shop = (node: string) => ({
    ...settings,
    onEvent: (notice: SessionNotice) => void notices[node]!.push(short(notice)),
    sessionNotificationPolicy: () => true,
  });
  const it = await replicated(t, { apps: { shop } });
  const told = (at: string) => notices[at]!.splice(0);
  return { it, shop: it.shop<Kept>('shop'), told };
}

test('a change that is told later is a modification on its node, when it is made, and a replication on others, when it comes', async (t) => {
  const { it, shop, told } = await listened(t, { snapshotMode: 'interval', snapshotInterval: 2_000 });
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  assert.deepEqual(told('n1'), ['created create', 'attributeAdded modify note']);
  await it.cluster.advance(3_000);
  assert.deepEqual(told('n2'), ['created replication (copy)', 'attributeAdded replication (copy) note']);
  await shop.does(browser, 'n1', (session) => void (session.note = 'y'));
  assert.deepEqual(told('n1'), ['attributeReplaced modify note']);
  assert.deepEqual(told('n2'), []);
  await it.cluster.advance(3_000);
  assert.deepEqual(told('n2'), ['attributeReplaced replication (copy) note']);
  assert.deepEqual(told('n1'), []);
});

test('of what stays on its node (distributable: false) the others hear no attribute', async (t) => {
  const { it, shop, told } = await listened(t, { distributable: false });
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  await it.cluster.settle();
  assert.deepEqual(told('n1'), ['created create', 'attributeAdded modify note']);
  assert.deepEqual(told('n2'), ['created replication (copy)']);
});

test('use alone is no event, and neither is its being told', async (t) => {
  const { it, shop, told } = await listened(t, { maxUnreplicatedInterval: 0 });
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  await it.cluster.settle();
  told('n1');
  told('n2');
  for (let i = 0; i < 3; i++) {
    await it.cluster.advance(10_000);
    await shop.does(browser, 'n1', ({ note }) => note);
  }
  await it.cluster.settle();
  assert.deepEqual([told('n1'), told('n2')], [[], []]);
});

test('an anonymous session that moves at the sign-on is created under its new id, and ends as renewed under the old: counts stay right', async (t) => {
  const { it, shop, told } = await listened(t);
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  told('n1');
  await browser.signIn('alice', { at: 'n1' });
  assert.equal(await shop.does(browser, 'n1', ({ note }) => note), 'x');
  assert.deepEqual(told('n1').sort(), [
    'attributeAdded modify note',
    'attributeRemoved invalidate note renewed',
    'created create',
    'destroyed invalidate renewed',
  ]);
});

test("leave() and a logout are told with their causes; a logout's attributes are those that the session had last", async (t) => {
  const { it, shop, told } = await listened(t);
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  told('n1');
  await shop.does(browser, 'n1', (_session, req) => req.sso.leave());
  assert.deepEqual(told('n1'), ['destroyed invalidate left', 'attributeRemoved invalidate note left']);
  await shop.does(browser, 'n1', (session) => void (session.note = 'y'));
  told('n1');
  await browser.post('/logout', { at: 'n2' }).expect(200);
  await it.cluster.settle();
  assert.deepEqual(told('n1'), ['destroyed invalidate sign-on', 'attributeRemoved invalidate note sign-on']);
});
