/**
 * Check 31 at its full size: ten thousand unknown names and ten thousand wrong passwords, and whether their times can be told apart.
 *
 *   node --import tsx test/distributions/run.ts --each 10000 --memory-cost 19456 --seed 1
 *
 * Ends with 1 if p ≤ 0.01, or if the answers differ in more than their time. With hashes that cost next to nothing (64, the
 * default) a difference in anything but the hash is seen best; 19456 is what `latchkey hash-password` makes.
 */

import { parseArgs } from 'node:util';
import { quantile } from '../slow-clients/others.ts';
import { measure } from './answers.ts';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.ts';

const { values } = parseArgs({
  options: {
    each: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    'memory-cost': { type: 'string', default: '64' },
  },
});
const each = Number(values.each);
const seed = Number(values.seed);
const memoryCost = Number(values['memory-cost']);

const { unknownName, wrongPassword, faces } = await measure({ each, seed, memoryCost });
for (const [what, took] of Object.entries({ unknownName, wrongPassword }))
  console.log(
    `${what}: ${took.length} answers, ms at 1 %, 50 %, 99 %: ${[0.01, 0.5, 0.99].map((part) => quantile(took, part).toFixed(3)).join(', ')}`,
  );
const { distance, p } = kolmogorovSmirnov(unknownName, wrongPassword);
console.log(
  `argon2id with ${memoryCost} KiB, seed ${seed}: distance ${distance.toFixed(4)}, p = ${p.toPrecision(3)}; ${faces.size} kind(s) of answer`,
);
process.exitCode = p > 0.01 && faces.size === 1 ? 0 : 1;
