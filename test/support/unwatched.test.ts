/** What `npm test` gives Node's test runner (`.ci/unwatched.mjs`) hides no failure, and leaves suites what they are. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const unwatched = pathToFileURL(resolve('.ci/unwatched.mjs')).href;

/** The exit code of a test file with this text, and what it printed. */
function ran(text: string): { readonly code: number | null; readonly printed: string } {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  const file = join(folder, 'one.mjs');
  writeFileSync(file, `import { beforeEach, describe, test } from 'node:test';\n${text}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = ['--import', unwatched, '--test-reporter=tap'];
  const { status, stdout } = spawnSync(process.execPath, [...options, file], { env, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return { code: status, printed: stdout };
}

const cases: readonly (readonly [string, text: string, code: number])[] = [
  ['tests that pass', `test('a', async () => { await 1; });`, 0],
  ['a test that fails', `test('a', async () => { await 1; throw new Error('a'); });`, 1],
  ['a rejection that nobody awaits', `test('a', () => { Promise.reject(new Error('a')); });`, 1],
  [
    'an error in a timer while another test runs',
    `test('a', () => { setTimeout(() => { throw new Error('a'); }, 1); });
     test('b', () => new Promise((resolve) => { setTimeout(resolve, 20); }));`,
    1,
  ],
];

for (const [name, text, code] of cases) {
  test(`a file with ${name} ends with ${code}`, () => assert.equal(ran(text).code, code));
}

test('what is within describe belongs to its suite, hooks and tests', () => {
  const { code, printed } = ran(`
    let hooked = 0;
    describe('suite', () => {
      beforeEach(() => { hooked++; });
      test('inner', async (t) => { await t.test('innermost', () => {}); });
    });
    test('outer', () => { if (hooked !== 2) throw new Error(String(hooked)); });`);
  assert.equal(code, 0, printed);
  const names = [...printed.matchAll(/^( *)ok \d+ - (\w+)/gm)].map(([, indent, name]) => [indent!.length / 4, name]);
  assert.deepEqual(names, [
    [2, 'innermost'],
    [1, 'inner'],
    [0, 'suite'],
    [0, 'outer'],
  ]);
});
