/** What many sign-ons with one session each weigh, in a process of its own with `--expose-gc`. */

import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { systemClock } from '../../sso/clock.ts';
import { Heart } from '../../sso/heart.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { systemRandom } from '../../sso/random.ts';
import { answerCalls } from './child.ts';

const kinds: Readonly<Record<string, (count: number) => unknown>> = {
  'Latchkey, sign-on and linked session': latchkey,
  'a plain Map of objects': plainMap,
  "express-session's memory store, session alone": memoryStore,
};

let kept: unknown;

answerCalls({
  /** Bytes for each of `count`, by kind. */
  async measure({ kind, count }: { readonly kind: string; readonly count: number }) {
    const before = await weight();
    kept = await kinds[kind]!(count);
    const after = await weight();
    if (kept === undefined) throw new Error('nothing was kept');
    return (after - before) / count;
  },
});

/** Bytes of the heap and beside it once all garbage is gone. */
async function weight(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function latchkey(count: number): unknown {
  const heart = new Heart({
    self: { node: 'n1', incarnation: 1 },
    route: 'n1',
    address: '',
    clock: systemClock,
    random: systemRandom,
    keys: deriveKeys('Wq6nE1uXb8Yt3Rk9Pz5Lm2Vc7Hs4Jd0G'),
  });
  for (let i = 0; i < count; i++) {
    const opened = heart.registry.openNow({
      principal: { name: `user-${i}@xyz.com`, roles: ['customer'] },
      how: 'form',
      mark: heart.registry.mark(),
    });
    const key = heart.table.key('shop', randomBytes(24).toString('base64url'));
    heart.table.write(key, {
      app: 'shop',
      signOn: opened!.id,
      idleMs: 1_800_000,
      changes: { fields: [{ part: '0', field: '.basket', text: '"three books"' }], gone: [] },
    });
  }
  return heart;
}

function plainMap(count: number): unknown {
  const entries = new Map<string, object>();
  for (let i = 0; i < count; i++) {
    const now = Date.now();
    entries.set(randomBytes(32).toString('base64url'), {
      principal: { name: `user-${i}@xyz.com`, roles: ['customer'] },
      how: 'form',
      authenticatedAt: now,
      endsAt: now + 43_200_000,
      usedAt: now,
      sessions: [
        { id: randomBytes(24).toString('base64url'), app: 'shop', lastAccessAt: now, data: { basket: 'three books' } },
      ],
    });
  }
  return entries;
}

async function memoryStore(count: number): Promise<unknown> {
  const { MemoryStore, Cookie } = createRequire(import.meta.url)('express-session');
  const store = new MemoryStore();
  for (let i = 0; i < count; i++) {
    const session = {
      cookie: new Cookie({ maxAge: 1_800_000 }),
      user: { name: `user-${i}@xyz.com`, roles: ['customer'] },
      basket: 'three books',
    };
    await new Promise((resolve) => store.set(randomBytes(24).toString('base64url'), session, resolve));
  }
  return store;
}
