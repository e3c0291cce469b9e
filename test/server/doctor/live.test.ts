/** The doctor at a fake balancer: every planted fault is found by its name, and nothing at installations that are right. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Examination, examine } from '../../../server/doctor/doctor.ts';
import type { Finding } from '../../../server/doctor/finding.ts';
import { type Fake, fakeBalancer } from './support/fake-balancer.ts';
import { right, wrong } from './support/installations.ts';
import { seededChance } from './support/seeded.ts';

const seed = Number(process.env['LATCHKEY_SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (LATCHKEY_SEED)`);

async function examined(fake: Fake): Promise<Extract<Examination, { kind: 'asked' }>> {
  const chance = seededChance(seed);
  const url = new URL(fake.url ?? 'https://shop.xyz.com');
  const plain = async (path: string) =>
    ({ kind: 'answer', status: 308, location: `https://${url.host}${path}`, setsCookies: false }) as const;
  const parts = { ask: fakeBalancer(fake, chance), chance, url, path: '/latchkey-probe', plain };
  const examination = await examine(parts);
  assert.equal(examination.kind, 'asked', JSON.stringify(examination));
  return examination as Extract<Examination, { kind: 'asked' }>;
}

const faults = (findings: readonly Finding[]) => findings.filter(({ ok }) => ok === false);

for (const [name, fake] of Object.entries(right)) {
  test(`nothing is found wrong: ${name}`, async () => {
    const { findings } = await examined(fake);
    assert.deepEqual(faults(findings), []);
    assert.equal(findings.find(({ check }) => check === 'stickiness')?.ok, true);
  });
}

for (const [name, { given, finds, says }] of Object.entries(wrong)) {
  test(`found by its name, and nothing else: ${name}`, async () => {
    const found = faults((await examined(given)).findings);
    assert.deepEqual(found.map(({ check }) => check).sort(), [...finds].sort(), JSON.stringify(found, null, 1));
    assert.ok(
      found.some((one) => says.test(`${one.says} ${one.remedy}`)),
      JSON.stringify(found, null, 1),
    );
    for (const { check, remedy } of found) assert.ok(remedy, `${check} has no remedy`);
  });
}
