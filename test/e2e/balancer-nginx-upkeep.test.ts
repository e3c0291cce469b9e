/** Nodes that are restarted, drained and frozen behind nginx, run by what `latchkey balancer nginx` prints. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { nginx } from '../../server/balancer/nginx.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { stage } from './support/balancer-stage.ts';
import { comes, frozen, strangers } from './support/balancer-upkeep.ts';

describe('nodes behind nginx', { skip: noBalancer('nginx') }, () => {
  const staged = stage('nginx', nginx);
  // First: a process of nginx that was told to end cuts connections that browsers keep.
  rollingRestart(staged, { excused });

  /** What an operator does to the file; resolves when nginx goes by it. */
  const edit = async (change: (text: string) => string, holds: () => Promise<boolean>) => {
    const { world, balancer } = staged();
    const file = join(world.directory, 'latchkey.conf');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    balancer.child.kill('SIGHUP');
    for (let asked = 0; asked < 200; asked++) if (await holds()) return;
    assert.fail('nginx goes by the old file');
  };

  test('V118: a node that is "down" in the list of all gets no new visitors; in its own list too, its own go on elsewhere with all that is theirs', async () => {
    const { world } = staged();
    const visitor = await staged().at('node1');
    const { session, views } = await visitor.get('/who');
    const line = `server 127.0.0.1:${world.node('node1').web} max_fails=1 fail_timeout=5s`;
    const original = readFileSync(join(world.directory, 'latchkey.conf'), 'utf8');
    await edit(
      (text) => text.replace(line, `${line} down`),
      // So many that chance does not miss it.
      async () => !(await strangers(staged(), 24)).has('node1'),
    );
    assert.deepEqual([...(await strangers(staged(), 12))].sort(), ['node2', 'node3']);
    for (let asked = 0; asked < 8; asked++) assert.equal((await visitor.get('/who')).node, 'node1');
    await edit(
      (text) => text.replace(`${line};`, `${line} down;`),
      async () => (await staged().visitor().get('/who', { cookie: 'STICKY_ROUTE=x.node1' })).node !== 'node1',
    );
    const moved = await visitor.get('/who');
    assert.deepEqual([moved.user, moved.session, moved.views], ['alice', session, views! + 9]);
    assert.equal(visitor.cookies.get('STICKY_ROUTE'), `route.${moved.node}`);
    await edit(
      () => original,
      async () => (await staged().visitor().get('/who', { cookie: 'STICKY_ROUTE=x.node1' })).node === 'node1',
    );
    await comes(staged(), 'node1');
  });

  frozen(staged, { withinMs: 20_000 });
});

/**
 * nginx asks no node whether it is ready: it goes on until a connection is refused. A form whose connection stands in the queue of
 * a listener at the instant at which that closes is lost, since it is not posted twice (config/balancers.md says so, and how to
 * do without). At most one a restart, and only what nginx itself says was cut so.
 */
function excused(failures: readonly string[], balancerSaid: string): number {
  const cut = balancerSaid.match(/recv\(\) failed \(104: [^\n]*request: "POST /g)?.length ?? 0;
  const forms = failures.filter((failure) => /posts a form|signs on/.test(failure) && /\b502\b/.test(failure));
  return Math.min(forms.length, cut, 3);
}
