/** The registry where epochs and refusals come in: what is over, when it is settled, and what a new sign-on carries. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEntry } from '../../sso/entry.ts';
import { SsoError } from '../../sso/errors.ts';
import { World } from '../logout/receipts-world.ts';
import { setting } from './support/changes.ts';

test('a sign-on carries the epoch it was opened in, and a later epoch ends it with cause epoch at every use', () => {
  const world = new World(['n1', 'n2']);
  world.raise(7);
  const { id, entry } = world.signOn('n1');
  assert.equal(entry.epoch, 7);
  const session = world.session('n1', 'shop', id);
  world.raise(8);
  for (const { registry, table } of world.nodes) {
    assert.deepEqual(registry.look(id), { state: 'over', cause: 'epoch' });
    assert.equal(registry.isOpen(id), false);
    assert.equal(registry.stateOf(id), 'over');
    assert.deepEqual(registry.entriesOf('alice'), []);
    assert.equal(table.look(session).state, 'ended');
    assert.equal(table.write(session, { app: 'shop', signOn: id, idleMs: 0, changes: setting({}) }), undefined);
  }
  assert.equal(world.at('n2').registry.look(world.signOn('n1').id).state, 'open', 'of this epoch');
});

test('a later epoch settles all earlier sign-ons after the turn that brought it, sends nothing, and tells listeners once for each', async () => {
  const world = new World(['n1', 'n2']);
  const ids = Array.from({ length: 2_500 }, (_, i) => world.signOn('n1', `user${i}`).id);
  world.session('n2', 'shop', ids[7]!);
  const { entries, sessions, closed } = world.at('n2');
  const { puts } = world.at('n1').entries;
  world.raise(1);
  assert.equal(closed.length, 0, 'what was merged with the epoch is told first, and judging needs no sweep');
  world.raise(2);
  await world.pass(1);
  assert.equal(closed.length, 2_500);
  assert.equal(new Set(closed.map(({ id }) => id)).size, 2_500);
  assert.ok(closed.every(({ cause, own }) => cause === 'epoch' && !own));
  assert.equal(world.at('n1').entries.puts, puts);
  for (const id of ids) assert.deepEqual(entries.get(id), world.at('n1').entries.get(id), 'the same on every node');
  assert.deepEqual(
    [...sessions.entries()].map(([, { state }]) => state),
    ['ended'],
  );
});

test('a sign-on of an earlier epoch that arrives late is over at once', () => {
  const world = new World(['n1', 'n2']);
  world.cut('n2');
  const { id } = world.signOn('n1');
  world.at('n2').epoch = 3;
  world.heal();
  assert.deepEqual(world.at('n2').registry.look(id), { state: 'over', cause: 'epoch' });
  assert.equal(world.at('n2').entries.get(id)?.state, 'closed');
});

test('a sign-on of a later epoch than this node knows is none of its business to end', () => {
  const world = new World(['n1', 'n2']);
  world.at('n1').epoch = 3;
  const { id } = world.signOn('n1');
  assert.equal(world.at('n2').registry.look(id).state, 'open');
});

test('a logout that came before the epoch keeps its cause', () => {
  const world = new World(['n1', 'n2']);
  const { id, entry } = world.signOn('n1');
  world.at('n1').entries.put(id, closeEntry(entry, 'logout', world.clock.now()));
  world.raise(1);
  assert.deepEqual(world.at('n2').registry.look(id), { state: 'over', cause: 'logout' });
});

test('a node that may not accept opens nothing (ERR_UNAVAILABLE), and ends what it is told to end', async () => {
  const world = new World(['n1', 'n2']);
  const { id } = world.signOn('n1');
  world.at('n1').accepting = false;
  assert.throws(
    () => world.signOn('n1'),
    (error) => error instanceof SsoError && error.code === 'ERR_UNAVAILABLE' && error.status === 503,
  );
  assert.equal(world.at('n1').entries.size, 1);
  assert.equal((await world.at('n1').registry.close(id, 'logout')).state, 'complete');
});

test('what only expired is settled without a word to finality; a closing is told in the turn of its merge', async () => {
  const world = new World(['n1', 'n2']);
  const { id, entry } = world.signOn('n1');
  world.session('n2', 'shop', id);
  await world.pass(entry.endsAt - world.clock.now());
  await world.at('n2').registry.sweep();
  assert.deepEqual(world.at('n2').registry.look(id), { state: 'over', cause: 'expired' });
  assert.deepEqual(world.endedBy('n2'), []);
  const other = world.signOn('n1').id;
  world.session('n2', 'shop', other, 'another');
  void world.at('n1').registry.close(other, 'logout');
  assert.deepEqual(world.endedBy('n2'), [[`entries ${other}`, [{ app: 'shop', sessions: 1, failure: undefined }]]]);
});

test('a sign-on that is known here is closed in the turn of the call, however long the receipt takes', () => {
  const world = new World(['n1', 'n2'], { prompt: false });
  const { id } = world.signOn('n1');
  void world.at('n1').registry.close(id, 'logout');
  assert.deepEqual(world.at('n1').registry.look(id), { state: 'over', cause: 'logout' });
});

test('check 22: a logout of a sign-on that nobody knows is an error, and so is one that not everybody could be asked for', async () => {
  const world = new World(['n1', 'n2']);
  const { id } = new World(['n1']).signOn('n1');
  const code = (expected: string) => (error: unknown) => error instanceof SsoError && error.code === expected;
  await assert.rejects(world.at('n1').registry.close(id, 'logout'), code('ERR_NOT_SIGNED_IN'));
  world.cut('n2');
  await assert.rejects(world.at('n1').registry.close(id, 'logout'), code('ERR_UNAVAILABLE'));
  assert.deepEqual(world.at('n1').seals(), []);
});
