/** Nodes that are restarted, drained and frozen behind HAProxy, run by what `latchkey balancer haproxy` prints. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { haproxy } from '../../server/balancer/haproxy.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { stage } from './support/balancer-stage.ts';
import { comes, frozen, strangers } from './support/balancer-upkeep.ts';

describe('nodes behind HAProxy', { skip: noBalancer('haproxy') }, () => {
  const staged = stage('haproxy', haproxy);

  /** What an operator writes into the command socket; resolves with what HAProxy answers. */
  const command = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(join(staged().world.directory, 'admin.sock'), () => socket.write(`${text}\n`));
      socket.on('data', (chunk) => void (answer += chunk)).on('end', () => resolve(answer.trim()));
      socket.on('error', reject);
    });

  test('V118: a node in drain keeps its visitors and gets no new ones; in maint they go on elsewhere, with the new route and all that is theirs', async () => {
    const visitor = await staged().at('node1');
    const { session, views } = await visitor.get('/who');
    assert.equal(await command('set server latchkey/node1 state drain'), '');
    assert.deepEqual([...(await strangers(staged(), 12))].sort(), ['node2', 'node3']);
    for (let asked = 0; asked < 8; asked++) assert.equal((await visitor.get('/who')).node, 'node1');
    assert.equal(await command('set server latchkey/node1 state maint'), '');
    const moved = await visitor.get('/who');
    assert.notEqual(moved.node, 'node1');
    assert.deepEqual([moved.user, moved.session, moved.views], ['alice', session, views! + 9]);
    assert.equal(visitor.cookies.get('STICKY_ROUTE'), `route.${moved.node}`);
    assert.equal(await command('set server latchkey/node1 state ready'), '');
    await comes(staged(), 'node1');
    assert.equal((await visitor.get('/who')).node, moved.node);
  });

  rollingRestart(staged);
  frozen(staged, { withinMs: 8_000 });
});
