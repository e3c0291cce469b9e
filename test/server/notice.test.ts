/** How a node of `latchkey serve` that balancers ask takes its leave. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { personAt } from '../support/person.ts';
import { type Served, serve } from '../support/served.ts';

test('V118: told to stop, a node behind a proxy is unready first and serves as ever, sign-ons too; then it stops, and nothing was lost', async (t) => {
  const cluster = await serve(1, { web: { noticeMs: 4_000 } });
  t.after(() => cluster.stop());
  const [node] = cluster.nodes as [Served];
  const { port, child, exit, printed, output } = node;
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  child.kill('SIGTERM');
  await printed(/"msg":"stopping"/);
  const unready = await fetch(at('/readyz'));
  assert.equal(unready.status, 503);
  assert.equal(((await unready.json()) as { why: { reason: string }[] }).why[0]?.reason, 'resting');
  const person = personAt('sso.xyz.com', node);
  const signedOn = await person.signOn();
  assert.equal(signedOn.status, 303);
  assert.deepEqual(signedOn.headers.get('connection'), ['close'], 'balancers let go of connections');
  assert.doesNotMatch(output(), /"msg":"stopped"/);
  assert.equal(await exit, 0);
  assert.match(output(), /"msg":"handed over \d+ values? that only this node held, \d+ lost"[\s\S]*"msg":"stopped"/);
});

test('a node that no proxy stands before stops at once', async (t) => {
  const cluster = await serve(1, { web: { trustProxy: [] } });
  t.after(() => cluster.stop());
  const [{ child, exit, output }] = cluster.nodes as [Served];
  child.kill('SIGTERM');
  assert.equal(await exit, 0);
  assert.match(output(), /"noticeMs":0,"msg":"stopping"/);
});
