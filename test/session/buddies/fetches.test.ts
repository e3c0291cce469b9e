/** Asking for data: who is busy with it, and when it is said to be here, lost, or out of reach. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../../sso/channel/channel.ts';
import type { Fetched } from '../../../sso/session/buddies/depot.ts';
import { Fetches } from '../../../sso/session/buddies/fetches.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import type { LiveSession } from '../../../sso/session/record.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from '../support/changes.ts';

const allMs = 250;
const ms = 1_000;
const filled = SessionData.empty.change(setting({ a: 1 }), 'n1:1', 1).data;

function session(more: Partial<LiveSession> = {}): LiveSession {
  return {
    state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 1e15, version: 0, owner: 'n1:1', ownerStamp: 1,
    releasedAt: 0, idleMs: 0, data: SessionData.empty, stays: false, buddies: ['n2'], lastAccessAt: 1, ...more,
  }; // biome-ignore format: the object is a table
}

/** Node n3 asks for a session that n1 serves and whose buddy is n2. */
class Asker {
  readonly clock = virtualClock();
  readonly peers = new Map<string, Peer>(['n1', 'n2', 'n4'].map((node) => [node, { node, incarnation: 1 }]));
  /** Questions: who was asked, and under which number. */
  readonly asked = new Map<string, number>();
  readonly fetches: Fetches;
  record = session();
  #ids = 0;

  constructor() {
    this.fetches = new Fetches({
      self: { node: 'n3', incarnation: 1 },
      record: () => this.record,
      peers: () => this.peers,
      staying: () => ['n1', 'n2', 'n3', 'n4'],
      hasMetAll: () => true,
      say: ({ node }, id) => void this.asked.set(node, id),
      clock: this.clock,
      allMs,
      ms,
      nextId: () => ++this.#ids,
    });
  }

  /** Begins to fetch; what comes of it is noted. */
  fetch(): { fetched?: Fetched } {
    const result: { fetched?: Fetched } = {};
    void this.fetches.fetch('s').then((fetched) => {
      result.fetched = fetched;
    });
    return result;
  }

  answer(node: string, what: 'data' | 'none'): void {
    const keys = ['s'];
    this.fetches.fetched(
      this.peers.get(node)!,
      this.asked.get(node)!,
      what === 'data' ? keys : [],
      what === 'none' ? keys : [],
    );
  }
}

test('somebody is busy with a session from the question on until whoever asked could go on with the answer', async () => {
  const asker = new Asker();
  assert.ok(!asker.fetches.isBusy('s'));
  const result = asker.fetch();
  assert.ok(asker.fetches.isBusy('s'));
  await asker.clock.advanceAsync(0);
  assert.deepEqual([...asker.asked.keys()], ['n1', 'n2'], 'those who are to have it');
  asker.record = session({ data: filled });
  asker.answer('n1', 'data');
  assert.ok(asker.fetches.isBusy('s'), 'whoever asked has not gone on yet');
  assert.ok(!asker.fetches.isBusy('other'));
  await asker.clock.advanceAsync(0);
  assert.equal(result.fetched, 'here');
  assert.ok(!asker.fetches.isBusy('s'));
});

test('it is no longer busy when nobody answered in time, or all was closed', async () => {
  for (const end of [(asker: Asker) => asker.clock.advanceAsync(ms), async (asker: Asker) => asker.fetches.close()]) {
    const asker = new Asker();
    const result = asker.fetch();
    await end(asker);
    await asker.clock.advanceAsync(1);
    assert.equal(result.fetched, 'out of reach');
    assert.ok(!asker.fetches.isBusy('s'));
  }
});

test('parallel ones of a key are one, and it is lost only once all have said that they have nothing', async () => {
  const asker = new Asker();
  const results = [asker.fetch(), asker.fetch()];
  assert.equal(asker.fetches.size, 1);
  await asker.clock.advanceAsync(0);
  for (const node of ['n1', 'n2', 'n4']) {
    assert.deepEqual(results, [{}, {}], node);
    await asker.clock.advanceAsync(1);
    asker.answer(node, 'none');
    await asker.clock.advanceAsync(1);
  }
  assert.deepEqual(results, [{ fetched: 'lost' }, { fetched: 'lost' }]);
});

test('one that hangs is waited for as long as all are heard, and no longer where a holder has given its data', async () => {
  const asker = new Asker();
  const result = asker.fetch();
  await asker.clock.advanceAsync(1);
  asker.record = session({ data: filled });
  asker.answer('n2', 'data');
  await asker.clock.advanceAsync(allMs - 2);
  assert.equal(result.fetched, undefined, 'the owner may have what its buddy lacks');
  await asker.clock.advanceAsync(2);
  assert.equal(result.fetched, 'here');
});

test('V85: where nobody has given anything a busy holder is waited for longer, and the first one’s data is enough then', async () => {
  const asker = new Asker();
  const result = asker.fetch();
  await asker.clock.advanceAsync(ms - 100);
  assert.equal(result.fetched, undefined);
  asker.record = session({ data: filled });
  asker.answer('n2', 'data');
  await asker.clock.advanceAsync(0);
  assert.equal(result.fetched, 'here');
});

test('nobody is waited for longer who is not to have the data', async () => {
  const asker = new Asker();
  asker.peers.delete('n1');
  const result = asker.fetch();
  await asker.clock.advanceAsync(1);
  asker.answer('n2', 'none');
  await asker.clock.advanceAsync(0);
  assert.deepEqual([...asker.asked.keys()], ['n2', 'n4'], 'the others are asked once the holders have nothing');
  await asker.clock.advanceAsync(allMs);
  assert.equal(result.fetched, 'out of reach', 'the owner may have it, and cannot be asked');
});
