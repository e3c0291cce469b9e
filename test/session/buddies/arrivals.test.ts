/** What a node makes of what a peer asks it in a comparison: what is here is named, and offered where the asker may lack it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Copies } from '../../../sso/gossip/copies.ts';
import { Counters } from '../../../sso/gossip/counters.ts';
import type { Answers } from '../../../sso/session/buddies/answers.ts';
import { Arrivals } from '../../../sso/session/buddies/arrivals.ts';
import type { CoHeld } from '../../../sso/session/buddies/co-held.ts';
import type { Fetches } from '../../../sso/session/buddies/fetches.ts';
import { parseBuddyFrame } from '../../../sso/session/buddies/frames.ts';
import type { Lines } from '../../../sso/session/buddies/lines.ts';
import type { Offers } from '../../../sso/session/buddies/offers.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { sessionLattice } from '../../../sso/session/lattice.ts';
import type { LiveSession, SessionRecord } from '../../../sso/session/record.ts';
import { Turns } from '../../../sso/session/turns.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from '../support/changes.ts';

const n1 = { node: 'n1', incarnation: 2 };

function session(data: SessionData): LiveSession {
  return {
    state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 1e15, version: 0, owner: 'n1:1', ownerStamp: 1,
    releasedAt: 0, idleMs: 0, data, stays: false, buddies: ['n2'], lastAccessAt: 1,
  }; // biome-ignore format: the object is a table
}

/** Node n2, buddy of n1, with one session of which it has the data and one of which it has not. */
function scene(reachable = true) {
  const records = new Map<string, SessionRecord>([
    ['has', session(SessionData.empty.change(setting({ a: 1 }), 'n1:1', 1).data)],
    ['lacks', session(SessionData.empty)],
  ]);
  const offered: (readonly [key: string, node: string | undefined])[] = [];
  const said: Uint8Array[] = [];
  const clock = virtualClock();
  const arrivals = new Arrivals({
    life: 'n2:1',
    copies: { get: (key: string) => records.get(key), size: records.size } as unknown as Copies<SessionRecord>,
    lattice: sessionLattice,
    latest: () => Number.POSITIVE_INFINITY,
    lines: { at: () => (reachable ? {} : undefined) } as unknown as Lines,
    coHeld: {
      kept: () => ({ keys: (bucket: number) => (bucket === 7 ? [...records.keys()].map((key) => [key, 5]) : []) }),
    } as unknown as CoHeld,
    turns: new Turns({ clock }),
    answers: {} as Answers,
    fetches: {} as Fetches,
    offers: {
      refillOne: (key: string, _: unknown, nodes: readonly string[]) => void offered.push([key, nodes[0]]),
    } as unknown as Offers,
    confirmed: () => {},
    say: (_, frame) => void said.push(frame),
    counters: new Counters(),
  });
  return { arrivals, offered, said };
}

test('what a buddy is asked about it names where it has it, and offers to whoever asks; the rest it leaves out, so that it comes', () => {
  const { arrivals, offered, said } = scene();
  arrivals.handle(n1, { type: 'buckets', id: 3, minute: 0, buckets: [6, 7, 8] });
  assert.deepEqual(said.map(parseBuddyFrame), [{ type: 'keys', id: 3, done: 3, hashes: ['has', 5] }]);
  assert.deepEqual(offered, [['has', 'n1']]);
});

test('of a life that cannot be reached any more nothing is believed', () => {
  const { arrivals, offered, said } = scene(false);
  arrivals.handle(n1, { type: 'buckets', id: 3, minute: 0, buckets: [7] });
  arrivals.handle(n1, { type: 'carry', number: 1, items: ['has', null] });
  assert.deepEqual([said, offered], [[], []]);
});
