/** Stories of VALVE-BEHAVIOUR.md 1.6: what an application is told of its sessions, with which cause, and on which node. */

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { SessionNotice } from '../../sso/session/index.ts';
import { passedAtOnce } from '../../sso/session/passes.ts';
import {
  copyOf,
  granularities,
  perGranularity,
  type ReplicatedOptions,
  replicated,
  type Settings,
} from '../support/replicated.ts';

const minutes = 60_000;

interface Kept {
  cart: string[];
  note: string;
}

/** What a test compares: kind and cause, whether the node uses the session, and the attribute if there is one. */
const short = ({ kind, cause, used, attribute }: SessionNotice) =>
  `${kind} ${cause}${used ? '' : ' (copy)'}${attribute === undefined ? '' : ` ${attribute}`}`;

async function listened(t: TestContext, apps: Record<string, Settings>, options: Omit<ReplicatedOptions, 'apps'> = {}) {
  const notices: Record<string, SessionNotice[]> = {};
  const it = await replicated(t, {
    ...options,
    apps: Object.fromEntries(
      Object.entries(apps).map(([app, settings]) => [
        app,
        (node: string) => ({
          onEvent: (notice: SessionNotice) => {
            notices[node] ??= [];
            notices[node].push(notice);
          },
          ...settings,
        }),
      ]),
    ),
  });
  /** What this node has told since it was last asked. */
  const told = (at: string) => {
    const said = (notices[at] ?? []).map(short);
    notices[at] = [];
    return said;
  };
  return { it, notices, told };
}

test('an application hears of the sessions that its node uses: made, attribute by attribute, and ended, with the cause', async (t) => {
  const { it, notices, told } = await listened(t, perGranularity({ idleMs: 10 * minutes }), {
    options: { cluster: { intervalMs: 20_000 } },
  });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
    const made = notices['n1']!;
    assert.deepEqual(
      made.map(({ kind, cause, used, attribute }) => [kind, attribute, used, ['create', 'modify'].includes(cause)]),
      [
        ['created', undefined, true, true],
        ['attributeAdded', 'cart', true, true],
      ],
      app,
    );
    assert.equal(made[0]!.cause, 'create');
    assert.equal(made[0]!.app, app);
    assert.deepEqual(made[1]!.value, ['pen']);
    notices['n1'] = [];
    await shop.does(browser, 'n1', ({ cart }) => void cart.push('ink'));
    assert.deepEqual([notices['n1'][0]!.previous, notices['n1'][0]!.value], [['pen'], ['pen', 'ink']]);
    assert.deepEqual(told('n1'), ['attributeReplaced modify cart'], app);
    await shop.does(browser, 'n1', ({ cart }) => void cart.length);
    assert.deepEqual(told('n1'), [], `${app}: what compares equal is no event`);
    await shop.does(browser, 'n1', (session) => {
      session.note = 'x';
      session.cart = undefined as never;
      delete (session as Partial<Kept>).cart;
    });
    assert.deepEqual(told('n1').sort(), ['attributeAdded modify note', 'attributeRemoved modify cart'], app);
    await shop.does(browser, 'n1', (session) => session.destroy());
    const last = told('n1');
    assert.ok(last.includes('destroyed invalidate'), `${app}: ${last}`);
    assert.deepEqual(told('n2'), [], `${app}: nothing of copies`);
  }
  for (const app of granularities)
    await it.shop<Kept>(app).does(it.browser(), 'n1', (session) => void (session.note = 'idle'));
  told('n1');
  await it.cluster.advance(15 * minutes);
  assert.equal(told('n1').filter((one) => one === 'destroyed timeout').length, granularities.length);
  assert.deepEqual(told('n2'), []);
});

test('a policy of one’s own may hear of copies, too: replication, failover, failaway, state transfer', async (t) => {
  const { it, notices, told } = await listened(
    t,
    { shop: { sessionNotificationPolicy: () => true } },
    { nodes: ['n1', 'n2', 'n3'] },
  );
  const shop = it.shop<Kept>('shop');
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  await it.cluster.settle();
  assert.ok(told('n1').includes('created create'));
  const session = notices['n2']![0]!.session;
  assert.match(session, /^[\w-]{43}$/);
  assert.ok(!browser.cookie(shop.cookie)!.includes(session), 'no cookie');
  const copied = told('n2');
  assert.ok(copied.includes('created replication (copy)'), copied.join());
  told('n3');
  await shop.does(browser, 'n2', (session) => void (session.note = 'y'));
  await it.cluster.settle();
  const [at1, at2, at3] = [told('n1'), told('n2'), told('n3')];
  assert.ok(at2.includes('created failover') || at2.some((one) => / failover/.test(one)), at2.join());
  assert.ok(at2.includes('attributeReplaced modify note'), at2.join());
  assert.ok(
    at1.some((one) => / failaway/.test(one)),
    at1.join(),
  );
  assert.ok(at3.includes('attributeReplaced replication (copy) note'), at3.join());
  await it.cluster.kill('n2');
  await it.cluster.advance(15_000);
  assert.equal(await shop.does(browser, 'n3', ({ note }) => note), 'y');
  assert.ok(told('n3').some((one) => / failover/.test(one)));
  await it.cluster.join('n4');
  await it.cluster.settle();
  const joined = told('n4');
  assert.ok(joined.includes('created state-transfer (copy)'), joined.join());
});

test('JBAS-5778: an application that stops on a node looks like no logout of everybody by default; the legacy policy tells it', async (t) => {
  const { it, told } = await listened(t, {
    shop: {},
    old: { sessionNotificationPolicy: 'legacy' },
  });
  const browser = it.browser();
  for (const app of ['shop', 'old'])
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'x'));
  told('n1');
  for (const app of ['shop', 'old']) it.cluster.at('n1').sso.stopApplication(app);
  await it.cluster.settle();
  const said = told('n1');
  assert.ok(said.includes('destroyed undeploy'), said.join());
  assert.equal(said.filter((one) => one === 'destroyed undeploy').length, 1, 'of the legacy one alone');
  assert.deepEqual(told('n2'), []);
});

test('an application that stopped on a node hears no more there, until its sessions are mounted again', async (t) => {
  const ends: string[] = [];
  const { it, told } = await listened(
    t,
    { shop: { sessionNotificationPolicy: 'legacy', onEnd: ({ cause }) => void ends.push(cause) } },
    { nodes: ['n1', 'n2'] },
  );
  const shop = it.shop<Kept>('shop');
  const [browser, other] = [it.browser(), it.browser()];
  for (const each of [browser, other]) await shop.does(each, 'n1', (session) => void (session.note = 'x'));
  told('n1');
  const { sso } = it.cluster.at('n1');
  sso.stopApplication('shop');
  assert.deepEqual(told('n1').filter((one) => one === 'destroyed undeploy').length, 2, 'of this it hears');
  await shop.does(browser, 'n1', (session) => void (session.note = 'y'));
  await shop.does(browser, 'n1', (session) => session.destroy());
  assert.deepEqual([told('n1'), ends], [[], []]);
  const again: string[] = [];
  sso.sessions({
    app: 'shop',
    sessionNotificationPolicy: () => true,
    onEvent: (notice) => void again.push(short(notice)),
    onEnd: ({ cause }) => void ends.push(cause),
  });
  await it.cluster.settle();
  const found = ['created state-transfer (copy)', 'attributeAdded state-transfer (copy) note'];
  assert.deepEqual(again, found, 'the one that is there');
  await shop.does(other, 'n1', (session) => void (session.note = 'y'));
  await shop.does(other, 'n1', (session) => session.destroy());
  assert.ok(again.includes('attributeReplaced modify note'), again.join());
  assert.ok(again.includes('destroyed invalidate'), again.join());
  assert.deepEqual(ends, ['destroyed']);
  assert.deepEqual(told('n1'), [], 'the former listener');
});

test('an application with many sessions stops in turns: its listener hears of all of them, also when it has begun again meanwhile, whose listener does not', async (t) => {
  const { it, told } = await listened(t, { shop: { sessionNotificationPolicy: 'legacy' } }, { nodes: ['n1'] });
  const shop = it.shop<Kept>('shop');
  const count = 2 * passedAtOnce;
  for (let i = 0; i < count; i++) await shop.does(it.browser(), 'n1', (session) => void (session.note = 'x'));
  told('n1');
  const { sso } = it.cluster.at('n1');
  let isStopped = false;
  const stopped = sso.stopApplication('shop').then(() => (isStopped = true));
  const gone = (lines: readonly string[]) => lines.filter((one) => one === 'destroyed undeploy').length;
  const again: string[] = [];
  sso.sessions({
    app: 'shop',
    sessionNotificationPolicy: 'legacy',
    onEvent: (notice) => void again.push(short(notice)),
  });
  const first = gone(told('n1'));
  assert.ok(first > 0 && first <= passedAtOnce, String(first));
  const browser = it.browser();
  await shop.does(browser, 'n1', (session) => void (session.note = 'new'));
  await it.cluster.settle();
  await stopped;
  assert.ok(isStopped);
  assert.equal(first + gone(told('n1')), count);
  assert.deepEqual(again, ['created create', 'attributeAdded modify note']);
  await shop.does(browser, 'n1', (session) => session.destroy());
  assert.deepEqual(told('n1'), [], 'the former listener');
});

test('a listener that throws hinders nothing, and the log says so', async (t) => {
  const { it } = await listened(
    t,
    {
      shop: {
        onEvent: () => {
          throw new Error('of the listener');
        },
      },
    },
    { logsErrors: true },
  );
  const browser = it.browser();
  const shop = it.shop<Kept>('shop');
  await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  assert.ok(it.logged('n1', /of the listener/).length > 0);
  assert.equal(await shop.does(copyOf(it, browser), 'n2', ({ note }) => note), 'x');
});

test('the sign-on of a session is told by its hash, and a logout elsewhere is told where the session was used', async (t) => {
  const { it, notices, told } = await listened(t, { shop: {} });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  await it.shop<Kept>('shop').does(browser, 'n1', (session) => void (session.note = 'x'));
  assert.equal(notices['n1']![0]!.signOn, it.cluster.at('n1').sso.entries('alice')[0]!.id);
  told('n1');
  await browser.post('/logout', { at: 'n2' }).expect(200);
  await it.cluster.settle();
  const last = notices['n1']!.find(({ kind }) => kind === 'destroyed');
  assert.deepEqual([last?.cause, last?.signOnCause], ['invalidate', 'logout']);
  assert.deepEqual(told('n2'), []);
});
