/**
 * Part 3 as `latchkey doctor --config` foretells it: of what is printed for httpd and mod_jk it says of each
 * cookie what the real ones do (part-three-httpd, part-three-mod-jk), and that nothing is wrong.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import type { PrintedFile } from '../../server/balancer/installation.ts';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { readConfiguration } from '../../server/doctor/reading/read.ts';
import { installationOf, nodeAt } from './support/nodes.ts';
import { readings, says, type Went } from './support/part-three.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-foretold-'));
after(() => rmSync(directory, { recursive: true }));

const installation = installationOf(8080, [nodeAt('node1', 8081, 8009), nodeAt('node2', 8082, 8010)], {
  ...{ directory, ajpSecret: 'only between balancer and nodes' },
});

function written(files: readonly PrintedFile[]): string {
  for (const { name, text } of files) writeFileSync(join(directory, name), text);
  return join(directory, files.find(({ name }) => name.endsWith('.conf'))!.name);
}

for (const [name, files] of [
  ['httpd', apache(installation)],
  ['modJk', modJk(installation)],
] as const) {
  test(`${name}: each cookie of part 3 is foretold as the real one reads it`, () => {
    const file = written(files);
    for (const reading of readings) {
      const { cookie, path: url = '/' } = reading;
      const { journey } = readConfiguration(file, { url, ...(cookie !== undefined && { cookie }) });
      const to: Went = / or /.test(journey!.to) ? 'balanced' : /^node1\b/.test(journey!.to) ? 'node1' : 'node2';
      assert.equal(to, reading[name], `${says(reading)}: ${journey!.to}`);
    }
  });

  test(`${name}: nothing is wrong in what is printed`, () => {
    const { findings } = readConfiguration(written(files), { routes: ['node1', 'node2'] });
    assert.ok(findings.length > 5);
    assert.deepEqual(
      findings.filter(({ ok }) => ok !== true),
      [],
    );
  });
}
