import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Departures } from '../../sso/gossip/departures.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { type Cell, cell, cellLattice } from './cells.ts';
import { joinedCluster } from './cluster.ts';

/** Departures of batches that somebody waits for, or not, with the instants at which they left. */
function station({ isAsking = true } = {}) {
  const clock = virtualClock();
  const left: number[] = [];
  let confirmed = 0;
  const departures = new Departures({
    clock,
    leave: () => ({ isAsking, number: left.push(clock.monotonic()) }),
    isConfirmed: (number) => confirmed >= number,
  });
  const confirm = () => {
    confirmed = left.length;
    departures.check();
  };
  return { clock, left, departures, confirm };
}

test('what is put in one turn leaves as one batch at its end, patient or not', () => {
  const { clock, left, departures } = station();
  departures.patiently();
  departures.soon();
  departures.patiently();
  assert.deepEqual(left, []);
  clock.advance(0);
  assert.deepEqual(left, [0]);
});

test('what is patient waits for the first confirmation of the batch that is under way', () => {
  const { clock, left, departures, confirm } = station();
  departures.patiently();
  clock.advance(0.5);
  for (let turn = 0; turn < 3; turn++) {
    departures.patiently();
    clock.advance(0.25);
  }
  assert.deepEqual(left, [0], 'three turns put something meanwhile');
  confirm();
  clock.advance(10);
  assert.deepEqual(left, [0, 1.25]);
  assert.equal(clock.pending(), 0, 'no timer is left');
});

test('its patience ends after 2 ms, whether or not somebody confirms', () => {
  const { clock, left, departures } = station();
  departures.patiently();
  clock.advance(0);
  departures.patiently();
  clock.advance(1.9);
  assert.deepEqual(left, [0]);
  clock.advance(10);
  assert.deepEqual(left, [0, 2]);
});

test('what is not patient leaves at the end of its turn, and takes along what is', () => {
  const { clock, left, departures } = station();
  departures.patiently();
  clock.advance(0);
  departures.patiently();
  clock.advance(1);
  departures.soon();
  clock.advance(10);
  assert.deepEqual(left, [0, 1]);
  assert.equal(clock.pending(), 0);
});

test('where nobody waits for a confirmation nothing waits for one', () => {
  const { clock, left, departures } = station({ isAsking: false });
  for (let turn = 0; turn < 3; turn++) {
    departures.patiently();
    clock.advance(0.5);
  }
  assert.deepEqual(left, [0, 0.5, 1]);
});

test('after its stop nothing leaves, and no timer is left', () => {
  const { clock, left, departures } = station();
  departures.patiently();
  clock.advance(0);
  departures.patiently();
  departures.stop();
  departures.soon();
  assert.equal(clock.pending(), 1, 'the end of the turn alone');
  clock.advance(10);
  assert.deepEqual(left, [0]);
});

test('under load a cluster needs a batch a trip, not one for each put, and each put is confirmed soon all the same', async () => {
  const trip = 1;
  const puts = 40;
  const batchesOf = async (lattice: Lattice<Cell>) => {
    const { nodes, network, clock, wait } = await joinedCluster(['n1', 'n2', 'n3'], 1, {}, lattice);
    const { gossip, cells } = nodes[0]!;
    const sent = () => gossip.counters()['batches-sent'] ?? 0;
    network.delay(trip);
    const before = sent();
    const waits: Promise<{ readonly nodes: readonly string[] }>[] = [];
    for (let at = 0; at < puts; at++) {
      cells.put(`key${at}`, cell(`text${at}`));
      waits.push(gossip.stored(2, 250));
      await clock.advanceAsync(0.1);
    }
    const begun = clock.monotonic();
    for (const { nodes } of await wait(Promise.all(waits))) assert.ok(nodes.length >= 2);
    assert.ok(clock.monotonic() - begun <= 5 * trip, `${clock.monotonic() - begun} ms after the last`);
    return sent() - before;
  };
  assert.equal(await batchesOf(cellLattice), puts);
  const patient = await batchesOf({ ...cellLattice, isPatient: true });
  assert.ok(patient <= 4, `${patient} batches`);
});
