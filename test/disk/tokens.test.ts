import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../sso/clock.ts';
import { Keeper } from '../../sso/disk/keeper.ts';
import { entryLattice, noEnds, type OpenEntry } from '../../sso/entry.ts';
import { GossipNode } from '../../sso/gossip/gossip.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { systemRandom } from '../../sso/random.ts';
import { genuineUntil, mintToken, parseToken, ssoId } from '../../sso/token.ts';
import { temporaryPlace } from './place.ts';

const secret = Buffer.from(systemRandom.bytes(48)).toString('base64url');
const options = { timeout: 120_000 };

function openEntry(index: number): OpenEntry {
  const now = Date.now();
  return {
    state: 'open',
    principal: { name: `user${index}`, roles: ['staff', 'reader'] },
    how: 'form',
    openedStamp: now,
    authenticatedAt: now,
    endsAt: now + 12 * 3_600_000,
    epoch: 1,
    seenEnds: noEnds,
    usedAt: now,
    aliveAt: now,
  };
}

/** A life of a node alone with its entries on a disk. */
function life(place: ReturnType<typeof temporaryPlace>) {
  const gossip = new GossipNode({
    self: { node: 'n1', incarnation: 1, route: 'r', address: '' },
    clock: systemClock,
    random: systemRandom,
  });
  const entries = gossip.map(entryLattice);
  const keeper = new Keeper({ disk: place.disk(), clock: systemClock });
  keeper.keep(entryLattice, entries);
  return { entries, keeper };
}

test(
  'nothing on the disk can be used as a cookie: no stored text of 20 characters or more names an open entry (T8)',
  options,
  async () => {
    const place = temporaryPlace();
    const keys = deriveKeys(secret).token;
    const { entries, keeper } = life(place);
    await keeper.open();
    const tokens = Array.from({ length: 300 }, (_, index) => {
      const entry = openEntry(index);
      const { token, id } = mintToken(systemRandom, keys[0]!, entry.endsAt);
      entries.put(id, entry);
      return token;
    });
    await keeper.close();
    assert.equal([...entries.entries()].filter(([, { state }]) => state === 'open').length, 300);
    let tried = 0;
    for (const name of readdirSync(place.directory)) {
      const text = readFileSync(place.file(name), 'latin1');
      for (const token of tokens) {
        assert.ok(!text.includes(token), name);
        assert.ok(!text.includes(token.slice(0, 20)) && !text.includes(token.slice(-20)), name);
      }
      for (const [found] of text.matchAll(/[\x21-\x7e]{20,}/g)) {
        // As it stands, each of its parts, and every stretch of a token's length.
        const stretches = Array.from({ length: Math.max(0, found.length - 69) }, (_, at) => found.slice(at, at + 70));
        for (const value of [found, ...found.split(/[^A-Za-z0-9_-]/), ...stretches]) {
          tried++;
          const token = parseToken(value);
          if (token === undefined) continue;
          assert.equal(entries.get(ssoId(token)), undefined);
          assert.equal(genuineUntil(keys, token), undefined);
        }
      }
    }
    assert.ok(tried > 1_000, `${tried} texts were tried`);
    place.end();
  },
);

test('a restart with 100,000 entries brings all of them back', options, async () => {
  const place = temporaryPlace();
  const key = deriveKeys(secret).token[0]!;
  const first = life(place);
  await first.keeper.open();
  for (let index = 0; index < 100_000; index++) {
    const entry = openEntry(index);
    first.entries.settle(mintToken(systemRandom, key, entry.endsAt).id, entry);
  }
  const writing = performance.now();
  await first.keeper.close();
  const starting = performance.now();
  const second = life(place);
  const turns: number[] = [];
  let last = performance.now();
  let isOpen = false;
  const meter = () => {
    turns.push(performance.now() - last);
    last = performance.now();
    if (!isOpen) setImmediate(meter);
  };
  setImmediate(meter);
  const restored = await second.keeper.open();
  isOpen = true;
  const done = performance.now();
  assert.equal(restored.values, 100_000);
  assert.equal(second.entries.size, 100_000);
  const longest = Math.max(...turns);
  console.log(
    `# 100,000 entries: written in ${Math.round(starting - writing)} ms, checked and restored in ${Math.round(done - starting)} ms, longest turn ${Math.round(longest)} ms`,
  );
  await second.keeper.close();
  place.end();
});
