// Builds dist/ from the sources: types and JavaScript by tsc, then what is no TypeScript beside them.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const isCode = (path) => /\.ts$/.test(path) || /README\.md$/.test(path);
for (const folder of ['server', 'config']) {
  if (existsSync(folder)) cpSync(folder, `dist/${folder}`, { recursive: true, filter: (path) => !isCode(path) });
}
if (existsSync('dist/server/main.js')) chmodSync('dist/server/main.js', 0o755);
