/** Part 3, measured anew: where mod_jk with what `latchkey balancer mod_jk` prints sends each cookie, to nodes that listen for AJP. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { type AjpServer, ajpServer } from '../../sso/ajp/index.ts';
import { type Httpd, noHttpd, startHttpd } from '../e2e/support/httpd.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { arrived, installationOf, nodeAt, telling } from './support/nodes.ts';
import { readings, says, wantedOf, whereTo } from './support/part-three.ts';

const skip = noHttpd(true);
const ajpSecret = 'only between balancer and nodes';
let port: number;
let httpd: Httpd;
let nodes: readonly AjpServer[];
const directory = mkdtempSync(join(tmpdir(), 'latchkey-mod-jk-'));

before(async () => {
  if (skip) return;
  const [own, first, second] = (await freePorts(3)) as [number, number, number];
  port = own;
  nodes = await Promise.all(
    [first, second].map((at, index) =>
      ajpServer(telling(`node${index + 1}`), { listen: `127.0.0.1:${at}`, secret: ajpSecret }),
    ),
  );
  const installation = installationOf(port, [nodeAt('node1', 1, first), nodeAt('node2', 1, second)], {
    ...{ protocol: 'ajp', ajpSecret, directory },
  });
  httpd = await startHttpd({ files: modJk(installation), directory, modJk: true });
});

after(async () => {
  await httpd?.stop();
  for (const node of nodes ?? []) await node.close(0);
  rmSync(directory, { recursive: true });
});

const send = async (cookie: string | undefined, path: string) =>
  (await arrived(port, path, cookie === undefined ? [] : ['Cookie', cookie])).node;

for (const reading of readings)
  test(`mod_jk: ${says(reading)} → ${reading.modJk}`, { skip }, async () => {
    assert.equal(await whereTo(send, reading, wantedOf(reading.modJk)), reading.modJk);
  });

test('mod_jk: a node that is gone is replaced at once, and the one that is gone is not waited for', {
  skip,
}, async () => {
  const cookie = 'JSESSIONID=abc.node2';
  assert.equal(await send(cookie, '/'), 'node2');
  await nodes[1]!.close(0);
  const started = performance.now();
  assert.equal(await send(cookie, '/'), 'node1');
  assert.ok(performance.now() - started < 2_000);
  // Asked for node2, sent to node1.
  await httpd.logged('latchkey.log', / node2 node1 OK\n$/);
});
