import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';

test("the README's example is the one that is run", async () => {
  const readme = await readFile(new URL('../../sso/testing/README.md', import.meta.url), 'utf8');
  const example = await readFile(new URL('./example.test.ts', import.meta.url), 'utf8');
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(readme)!;
  const run = example
    .replace(/^\/\*\*.*\*\/\n\n/, '')
    .replace('../../sso/index.ts', 'latchkey')
    .replace('../../sso/testing/index.ts', 'latchkey/testing');
  assert.equal(shown, run);
});

test('the README says for how long a request that a test holds up lets time pass', async () => {
  const { pumpLimits } = await import('../../sso/testing/pump.ts');
  const readme = await readFile(new URL('../../sso/testing/README.md', import.meta.url), 'utf8');
  assert.ok(readme.includes(`stops time after ${pumpLimits.heldMs / 1000} s`));
});
