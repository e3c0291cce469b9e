/** What an operator does with mod_jk's balancer while it runs, and what it does by itself when a node stands still. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { host } from './support/balanced.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { stage } from './support/balancer-stage.ts';
import { comes, frozen, strangers } from './support/balancer-upkeep.ts';
import { page, update } from './support/httpd-managers.ts';

const [first, second, third] = ['east.node1', 'east.node2', 'west.node3'] as const;
/** mod_jk's workers have _ where a route has a dot. */
const worker = (route: string) => route.replace('.', '_');

describe('upkeep of mod_jk', { skip: noBalancer('mod_jk') }, () => {
  const staged = stage('mod_jk', modJk, {
    routes: [first, second, third],
    ajp: true,
    changes: { webSockets: ['/ws'] },
  });

  const activate = (route: string, activation: 'a' | 'd' | 's') =>
    update(staged().world.port, worker(route), { vwa: activation });

  test('the status page is for this machine, by its own name; under a name that browsers use it is closed', async () => {
    const { port } = staged().world;
    assert.equal((await page(port, '/jk-status')).status, 200);
    for (const path of ['/jk-status', '//jk-status', '/x/../jk-status', '/jk%2dstatus', '/jk-status;x=y'])
      assert.notEqual((await page(port, path, host)).status, 200, path);
  });

  test('where WebSockets have paths of their own, only those go by HTTP: elsewhere the node refuses them, and not httpd for want of a file', async () => {
    const visitor = await staged().at(first);
    const { hello } = await visitor.webSocket();
    assert.equal(hello.node, first);
    await assert.rejects(visitor.webSocket({}, '/who'), /501/);
  });

  test('V118: a node that is disabled keeps its visitors and gets no new ones; once active, it gets new ones again', async () => {
    const visitor = await staged().at(first);
    await activate(first, 'd');
    assert.ok(!(await strangers(staged(), 18)).has(first));
    for (let asked = 0; asked < 8; asked++) assert.equal((await visitor.get('/who')).node, first);
    await activate(first, 'a');
    await comes(staged(), first);
  });

  test('V118, V114: the visitors of a node that is stopped go on in its domain, signed on and with their session, and stay there', async () => {
    const visitor = await staged().at(first);
    const { session, user } = await visitor.get('/who');
    await activate(first, 's');
    const moved = await visitor.get('/who');
    assert.deepEqual([moved.node, moved.session, moved.user], [second, session, user]);
    await activate(first, 'a');
    await staged().picks(first);
    for (let asked = 0; asked < 4; asked++) assert.equal((await visitor.get('/who')).node, second);
  });

  test('redirect: the visitors of a node that is gone go to the one that it names, though another one has less to do', async () => {
    const visitor = await staged().at(third);
    await update(staged().world.port, worker(third), { vwr: second });
    for (let asked = 0; asked < 20; asked++)
      await staged()
        .visitor()
        .get('/who', { cookie: `STICKY_ROUTE=x.${second}` });
    await staged().world.node(third).kill();
    const moved = await visitor.get('/who');
    assert.deepEqual([moved.node, moved.user], [second, 'alice']);
    await staged().world.node(third).start();
    await update(staged().world.port, worker(third), { vwr: '' });
    await staged().picks(third);
  });

  test('a page that was asked of a node that dies over it is asked of another one', async () => {
    const { world, visitor } = staged();
    const asked = visitor().ask('/slow?ms=1500', { cookie: `STICKY_ROUTE=x.${third}` });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await world.node(third).kill();
    const { status, text } = await asked;
    assert.equal(status, 200, text);
    assert.notEqual(JSON.parse(text).node, third);
    await world.node(third).start();
    await staged().picks(third);
  });

  frozen(staged, { withinMs: 8_000 });
});
