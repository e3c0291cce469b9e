// `npm test`: every test but the end-to-end ones, which need built files and a browser (`npm run e2e`).
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const folders = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return ['e2e', 'bench'].includes(entry.name) ? [] : folders(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });

const wanted = process.argv.slice(2);
const files = folders('test').filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
const child = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-concurrency=2', ...files], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
