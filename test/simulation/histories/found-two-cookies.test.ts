/** A request with two cookies, one of which has to be asked for: what the other one was before the question may be no longer true. */

import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import type { Look } from '../../../sso/registry.ts';
import { mintToken } from '../../../sso/token.ts';
import { type SightingParts, sightAll } from '../../../sso/valve/sighting.ts';
import { judge } from '../../../sso/valve/verdict.ts';

test('S1: a sign-on that ends while another cookie of the request is asked for is not accepted', async () => {
  let seed = 0;
  const random = {
    fraction: () => 0.5,
    bytes: (count: number) => new Uint8Array(createHash('sha512').update(String(seed++)).digest().subarray(0, count)),
  };
  const key = createSecretKey(new Uint8Array(32));
  const here = mintToken(random, key, 10_000_000);
  const elsewhere = mintToken(random, key, 10_000_000);
  const looks = new Map<string, Look>([
    [here.id, { state: 'open', entry: {} as never }],
    [elsewhere.id, { state: 'unknown' }],
  ]);
  let mayAccept = false; // it is cut off, and the logout is complete
  let answered = () => {};
  const parts = {
    registry: { look: (id: string) => looks.get(id)! },
    keys: { token: [key] },
    clock: { now: () => 1_000 },
    accepting: () => true,
    inquiries: {
      held: () => undefined,
      ask: () => new Promise((resolve) => (answered = () => resolve({ state: 'over', cause: 'logout' }))),
    },
  } as unknown as SightingParts;
  const sightings = sightAll(parts, [here.token, elsewhere.token]);
  // The leases come back with the closings that it lacked, then the answer.
  looks.set(here.id, { state: 'over', cause: 'logout' });
  mayAccept = true;
  answered();
  assert.notEqual(judge(await sightings, mayAccept).kind, 'signed-in');
});
