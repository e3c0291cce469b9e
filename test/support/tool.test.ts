/** The tools of the project as processes of their own: asked how they are used, and used wrongly. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { moduleAt, processArguments } from './own-process.ts';

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(tool: string, ...words: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [...processArguments, moduleAt(`test/${tool}/run.ts`), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => void (said.stdout += chunk));
  child.stderr.on('data', (chunk) => void (said.stderr += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}

const tools: Readonly<
  Record<string, { readonly name: string; readonly wrong: readonly (readonly [string, RegExp])[] }>
> = {
  simulation: {
    name: 'simulate',
    wrong: [['--plant=x', /^--plant must be one of: none · /]],
  },
  bench: { name: 'bench', wrong: [['--only=zz', /^--only takes some of /]] },
  mutants: {
    name: 'mutants',
    wrong: [
      ['--only=there is no such', /^there is no mistake "there is no such"/],
      ['--no-such-option', /^Unknown option '--no-such-option'\n/],
    ],
  },
  chaos: { name: 'chaos', wrong: [['--cells=0', /^--cells must be a whole number, at least 1\n/]] },
};

for (const [folder, { name, wrong }] of Object.entries(tools)) {
  test(`npm run ${name} says how it is used when asked, and after a line that says what is wrong when used wrongly; never a stack`, async () => {
    const help = await run(folder, '--help');
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match(help.stdout, new RegExp(`^npm run ${name} -- `));
    for (const [word, says] of wrong) {
      const { code, stdout, stderr } = await run(folder, word);
      assert.deepEqual([code, stdout], [1, ''], word);
      assert.match(stderr, says);
      assert.ok(stderr.endsWith(help.stdout), 'the usage follows');
      assert.doesNotMatch(stderr, /\n\s+at |node:internal/);
    }
  });
}
