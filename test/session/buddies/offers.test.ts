/** When data is offered: at once, and again only after there was time for an answer. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../../sso/channel/channel.ts';
import { Counters } from '../../../sso/gossip/counters.ts';
import { silentLog } from '../../../sso/log.ts';
import type { Company } from '../../../sso/session/buddies/company.ts';
import type { Lines } from '../../../sso/session/buddies/lines.ts';
import { Offers } from '../../../sso/session/buddies/offers.ts';
import { PlacedPasses } from '../../../sso/session/buddies/placed-passes.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import type { LiveSession, SessionRecord } from '../../../sso/session/record.ts';
import { Turns } from '../../../sso/session/turns.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from '../support/changes.ts';

const { data } = SessionData.empty.change(setting({ a: 1 }), 'n1:1', 1);
const session: LiveSession & { readonly buddies: readonly string[] } = {
  state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 1e15, version: 0, owner: 'n1:1', ownerStamp: 1,
  releasedAt: 0, idleMs: 0, data, stays: false, buddies: ['n2', 'n3'], lastAccessAt: 1,
}; // biome-ignore format: the object is a table

/** Node n2, buddy of a life of n1 that is over, with a look every 250 ms at what is open; n1 and n3 can be reached and say nothing. */
function scene(...keys: readonly string[]) {
  const clock = virtualClock();
  const records = new Map<string, SessionRecord>(keys.map((key) => [key, session]));
  const turns = new Turns({ clock });
  const peers = new Map<string, Peer>(
    [{ node: 'n1', incarnation: 2 }, { node: 'n3', incarnation: 1 }].map((peer) => [peer.node, peer as Peer]),
  ); // biome-ignore format: one line
  const said: number[] = [];
  let ids = 0;
  const offers = new Offers({
    self: { node: 'n2', incarnation: 1 } as Peer,
    copies: { get: (key: string) => records.get(key), shed: () => true },
    company: { isOver: () => true, lives: () => true, lifeAt: () => undefined } as unknown as Company,
    lines: { peers, arm: () => {} } as unknown as Lines,
    passes: new PlacedPasses({ copies: { entries: () => records.entries() }, turns }),
    turns,
    isBusy: () => false,
    isAwaited: () => false,
    say: () => void said.push(clock.monotonic() - startedAt),
    clock,
    offerMs: 1_000,
    nextId: () => ++ids,
    counters: new Counters(),
    log: silentLog,
  });
  const startedAt = clock.monotonic();
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(250);
      offers.look(clock.monotonic());
    }
  };
  const answered = (node: string) => offers.offered(peers.get(node)!, ids, keys, []);
  return { offers, said, pass, answered };
}

test('what went out because a node came up is offered again no sooner than anything else that was not answered', () => {
  const { offers, said, pass } = scene('s');
  pass(250);
  offers.refill(() => ['n1']);
  pass(1_000);
  assert.deepEqual(said, [250], 'at once, and not again at the next look');
  pass(1_000);
  assert.deepEqual(said, [250, 1_500]);
});

test('what is found to be lacked once all is answered goes out at the next look, and so after a pass that found nothing', () => {
  const { offers, said, pass, answered } = scene('s');
  offers.refill(() => []);
  offers.refillOne('s', session, ['n1']);
  pass(250);
  assert.deepEqual(said, [250]);
  answered('n1');
  assert.equal(offers.size, 0);
  offers.refillOne('s', session, ['n3']);
  pass(250);
  assert.deepEqual(said, [250, 500]);
});
