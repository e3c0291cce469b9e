/** Stories of what applications hear of sessions that move from node to node: each beginning and each end once, at the node that serves the session then. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NoticePolicy, SessionNotice } from '../../sso/index.ts';
import { begun, besides, buddies, buddyOf, type Cart, placed } from '../support/placed.ts';

/** What each node's application is told, by this policy, and its `onEnd`. */
async function heard(t: Parameters<typeof placed>[0], sessionNotificationPolicy?: NoticePolicy) {
  const lines: string[] = [];
  const listening = (node: string) => ({
    ...buddies(1),
    sessionNotificationPolicy,
    onEvent: ({ kind, cause, attribute }: SessionNotice) =>
      void lines.push([node, kind, cause, ...(attribute === undefined ? [] : [attribute])].join(' ')),
    onEnd: ({ cause }: { cause: string }) => void lines.push(`${node} onEnd ${cause}`),
  });
  const it = await placed(t, { apps: { shop: listening } });
  return { it, told: () => lines.splice(0) };
}

test('a session that is destroyed by the request that brought it to its node ends there, and is told once', async (t) => {
  const { it, told } = await heard(t);
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker');
  await it.cluster.settle();
  const [third] = besides('n1', buddyOf(it, note, 'n1'));
  told();
  await shop.does(browser, third!, (session) => void session.destroy(() => {}));
  await it.cluster.settle();
  const lines = told();
  assert.deepEqual(
    lines.filter((line) => / destroyed | onEnd /.test(line)).sort(),
    [`${third} destroyed invalidate`, `${third} onEnd destroyed`],
    lines.join('\n'),
  );
  assert.deepEqual(
    lines.filter((line) => line.includes('attributeRemoved')).sort(),
    [`${third} attributeRemoved invalidate cart`, `${third} attributeRemoved invalidate note`],
    lines.join('\n'),
  );
});

test('a logout by the request that brought a session to its node counts it once, for that node', async (t) => {
  const { it, told } = await heard(t);
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker', 'alice');
  await it.cluster.settle();
  const [third] = besides('n1', buddyOf(it, note, 'n1'));
  told();
  const receipt = await it.shop<Cart>('shop').does(browser, third!, async (session, req) => {
    assert.equal(session.note, note);
    return req.sso.logout();
  });
  await it.cluster.settle();
  assert.deepEqual(
    told().filter((line) => line.includes('onEnd')),
    [`${third} onEnd sign-on`],
  );
  assert.deepEqual(receipt.applications, [{ app: 'shop', sessions: 1 }]);
  assert.equal(await shop.does(browser, 'n1', (session) => session.note), undefined);
});

test('a buddy’s application hears what a session began with, and of each change after that; who is chosen later hears only the changes', async (t) => {
  const { it, told } = await heard(t, () => true);
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker');
  await it.cluster.settle();
  const buddy = buddyOf(it, note, 'n1');
  const of = (lines: readonly string[], node: string) => lines.filter((line) => line.startsWith(`${node} `));
  const added = ['attributeAdded replication note', 'attributeAdded replication cart'];
  const first = told();
  assert.deepEqual(
    of(first, buddy),
    ['created replication', ...added].map((line) => `${buddy} ${line}`),
    first.join('\n'),
  );
  for (const node of besides('n1', buddy)) assert.deepEqual(of(first, node), [`${node} created replication`]);
  await shop.does(browser, 'n1', (session) => void (session.note = 'marker anew'));
  await it.cluster.settle();
  assert.deepEqual(told().sort(), [`n1 attributeReplaced modify note`, `${buddy} attributeReplaced replication note`]);
  await it.cluster.stopNode(buddy);
  await it.cluster.settle();
  const next = buddyOf(it, 'marker anew', 'n1');
  assert.deepEqual(of(told(), next), [], 'the data has come here as it was');
  await shop.does(browser, 'n1', (session) => void (session.note = 'marker again'));
  await it.cluster.settle();
  assert.deepEqual(of(told(), next), [`${next} attributeReplaced replication note`]);
});
