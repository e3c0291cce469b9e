// Runs the tests on a release of Node that is still supported; npm's `node` package carries it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const release = '24';
const folder = mkdtempSync(join(tmpdir(), 'latchkey-node-'));
try {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', `node@${release}`], { cwd: folder, stdio: 'inherit' });
  const node = join(folder, 'node_modules/node/bin/node');
  console.log(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim());
  execFileSync(node, ['.ci/test.mjs'], { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
