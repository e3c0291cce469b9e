/**
 * The tests of express-session's behaviours once more with the granularity SESSION: how a session travels changes nothing of what an
 * application sees of it. They are the same files; `ATTRIBUTE` is the default, so they run with it by themselves.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { application, bag, usually, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

usually({ replicationGranularity: 'SESSION' });

await import('./sessions.test.ts');
await import('./session.test.ts');
await import('./session-cookie.test.ts');
await import('./watch.test.ts');
await import('./linking.test.ts');
await import('./routes.test.ts');
await import('./withheld.test.ts');

test('and all of this was with SESSION: two attributes that share an object share it on the next request', async () => {
  const { node } = new World();
  const visitor = new Visitor();
  const app = application(node, {}, (req, res) => {
    const session = bag(req) as unknown as { a?: object; b?: object };
    const isShared = session.a !== undefined && session.a === session.b;
    session.b ??= session.a ??= { shared: true };
    res.send(String(isShared));
  });
  assert.equal((await visitor.get(app)).text, 'false');
  assert.equal((await visitor.get(app)).text, 'true');
});
