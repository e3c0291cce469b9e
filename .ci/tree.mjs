// Keeps the house in order: what may lie at the top, no paths of a machine, no registry in the lock file.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n').filter(Boolean);
const top =
  /^(package\.json|package-lock\.json|tsconfig[a-z.]*\.json|biome\.jsonc?|LICENSE|README\.md|server|sso|config|test|\..*)$/;
const faults = [];
for (const name of new Set(tracked.map((path) => path.split('/')[0]))) {
  if (!top.test(name)) faults.push(`${name}: not in the agreed top level`);
}
if (/"resolved": "http/.test(readFileSync('package-lock.json', 'utf8')))
  faults.push('package-lock.json names a registry');
for (const path of tracked.filter((one) => /\.(ts|mjs|json|md|yaml|yml)$/.test(one) && one !== 'package-lock.json')) {
  const text = readFileSync(path, 'utf8');
  if (/(^|[\s"'`(=])\/(root|work|home)\//m.test(text)) faults.push(`${path}: a path of one machine`);
  if (/\b(test|describe|it)\.(only|todo)\(/.test(text)) faults.push(`${path}: a test is left out`);
}
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
