/** Part 3, measured anew: where httpd with what `latchkey balancer apache` prints sends each cookie. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import { type Httpd, noHttpd, startHttpd } from '../e2e/support/httpd.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { arrived, installationOf, nodeAt, type PlainNode, startPlain, telling } from './support/nodes.ts';
import { readings, says, wantedOf, whereTo } from './support/part-three.ts';

const skip = noHttpd();
let port: number;
let httpd: Httpd;
let nodes: readonly PlainNode[];

before(async () => {
  if (skip) return;
  const [own, first, second] = (await freePorts(3)) as [number, number, number];
  port = own;
  nodes = [await startPlain(first, telling('node1')), await startPlain(second, telling('node2'))];
  httpd = await startHttpd({
    files: apache(installationOf(port, [nodeAt('node1', first), nodeAt('node2', second)])),
  });
});

after(async () => {
  await httpd?.stop();
  for (const node of nodes ?? []) await node.stop();
});

const send = async (cookie: string | undefined, path: string) =>
  (await arrived(port, path, cookie === undefined ? [] : ['Cookie', cookie])).node;

for (const reading of readings)
  test(`httpd: ${says(reading)} → ${reading.httpd}`, { skip }, async () => {
    assert.equal(await whereTo(send, reading, wantedOf(reading.httpd)), reading.httpd);
  });

test('httpd: a node that is gone is replaced at once, and the one that is gone is not waited for', {
  skip,
}, async () => {
  const cookie = 'JSESSIONID=abc.node2';
  assert.equal(await send(cookie, '/'), 'node2');
  await nodes[1]!.stop();
  const started = performance.now();
  assert.equal(await send(cookie, '/'), 'node1');
  assert.ok(performance.now() - started < 1_000);
  // Asked for node2, sent to node1, and said to be changed.
  await httpd.logged('latchkey.log', / node2 node1 1\n$/);
});
