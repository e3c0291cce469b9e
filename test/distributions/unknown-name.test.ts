/** Check 31, a sample of it: whether a name exists cannot be told from the answer, nor from the time it takes. All of it: `run.ts`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure } from './answers.ts';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.ts';

/**
 * A right node fails such a test as often as chance says, so the border is far from the check's own 0.01, and three samples
 * have to agree that there is a difference. A node that hashed for known names alone was beyond it by far: p from 1e-19 to 1e-64.
 */
const border = 0.001;
const samples = 3;

test('check 31: an unknown name and a wrong password are answered alike, and their times cannot be told apart (a sample)', async () => {
  const found: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const { unknownName, wrongPassword, faces } = await measure({ each: 400, seed: 31 + sample, memoryCost: 64 });
    assert.equal(faces.size, 1, [...faces].join('\n'));
    assert.match([...faces][0]!, /^HTTP\/1\.1 401 /);
    found.push(kolmogorovSmirnov(unknownName, wrongPassword).p);
    if (found.at(-1)! > border) return;
  }
  assert.fail(`p = ${found.join(', ')}: the times can be told apart`);
});
