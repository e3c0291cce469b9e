/** `npm run model -- [--programs N] [--seed S]`: many random programs over sessions, as in model.test.ts; ends with 1 at the first that goes wrong. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { tool } from '../../support/tool.ts';

const { values, whole } = tool('npm run model -- [--programs N (20000)] [--seed S (by chance)]', {
  programs: { type: 'string', default: '20000' },
  seed: { type: 'string' },
});
const env: NodeJS.ProcessEnv = { ...process.env, LATCHKEY_PROGRAMS: String(whole('programs')) };
env['LATCHKEY_SEED'] = values.seed ?? String(Math.trunc(Math.random() * 2 ** 31));
const args = ['--import', 'tsx', '--test', join(import.meta.dirname, 'model.test.ts')];
spawn(process.execPath, args, { env, stdio: 'inherit' }).on('exit', (code) => process.exit(code ?? 1));
