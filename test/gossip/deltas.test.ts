/** Deltas: what travels in place of a value, and what happens where they do not arrive. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../sso/channel/channel.ts';
import { Core } from '../../sso/gossip/core.ts';
import { Counters } from '../../sso/gossip/counters.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { maxValueBytes, parseFrame } from '../../sso/gossip/message.ts';
import { minuteOf, type Replica } from '../../sso/gossip/replica.ts';
import type { Step } from '../../sso/gossip/steps.ts';
import { seededRandom } from '../../sso/random.ts';
import { startAt } from './cells.ts';
import { joinedCluster } from './cluster.ts';

/** A count with a long text about it; a delta says from which count to which, and never is held. */
interface Tally {
  readonly count: number;
  /** Of a delta: it is of use to who is that far. */
  readonly from?: number;
}

const about = 'x'.repeat(500);
const whole = (count: number): Tally => ({ count });
const delta = (from: number, count: number): Tally => ({ count, from });

let written = 0;
const tallies: Lattice<Tally> = {
  name: 'tallies',
  merge: (mine, theirs) => (theirs.count > mine.count ? whole(theirs.count) : mine),
  encode(value) {
    if (value.from === undefined) written++;
    return value.from === undefined ? [value.count, about] : [value.from, value.count, 0];
  },
  decode(data) {
    if (!Array.isArray(data)) return undefined;
    return data.length === 2 ? whole(data[0]) : delta(data[0], data[1]);
  },
  digestText: ({ count }) => `${count}`,
  forgetAt: () => Number.MAX_SAFE_INTEGER,
  lacks: (mine, theirs) => theirs.from !== undefined && (mine?.count ?? 0) < theirs.from,
  isDelta: ({ from }) => from !== undefined,
  mostBytes: () => 600,
};

interface Node {
  readonly peer: Peer;
  readonly core: Core;
  readonly tallies: Replica<Tally>;
  readonly counters: Counters;
}

interface Flight {
  readonly from: Node;
  readonly to: Node;
  readonly frame: Uint8Array;
}

/** Cores whose frames lie in a list until the test delivers or loses them. */
class Wires {
  readonly nodes: Node[];
  flights: Flight[] = [];
  monotonic = 0;

  constructor(names: readonly string[], lattice = tallies) {
    this.nodes = names.map((name) => {
      const counters = new Counters();
      const core = new Core(name, counters);
      return { peer: { node: name, incarnation: 1 }, core, tallies: core.declare(lattice), counters };
    });
    for (const a of this.nodes) for (const b of this.nodes) if (a !== b) this.take(a, a.core.up(b.peer, this.moment));
    this.settle();
  }

  get moment() {
    return { now: startAt, monotonic: this.monotonic };
  }

  take(from: Node, step: Step): void {
    for (const { to, frame } of step.send)
      for (const node of this.nodes)
        if (node !== from && (to === 'all' || to.node === node.peer.node)) this.flights.push({ from, to: node, frame });
  }

  put(node: Node, value: Tally, told?: Tally, alone?: boolean, key = 'a'): boolean {
    return node.core.put(node.tallies, key, value, startAt, told, alone).noted;
  }

  flush(node: Node, confirm = false): void {
    this.take(node, node.core.flush(confirm));
  }

  deliver({ from, to, frame }: Flight): void {
    this.take(to, to.core.receive(from.peer, frame, this.moment));
  }

  settle(): string[] {
    const types: string[] = [];
    for (let flight = this.flights.shift(); flight !== undefined; flight = this.flights.shift()) {
      types.push(`${flight.from.peer.node} ${typeOf(flight.frame)}`);
      this.deliver(flight);
    }
    return types;
  }

  /** Loses what goes to a node now. */
  lose(to: Node): void {
    this.flights = this.flights.filter((flight) => flight.to !== to);
  }

  counts(): (number | undefined)[] {
    return this.nodes.map((node) => node.tallies.get('a')?.count);
  }
}

function typeOf(frame: Uint8Array): string {
  const message = parseFrame(frame);
  return typeof message === 'string' ? message : message.type;
}

/** What the batches under way to a node carry. */
function carried(wires: Wires, to: Node): unknown[] {
  return wires.flights
    .filter((flight) => flight.to === to)
    .map(({ frame }) => parseFrame(frame))
    .map((message) =>
      typeof message === 'object' && message.type === 'batch' ? message.maps.flatMap(([, items]) => items) : message,
    );
}

const two = () => {
  const wires = new Wires(['n1', 'n2']);
  const [n1, n2] = wires.nodes as [Node, Node];
  wires.put(n1, whole(1));
  wires.flush(n1);
  wires.settle();
  assert.deepEqual(wires.counts(), [1, 1]);
  return { wires, n1, n2 };
};

test('a delta travels in place of the value, which is not written out for it', () => {
  const { wires, n1, n2 } = two();
  const before = written;
  wires.put(n1, whole(2), delta(1, 2));
  wires.flush(n1);
  assert.equal(written, before);
  assert.deepEqual(carried(wires, n2), [['a', [1, 2, 0]]]);
  assert.deepEqual(wires.settle(), ['n1 batch']);
  assert.deepEqual(wires.counts(), [2, 2]);
  assert.deepEqual([n1.counters.all()['deltas-sent'], n2.counters.all()['deltas-received']], [1, 1]);
  assert.equal(n2.counters.all()['deltas-asked'], undefined);
});

test('two puts of one key in one turn send the whole outcome, whichever of them was told by a delta', () => {
  for (const [first, second] of [
    [delta(1, 2), delta(2, 3)],
    [undefined, delta(2, 3)],
    [delta(1, 2), undefined],
  ]) {
    const { wires, n1, n2 } = two();
    wires.put(n1, whole(2), first);
    wires.put(n1, whole(3), second);
    wires.put(n1, whole(7), delta(0, 7), false, 'other');
    wires.flush(n1);
    assert.deepEqual(carried(wires, n2), [['a', [3, about], 'other', [0, 7, 0]]]);
    wires.settle();
    assert.deepEqual(wires.counts(), [3, 3]);
  }
});

test('alone, each travels in a frame of its own in the order of the puts, and what was put before travels ahead', () => {
  const { wires, n1, n2 } = two();
  wires.put(n1, whole(9), undefined, false, 'before');
  wires.put(n1, whole(2), delta(1, 2), true);
  wires.put(n1, whole(3), delta(2, 3), true);
  wires.put(n1, whole(9), undefined, false, 'after');
  wires.put(n1, whole(4), delta(3, 4));
  wires.flush(n1, true);
  assert.deepEqual(carried(wires, n2), [
    ['before', [9, about]],
    ['a', [1, 2, 0]],
    ['a', [2, 3, 0]],
    ['after', [9, about], 'a', [3, 4, 0]],
  ]);
  assert.deepEqual(wires.settle(), ['n1 batch', 'n1 batch', 'n1 batch', 'n1 batch', 'n2 ack']);
  assert.deepEqual(wires.counts(), [4, 4]);
  assert.equal([...n1.core.peers][0]!.acked, n1.core.number);
});

test('what was merged before without being told is told by a later put, though that changes nothing', () => {
  const { wires, n1, n2 } = two();
  n1.tallies.merge('a', whole(5), startAt);
  assert.equal(wires.put(n1, whole(5)), false, 'as ever: nothing new, nothing sent');
  assert.equal(wires.put(n1, whole(5), delta(1, 5)), true);
  wires.flush(n1);
  assert.deepEqual(carried(wires, n2), [['a', [1, 5, 0]]]);
  wires.settle();
  assert.deepEqual(wires.counts(), [5, 5]);
  assert.equal(
    wires.put(n1, delta(1, 5), delta(1, 5), false, 'unheard of'),
    true,
    'a caller who holds nothing has put it',
  );
});

test('a lost delta is missed with the next one, asked for at once from its sender and repaired without a round', () => {
  const { wires, n1, n2 } = two();
  wires.put(n1, whole(2), delta(1, 2));
  wires.flush(n1);
  wires.lose(n2);
  wires.put(n1, whole(3), delta(2, 3));
  wires.flush(n1);
  wires.deliver(wires.flights.shift()!);
  assert.equal(n2.tallies.get('a')?.count, 1, 'a delta that builds on something else is not merged');
  const question = wires.flights.find(({ frame }) => typeOf(frame) === 'question')!;
  assert.equal(question.to, n1);
  wires.flights = [question];
  assert.deepEqual(
    wires.settle(),
    ['n2 question', 'n1 answer', 'n2 compare', 'n1 differs'],
    'the hole is looked at as ever',
  );
  assert.deepEqual(wires.counts(), [3, 3]);
  assert.equal(n2.counters.all()['values-repaired'], undefined, 'and holds nothing new');
  assert.equal(n2.counters.all()['deltas-asked'], 1);
});

test('a peer that lacks the key asks its sender alone, and confirms the batch when the whole value has come', () => {
  const wires = new Wires(['n1', 'n2', 'n3']);
  const [n1, n2, n3] = wires.nodes as [Node, Node, Node];
  n1.tallies.merge('a', whole(1), startAt);
  n3.tallies.merge('a', whole(1), startAt);
  wires.put(n1, whole(2), delta(1, 2));
  wires.flush(n1, true);
  const ackOf = (node: Node) => [...n1.core.peers].find(({ peer }) => peer.node === node.peer.node)!.acked;
  for (const flight of wires.flights.splice(0)) wires.deliver(flight);
  const types = wires.flights.map(({ from, to, frame }) => `${from.peer.node} ${to.peer.node} ${typeOf(frame)}`);
  assert.deepEqual(types, ['n2 n1 question', 'n3 n1 ack']);
  wires.deliver(wires.flights[1]!);
  assert.deepEqual([ackOf(n2), ackOf(n3)], [0, 1], 'what was not merged is not confirmed');
  assert.deepEqual(wires.settle(), ['n2 question', 'n3 ack', 'n1 answer', 'n2 ack']);
  assert.deepEqual(wires.counts(), [2, 2, 2]);
  assert.deepEqual([ackOf(n2), ackOf(n3)], [1, 1]);
});

test('deltas that arrive while a question is under way do not ask again, and their batches are confirmed with the answer', () => {
  const { wires, n1, n2 } = two();
  n1.tallies.merge('a', whole(5), startAt);
  for (let count = 6; count <= 9; count++) {
    wires.put(n1, whole(count), delta(count - 1, count));
    wires.flush(n1, true);
  }
  for (const flight of wires.flights.splice(0)) wires.deliver(flight);
  assert.equal(wires.flights.filter(({ frame }) => typeOf(frame) === 'question').length, 1);
  wires.settle();
  assert.deepEqual(wires.counts(), [9, 9]);
  assert.equal([...n1.core.peers][0]!.acked, n1.core.number);
  assert.equal(n2.counters.all()['deltas-asked'], 1);
});

test('a question that got lost is asked again with a later delta', () => {
  const { wires, n1, n2 } = two();
  n1.tallies.merge('a', whole(5), startAt);
  for (const [count, passed, asked] of [
    [6, 0, 1],
    [7, 249, 0],
    [8, 1, 1],
  ] as const) {
    wires.monotonic += passed;
    wires.put(n1, whole(count), delta(count - 1, count));
    wires.flush(n1);
    wires.deliver(wires.flights.shift()!);
    assert.equal(wires.flights.filter(({ frame }) => typeOf(frame) === 'question').length, asked, `${count}`);
    if (asked === 1 && count === 6) wires.flights = [];
    wires.flights = wires.flights.filter(({ frame }) => typeOf(frame) === 'question');
  }
  wires.settle();
  assert.deepEqual([n2.tallies.get('a')?.count, n2.counters.all()['deltas-asked']], [8, 2]);
});

test('a sender that knows nothing of the key any more is no reason to wait for it', () => {
  const { wires, n1, n2 } = two();
  const forgetful = new Core('n1', new Counters());
  forgetful.declare(tallies);
  wires.put(n1, whole(9), delta(8, 9));
  wires.flush(n1, true);
  for (const flight of wires.flights.splice(0)) wires.deliver(flight);
  const { frame } = wires.flights.find((flight) => typeOf(flight.frame) === 'question')!;
  for (const { frame: answer } of forgetful.receive(n2.peer, frame, wires.moment).send)
    wires.take(n2, n2.core.receive(n1.peer, answer, wires.moment));
  assert.ok(wires.flights.some((flight) => flight.from === n2 && typeOf(flight.frame) === 'ack'));
});

test('where nobody can be reached nothing waits, and who comes later is given the value', () => {
  const wires = new Wires(['n1', 'n2']);
  const [n1, n2] = wires.nodes as [Node, Node];
  wires.take(n1, n1.core.down(n2.peer, wires.moment));
  wires.take(n2, n2.core.down(n1.peer, wires.moment));
  wires.put(n1, whole(4), delta(3, 4));
  wires.flush(n1);
  assert.deepEqual([wires.flights.length, n1.core.isWaiting], [0, false]);
  wires.take(n1, n1.core.up(n2.peer, wires.moment));
  wires.take(n2, n2.core.up(n1.peer, wires.moment));
  wires.settle();
  assert.deepEqual(wires.counts(), [4, 4]);
});

test('a value that may be too large for any frame is written out to see, delta or not', () => {
  let length = 10;
  const growing: Lattice<Tally> = {
    ...tallies,
    encode: (value) => (value.from === undefined ? [value.count, 'x'.repeat(length)] : [value.from, value.count, 0]),
    mostBytes: () => 3 * length + 100,
  };
  const wires = new Wires(['n1', 'n2'], growing);
  const [n1] = wires.nodes as [Node, Node];
  length = maxValueBytes / 2;
  assert.equal(wires.put(n1, whole(1), delta(0, 1)), true);
  length = maxValueBytes;
  assert.equal(wires.put(n1, whole(2), delta(1, 2)), false);
  assert.equal(n1.tallies.get('a')?.count, 1);
  assert.equal(n1.counters.all()['values-too-large'], 1);
});

test('D1: a delta that no frame can carry goes as the whole value, which one can; alone or not', () => {
  for (const alone of [false, true]) {
    const wordy: Lattice<Tally> = {
      ...tallies,
      encode: (value) =>
        value.from === undefined ? [value.count, about] : [value.from, value.count, 'x'.repeat(maxValueBytes)],
    };
    const wires = new Wires(['n1', 'n2'], wordy);
    const [n1] = wires.nodes as [Node, Node];
    wires.put(n1, whole(1));
    wires.flush(n1);
    wires.settle();
    wires.put(n1, whole(2), delta(1, 2), alone);
    wires.flush(n1, true);
    assert.deepEqual(wires.settle(), ['n1 batch', 'n2 ack']);
    assert.deepEqual(wires.counts(), [2, 2]);
    assert.equal(n1.counters.all()['values-too-large'], undefined);
  }
});

test('of what is patient and large a second change that is put before the first has left goes as a delta too, up to some', () => {
  const wires = new Wires(['n1', 'n2'], { ...tallies, isPatient: true, mostBytes: () => 20_000 });
  const [n1, n2] = wires.nodes as [Node, Node];
  wires.put(n1, whole(1));
  wires.flush(n1);
  wires.settle();
  for (const count of [1, 2, 3]) wires.put(n1, whole(count + 1), delta(count, count + 1));
  wires.flush(n1, true);
  assert.deepEqual(carried(wires, n2), [['a', [1, 2, 0]], ['a', [2, 3, 0]], ['a', [3, 4, 0]]]); // biome-ignore format: a table
  assert.deepEqual(wires.settle(), ['n1 batch', 'n1 batch', 'n1 batch', 'n2 ack']);
  assert.deepEqual(wires.counts(), [4, 4]);
  for (let count = 4; count < 40; count++) wires.put(n1, whole(count + 1), delta(count, count + 1));
  wires.flush(n1, true);
  const last = carried(wires, n2);
  assert.ok(last.length <= 10, `${last.length} frames`);
  assert.deepEqual(last.at(-1), ['a', [40, about]]);
  wires.settle();
  assert.deepEqual(wires.counts(), [40, 40]);
});

test('a lattice without deltas is told, asked and confirmed as before, `told` or not', () => {
  const { lacks: _, isDelta: __, mostBytes: ___, ...plain } = tallies;
  const wires = new Wires(['n1', 'n2'], plain);
  const [n1, n2] = wires.nodes as [Node, Node];
  wires.put(n1, whole(3), whole(3));
  wires.flush(n1, true);
  assert.deepEqual(carried(wires, n2), [['a', [3, about]]]);
  assert.deepEqual(wires.settle(), ['n1 batch', 'n2 ack']);
  assert.equal(n1.counters.all()['deltas-sent'], undefined);
});

test('V94: over a network that loses, doubles and reorders, copies told by deltas become equal, and no batch is confirmed that is not merged', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const wires = new Wires(['n1', 'n2', 'n3']);
    const counts = new Map<string, number>();
    for (let turn = 0; turn < 80; turn++) {
      const writer = Math.floor(random.fraction() * 3);
      const node = wires.nodes[writer]!;
      // A key has one writer: a tally knows one line of counts.
      const key = `${writer}.${Math.floor(random.fraction() * 4)}`;
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      wires.put(node, whole(count + 1), delta(count, count + 1), random.fraction() < 0.2, key);
      if (random.fraction() < 0.7) wires.flush(node, random.fraction() < 0.5);
      wires.monotonic += random.fraction() * 200;
      for (let left = wires.flights.length; left > 0; left--) {
        const [flight] = wires.flights.splice(Math.floor(random.fraction() * wires.flights.length), 1);
        if (random.fraction() < 0.2) continue;
        if (random.fraction() < 0.1) wires.flights.push(flight!);
        wires.deliver(flight!);
      }
      for (const one of wires.nodes) {
        if (one.core.isWaiting) continue;
        for (const { peer, acked } of one.core.peers) {
          const other = wires.nodes.find((candidate) => candidate.peer.node === peer.node)!;
          if (acked < one.core.number) continue;
          for (const [id, value] of one.tallies.entries())
            if (id.startsWith(`${wires.nodes.indexOf(one)}.`))
              assert.ok((other.tallies.get(id)?.count ?? 0) >= value.count, `seed ${seed}: ${id} was confirmed`);
        }
      }
    }
    for (const node of wires.nodes) wires.flush(node);
    for (let round = 0; round < 20; round++) {
      wires.monotonic += 1_000;
      for (const node of wires.nodes) wires.take(node, node.core.round(wires.moment, random.fraction));
      wires.settle();
    }
    const roots = wires.nodes.map((node) => node.tallies.digest(minuteOf(startAt), startAt).root());
    assert.equal(new Set(roots).size, 1, `seed ${seed}`);
    for (const [key, count] of counts) assert.equal(wires.nodes[0]!.tallies.get(key)?.count, count);
  }
});

test('a node merges without telling and tells later, and its listeners hear whose change it was', async () => {
  const { nodes, clock } = await joinedCluster(['n1', 'n2'], 1, { intervalMs: 60_000 });
  const [n1, n2] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const heard: boolean[] = [];
  n1.cells.onChange(({ own }) => heard.push(own));
  const value = { closed: false, version: 1, text: 'one', endsAt: startAt + 3_600_000, usedAt: 0 };
  n1.cells.settle('a', value, true);
  n1.cells.settle('b', value);
  await clock.advanceAsync(100);
  assert.deepEqual([heard, n2.cells.get('a')], [[true, false], undefined]);
  assert.equal(n1.cells.put('a', value), value);
  await clock.advanceAsync(100);
  assert.equal(n2.cells.get('a'), undefined, 'nothing changed, nothing to tell');
  assert.equal(n1.cells.put('a', value, value), value);
  await clock.advanceAsync(100);
  assert.equal(n2.cells.get('a')?.text, 'one');
  assert.deepEqual(heard, [true, false]);
});
