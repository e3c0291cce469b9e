/**
 * Any program over sessions gives the same objects on the other node. The number of programs is
 * LATCHKEY_PROGRAMS (2,000), the first seed LATCHKEY_SEED; a failure prints the seed and the shortest program.
 */

import { test } from 'node:test';
import fc from 'fast-check';
import type { Granularity } from '../../../sso/session/graph/stored.ts';
import { NaiveFields } from './support/naive-fields.ts';
import { type Fields, ofOneAttribute, program, run } from './support/program.ts';
import { ReplicatedFields } from './support/replicated-fields.ts';

const programs = Number(process.env['LATCHKEY_PROGRAMS'] ?? 2_000);
const seed = Number(process.env['LATCHKEY_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));

const splits: readonly { readonly granularities: readonly Granularity[]; readonly share: number }[] = [
  { granularities: ['SESSION'], share: 0.25 },
  { granularities: ['ATTRIBUTE'], share: 0.25 },
  { granularities: ['FIELD'], share: 0.3 },
  { granularities: ['ATTRIBUTE', 'FIELD', 'SESSION', 'FIELD', 'ATTRIBUTE'], share: 0.1 },
];

function check(title: string, granularities: readonly Granularity[], share: number, begin: () => Fields): void {
  test(`any program gives the same objects on the other node, and no change without one: ${title}`, (t) => {
    t.diagnostic(`seed ${seed}`);
    fc.assert(
      fc.property(granularities.length === 1 ? program : program.map(ofOneAttribute), (requests) =>
        run(granularities, requests, begin()),
      ),
      { numRuns: Math.ceil(programs * share), seed, includeErrorInReport: true },
    );
  });
}

for (const { granularities, share } of splits) {
  const title = granularities.length === 1 ? granularities[0]! : 'a granularity that changes between requests';
  check(title, granularities, share, () => new NaiveFields());
}
check('FIELD, over data that travels as deltas', ['FIELD'], 0.1, () => new ReplicatedFields());
