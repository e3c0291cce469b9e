/** Every wrong installation of the corpus is found out by its name and line, and nothing else is found in it. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../../../server/doctor/finding.ts';
import { type ReadingQuestion, readConfiguration } from '../../../../server/doctor/reading/read.ts';
import * as good from '../../../corpus/installations/good.ts';
import { planted } from '../../../corpus/installations/planted.ts';

function read(files: Readonly<Record<string, string>>, asked: ReadingQuestion = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-planted-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const { findings, ...rest } = readConfiguration(join(directory, Object.keys(files)[0]!), asked);
    const bare = (where: string) => relative(directory, where);
    return {
      ...rest,
      findings: findings.map((one) => (one.where === undefined ? one : { ...one, where: bare(one.where) })),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const wrong = (findings: readonly Finding[]) => findings.filter(({ ok }) => ok === false);

for (const { name, check, files, at, isUnsure } of planted) {
  test(`found: ${name}`, () => {
    // A whole configuration names its modules; of a part it is not known which there are.
    const given =
      check === 'prefork-pool'
        ? {
            ...files,
            'mod-jk.conf': `LoadModule mpm_prefork_module m.so\nLoadModule access_compat_module m.so\n${files['mod-jk.conf']}`,
          }
        : files;
    const { findings } = read(given);
    const found = findings.filter(({ ok }) => ok === false || (isUnsure === true && ok === 'unknown'));
    assert.deepEqual(
      found.map((one) => [one.check, one.where, one.ok]),
      [[check, at, isUnsure === true ? 'unknown' : false]],
      JSON.stringify(found, null, 1),
    );
    assert.ok(found[0]!.remedy, 'every fault comes with its remedy');
    assert.doesNotMatch(JSON.stringify(found), /chosen/, 'no secret of the configuration is told');
  });
}

const whole: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  httpd: { 'httpd.conf': good.goodHttpd },
  'httpd with AJP': { 'httpd.conf': good.goodAjp },
  mod_jk: {
    'mod-jk.conf': good.goodJk,
    'workers.properties': good.goodWorkers,
    'uriworkermap.properties': good.goodMap,
  },
  "mod_jk, by its workers' file": {
    'workers.properties': good.goodWorkers,
    'mod-jk.conf': good.goodJk,
    'uriworkermap.properties': good.goodMap,
  },
  'mod_jk, by its map': { 'uriworkermap.properties': good.goodMap, 'workers.properties': good.goodWorkers },
  "mod_jk's workers alone": { 'workers.properties': good.goodWorkers },
  nginx: { 'nginx.conf': good.goodNginx },
  HAProxy: { 'haproxy.cfg': good.goodHaproxy },
};

for (const [name, files] of Object.entries(whole))
  test(`nothing is wrong in a good installation: ${name}`, () => {
    const { findings } = read(files);
    assert.deepEqual(wrong(findings), []);
    assert.ok(findings.filter(({ ok }) => ok === true).length >= 4, 'what was looked at and found right is told');
  });

test('the corpus has every check that can find a fault, and at least twenty wrong installations', () => {
  assert.ok(planted.length >= 20);
  assert.equal(new Set(planted.map(({ name }) => name)).size, planted.length);
});

test("the nodes' routes, where they are known, must be the balancer's: missing, or another case", () => {
  const routes = ['node1', 'NODE2', 'node3'];
  for (const files of [whole['httpd']!, whole['mod_jk']!]) {
    const found = wrong(read(files, { routes }).findings);
    assert.deepEqual(
      found.map(({ check }) => check),
      ['node-route', 'node-route'],
    );
    assert.match(found[0]!.remedy!, /Only the case differs/);
    assert.deepEqual(wrong(read(files, { routes: ['node1', 'node2'] }).findings), []);
  }
});
