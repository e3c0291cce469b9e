/** What is said of settings of applications and of the cluster that do not go together. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Placement } from '../../sso/session/options/placement.ts';
import { sessions } from '../../sso/session/sessions.ts';
import { store } from '../../sso/session/store.ts';
import { World } from './support/world.ts';

/** A node of a cluster of so many. What is said is said once `turn` ends. */
function node(nodes: number, buddyPool = '') {
  const said: string[] = [];
  let due: (() => void)[] = [];
  const log = { ...silent, warn: (_fields: object, message: string) => void said.push(message) };
  const cluster = { nodes };
  const placement = new Placement({
    clock: { soon: (run) => void due.push(run) },
    log,
    nodes: () => cluster.nodes,
    buddyPool,
  });
  return {
    placement,
    cluster,
    /** Ends the turn; what was said since the last time. */
    turn() {
      const now = due;
      due = [];
      for (const run of now) run();
      return said.splice(0);
    },
  };
}
const nothing = () => {};
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

test('more buddies than the cluster has nodes beside the own are said once for each application', () => {
  const { placement, turn, cluster } = node(3);
  for (const app of ['shop', 'desk', 'shop']) placement.note(app, 3);
  const wide =
    "sessions: buddies is 3, and beside a session's own the cluster has 2 as far as is known: its data is on every node";
  assert.deepEqual(turn(), [wide, wide]);
  placement.note('shop', 3);
  assert.deepEqual(turn(), []);
  cluster.nodes = 4;
  placement.note('other', 3);
  assert.deepEqual(turn(), [], 'they fit now');
});

test('as many buddies as there are other nodes, and the words for all, are as they are meant', () => {
  const { placement, turn } = node(3);
  for (const wanted of [1, 2, 'total', undefined] as const) placement.note(`app-${wanted}`, wanted);
  assert.deepEqual(turn(), []);
});

test('a node without a cluster has no buddies', () => {
  const { placement, turn } = node(1);
  placement.note('shop', 1);
  assert.deepEqual(turn(), ['sessions: buddies has no effect, this node is alone']);
});

test('where nobody can count the nodes nothing is too many', () => {
  const { placement, turn } = node(Number.POSITIVE_INFINITY, 'room-1');
  placement.note('shop', 8);
  placement.note('desk', undefined);
  assert.deepEqual(turn(), []);
});

for (const [nodes, wanted, says] of [
  [5, ['total', 'total'], /^cluster\.buddyPool has no effect: .* \(all applications say buddies: "total"\)$/],
  [
    3,
    [undefined],
    /^cluster\.buddyPool has no effect: .* \(in a cluster of up to three nodes that is usual, and no more are known\)$/,
  ],
  [3, ['total', undefined], /^cluster\.buddyPool has no effect/],
  [5, ['total', undefined], undefined],
  [3, ['total', 1], undefined],
] as const) {
  const cases = wanted.map((each) => each ?? 'nothing').join(' and ');
  test(`a pool in a cluster of ${nodes} whose applications say ${cases} is ${says ? 'of no use' : 'used'}`, () => {
    const { placement, turn } = node(nodes, 'room-1');
    for (const [index, each] of wanted.entries()) placement.note(`app-${index}`, each);
    const said = turn();
    assert.equal(said.length, says === undefined ? 0 : 1, said.join());
    if (says !== undefined) assert.match(said[0]!, says);
  });
}

test('sessions() and store() say where their data is to be; one whose data stays on its node says nothing', () => {
  const noted: unknown[] = [];
  const parts = { ...new World().node.parts, placement: { note: (...what: unknown[]) => void noted.push(what) } };
  sessions(parts, { app: 'a', buddies: 2 });
  store(parts, { app: 'b' });
  sessions(parts, { app: 'c', distributable: false });
  assert.deepEqual(noted, [
    ['a', 2],
    ['b', undefined],
  ]);
});
