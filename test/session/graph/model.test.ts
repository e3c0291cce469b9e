/**
 * Any program over sessions gives the same objects on the other node. The number of programs is
 * LATCHKEY_PROGRAMS (2,000), the seed LATCHKEY_SEED (1: `npm test` is the same for everybody; `npm run model` tries others).
 * A failure prints the seed and the shortest program.
 */

import { test } from 'node:test';
import fc from 'fast-check';
import type { Granularity } from '../../../sso/session/graph/stored.ts';
import { NaiveFields } from './support/naive-fields.ts';
import { type Fields, ofOneAttribute, type Program, program, run } from './support/program.ts';
import { ReplicatedFields } from './support/replicated-fields.ts';

const programs = Number(process.env['LATCHKEY_PROGRAMS'] ?? 2_000);
const seed = Number(process.env['LATCHKEY_SEED'] ?? 1);

const splits: readonly { readonly granularities: readonly Granularity[]; readonly share: number }[] = [
  { granularities: ['SESSION'], share: 0.25 },
  { granularities: ['ATTRIBUTE'], share: 0.25 },
  { granularities: ['FIELD'], share: 0.3 },
  { granularities: ['ATTRIBUTE', 'FIELD', 'SESSION', 'FIELD', 'ATTRIBUTE'], share: 0.1 },
];

/** Programs that were once wrong. */
const mixed: readonly Program[] = [
  // An attribute set to what it is already, in the text of all, and then written as parts with the others.
  ofOneAttribute([
    [],
    [{ do: 'get', name: 'a' }],
    [{ do: 'set', name: 'a', value: { kind: 'date', n: 0 } }],
    [{ do: 'set', name: 'a', value: { kind: 'date', n: 0 } }],
  ]),
];

function check(title: string, granularities: readonly Granularity[], share: number, begin: () => Fields): void {
  const isMixed = granularities.length > 1;
  const examples = isMixed ? mixed.map((each): [Program] => [each]) : [];
  test(`any program gives the same objects on the other node, and no change without one: ${title}`, (t) => {
    t.diagnostic(`seed ${seed}`);
    fc.assert(
      fc.property(isMixed ? program.map(ofOneAttribute) : program, (requests) => run(granularities, requests, begin())),
      { numRuns: Math.ceil(programs * share), seed, examples, includeErrorInReport: true },
    );
  });
}

for (const { granularities, share } of splits) {
  const title = granularities.length === 1 ? granularities[0]! : 'a granularity that changes between requests';
  check(title, granularities, share, () => new NaiveFields());
}
check('FIELD, over data that travels as deltas', ['FIELD'], 0.1, () => new ReplicatedFields());
