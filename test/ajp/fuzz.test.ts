/** 50,000 packets that nobody should send; `fuzz-run.ts` sends any number. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fuzzer } from './support/fuzz.ts';

const packets = 50_000;
const seed = Number(process.env['LATCHKEY_FUZZ_SEED'] ?? Math.floor(Math.random() * 1_000_000));

test(`packets of any kind are answered, or close their connection, and are counted; nothing throws and nothing is left (seed ${seed})`, async () => {
  const fuzzer = new Fuzzer(seed);
  await fuzzer.run(packets / 2);
  const before = process.memoryUsage().heapUsed;
  const { counters, requests, faults, ...sum } = await fuzzer.run(packets / 2);
  assert.deepEqual(faults, [], `seed ${seed}`);
  assert.ok(sum.packets >= packets);
  assert.ok(requests > packets / 20, `only ${requests} requests came through: it tested too little`);
  for (const counter of [
    'malformed',
    'wrongSecret',
    'strangeAttribute',
    'badRequests',
    'badBodies',
    'upgrades',
    'unknownMethod',
    'pings',
    'cut',
    'left',
    'answersTooLarge',
    'answers',
  ])
    assert.ok(counters[counter]! > 0, `${counter} never happened`);
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 100_000_000, `${grown} bytes more after the second half`);
});
