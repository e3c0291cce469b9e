/** What an operator does with httpd's balancer while it runs, and what it does by itself when a node stands still. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import { runHere } from '../server/support/program.ts';
import { host } from './support/balanced.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { stage } from './support/balancer-stage.ts';
import { comes, frozen, strangers } from './support/balancer-upkeep.ts';
import { flag, page } from './support/httpd-managers.ts';

const [first, second, third] = ['east.node1', 'east.node2', 'west.node3'] as const;

describe('upkeep of Apache httpd', { skip: noBalancer('apache') }, () => {
  const staged = stage('apache', apache, { routes: [first, second, third] });
  const at = (route: string) => `http://127.0.0.1:${staged().world.node(route).web}`;
  const manage = (route: string, letter: 'N' | 'D' | 'H', on: boolean) =>
    flag(staged().world.port, at(route), letter, on);

  test('asked themselves, the nodes say what `latchkey balancer --from` needs to print the very file that runs here', async () => {
    const { world } = staged();
    const secret = join(world.directory, 'secret-of-the-cluster');
    writeFileSync(secret, world.secret, { mode: 0o600 });
    const words = [
      ...['balancer', 'apache', '--from', world.nodes.map(({ route }) => at(route)).join(','), '--secret-file', secret],
      ...[
        '--host',
        host,
        '--listen',
        `127.0.0.1:${world.port}`,
        '--certificate',
        world.certificate,
        '--key',
        world.key,
      ],
    ];
    const { code, stdout, stderr } = await runHere(words);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(stdout, readFileSync(join(world.directory, 'latchkey.conf'), 'utf8'));
  });

  test('the manager is for this machine, by its own name; under a name that browsers use it is closed', async () => {
    const { port } = staged().world;
    assert.equal((await page(port, '/balancer-manager')).status, 200);
    for (const path of ['/balancer-manager', '//balancer-manager', '/x/../balancer-manager', '/balancer%2dmanager'])
      assert.notEqual((await page(port, path, host)).status, 200, path);
  });

  test('a host that is none of ours gets no application', async () => {
    assert.equal((await staged().visitor().ask('/who', { host: 'other.xyz.localhost' })).status, 404);
  });

  test('V118: a node with the drain flag keeps its visitors and gets no new ones; without it, it gets new ones again', async () => {
    const visitor = await staged().at(first);
    await manage(first, 'N', true);
    assert.ok(!(await strangers(staged(), 18)).has(first));
    for (let asked = 0; asked < 8; asked++) assert.equal((await visitor.get('/who')).node, first);
    await manage(first, 'N', false);
    await comes(staged(), first);
  });

  test('V118: the visitors of a node that is disabled go on elsewhere, signed on and with their session, and stay there', async () => {
    const visitor = await staged().at(third);
    const { session, user } = await visitor.get('/who');
    await manage(third, 'D', true);
    const moved = await visitor.get('/who');
    assert.notEqual(moved.node, third);
    assert.deepEqual([moved.session, moved.user], [session, user]);
    await manage(third, 'D', false);
    await staged().picks(third);
    for (let asked = 0; asked < 4; asked++) assert.equal((await visitor.get('/who')).node, moved.node);
  });

  test('a hot standby gets nobody until the others are gone', async () => {
    await manage(third, 'H', true);
    assert.ok(!(await strangers(staged(), 18)).has(third));
    for (const route of [first, second]) await manage(route, 'D', true);
    assert.deepEqual([...(await strangers(staged(), 6))], [third]);
    for (const route of [first, second]) await manage(route, 'D', false);
    await manage(third, 'H', false);
    for (const route of [first, second, third]) await comes(staged(), route);
  });

  frozen(staged, { withinMs: 16_000 });
});
