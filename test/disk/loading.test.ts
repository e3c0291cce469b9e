import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { moduleAt, processArguments } from '../support/own-process.ts';

const run = promisify(execFile);

/** The native addons of node_modules that a process has loaded after this module text has run. */
async function addonsAfter(text: string): Promise<readonly string[]> {
  const tell = `
    const { sharedObjects } = process.report.getReport();
    console.log(JSON.stringify(sharedObjects.filter((path) => path.endsWith('.node') && /lmdb|msgpackr/.test(path))));`;
  const options = [...processArguments, '--input-type=module', '--eval', text + tell];
  const { stdout } = await run(process.execPath, options, { timeout: 30_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

const url = (path: string) => JSON.stringify(pathToFileURL(moduleAt(path)));

test('who starts a node without a data directory loads no native code of the disk', { timeout: 60_000 }, async () => {
  const loaded = await addonsAfter(`
    const { startNode } = await import(${url('sso/index.ts')});
    const node = await startNode({ secret: '0123456789abcdef0123456789abcdefXYZ' });
    await node.stop();`);
  assert.deepEqual(loaded, []);
});

test('opening a data directory does', { timeout: 60_000 }, async () => {
  const loaded = await addonsAfter(`
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { LmdbDisk } = await import(${url('sso/disk/lmdb-disk.ts')});
    const { systemClock } = await import(${url('sso/clock.ts')});
    const directory = mkdtempSync((await import('node:os')).tmpdir() + '/latchkey-loading-');
    const disk = new LmdbDisk({ directory, clock: systemClock });
    await disk.open();
    await disk.close();
    rmSync(directory, { recursive: true });`);
  assert.notDeepEqual(loaded, []);
});
