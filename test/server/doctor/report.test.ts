/** What the doctor writes: for a person, for a program, and its exit code. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../server/doctor/finding.ts';
import { exitCodeOf, inJson, inWords } from '../../../server/doctor/report.ts';

const about = 'https://shop.xyz.com';
const findings: readonly Finding[] = [
  { check: 'routes', ok: true, says: 'the balancer knows them' },
  { check: 'host', ok: false, says: 'nodes see 10.0.0.1', remedy: 'ProxyPreserveHost On' },
  { check: 'clocks', ok: 'unknown', says: 'no node told its time' },
];
const inFile: Finding = {
  ...{ check: 'timeout', ok: false, says: 'There is none.' },
  ...{ remedy: 'timeout=10', where: 'httpd.conf:12' },
};
const unasked = { about, findings: [], failure: 'nobody' };

test('a line for each check with ✓, ✗ or ?, the remedy below what is not right, and the sum', () => {
  assert.equal(
    inWords([{ about, findings }]),
    `✓ routes  the balancer knows them
✗ host    nodes see 10.0.0.1
          → ProxyPreserveHost On
? clocks  no node told its time

https://shop.xyz.com: 1 thing is wrong (1 right, 1 could not be seen)
`,
  );
});

test('of two things each has its name before it and its own sum; a place in a file stands before what is said of it', () => {
  const text = inWords([
    { about, findings: findings.slice(0, 1) },
    { about: 'httpd.conf', findings: [inFile] },
  ]);
  assert.equal(
    text,
    `https://shop.xyz.com:
✓ routes  the balancer knows them

https://shop.xyz.com: nothing is wrong (1 right)

httpd.conf:
✗ timeout  httpd.conf:12: There is none.
           → timeout=10

httpd.conf: 1 thing is wrong (0 right)
`,
  );
});

test('where a cookie would go stands between the findings and the sum, step by step', () => {
  const journey = { asked: 'GET / with a=x.node1', steps: ['first', 'second'], to: 'node1' };
  const text = inWords([{ about, findings: findings.slice(0, 1), journey }]);
  assert.match(
    text,
    /\n\nGET \/ with a=x\.node1\n {2}first\n {2}second\n {2}→ node1\n\nhttps.*nothing is wrong \(1 right\)\n$/,
  );
});

test('the exit code: 0 nothing is wrong, also if something could not be seen; 1 something is; 2 it could not be asked', () => {
  assert.equal(exitCodeOf([{ about, findings: [] }]), 0);
  assert.equal(exitCodeOf([{ about, findings: findings.filter(({ ok }) => ok !== false) }]), 0);
  assert.equal(exitCodeOf([{ about, findings }]), 1);
  assert.equal(exitCodeOf([unasked]), 2);
  assert.equal(exitCodeOf([unasked, { about: 'httpd.conf', findings: [] }]), 2);
  assert.equal(exitCodeOf([unasked, { about: 'httpd.conf', findings: [inFile] }]), 1);
  assert.match(inWords([unasked]), /^https:\/\/shop\.xyz\.com could not be asked: nobody\n$/);
});

test('JSON has the same, with counts, and each finding says what it is about', () => {
  const report = JSON.parse(
    inJson([
      { about, findings },
      { about: 'httpd.conf', findings: [inFile] },
    ]),
  );
  assert.deepEqual([report.right, report.wrong, report.unknown], [1, 2, 1]);
  assert.deepEqual(report.about, [about, 'httpd.conf']);
  assert.deepEqual(report.findings[3], { about: 'httpd.conf', ...inFile });
  assert.equal(JSON.parse(inJson([unasked])).failure, 'nobody');
});

test('what came over the network cannot move the cursor of a terminal', () => {
  const says = 'plain http redirects to \u001b[2J\u009b31m\u202ehttps://evil';
  const text = inWords([{ about, findings: [{ check: 'host', ok: false, says }] }]);
  assert.doesNotMatch(text, /[^\P{C}\n]/u);
});
