/** What a node says to those who keep connections to it, when it is about to go. */

import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { app, hosts, world } from './world.ts';

for (const { name, express } of hosts) {
  test(`V118: a node that takes nobody new answers as ever, and lets go of the connection (${name})`, async (t) => {
    const w = world();
    let takesNew = true;
    const { cookie } = await w.open();
    const server = app({ ...w, parts: { ...w.parts, takesNew: () => takesNew } }, () => {}, { express }).listen(0);
    t.after(() => server.close());
    const kept = new Agent({ keepAlive: true });
    t.after(() => kept.destroy());
    const ask = () =>
      new Promise<readonly [connection: string | undefined, text: string]>((resolve, reject) => {
        const { port } = server.address() as AddressInfo;
        get({ port, path: '/who', agent: kept, headers: { Cookie: cookie } }, (answer) => {
          let text = '';
          answer.on('data', (chunk) => void (text += chunk));
          answer.on('end', () => resolve([answer.headers.connection, JSON.parse(text).name]));
        }).on('error', reject);
      });
    assert.deepEqual(await ask(), ['keep-alive', 'alice']);
    takesNew = false;
    assert.deepEqual(await ask(), ['close', 'alice']);
    takesNew = true;
    assert.deepEqual(await ask(), ['keep-alive', 'alice']);
  });
}
