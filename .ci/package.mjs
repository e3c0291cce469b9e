// Packs the package, installs it into an empty project, and runs and type-checks the README's first
// example there: from ES modules and from CommonJS, with and without @types/express-session beside it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'latchkey-pack-'));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });

const body = `
const sso = await startNode({
  route: 'node1',
  secret: 'k3J9sQ0vXw7Zb2Lr8Tn5Yp4Gd6Hf1Mc0RaUe',
  cookieDomain: 'xyz.com',
  origins: ['https://app1.xyz.com', 'https://app2.xyz.com'],
  hooks: { onSignOn: [stickyRoute()] },
});
const directory = { check: async (name?: string, password?: string) => (name === 'alice' && password === 'wonderland' ? { name, roles: ['customer'] } : undefined) };
const host = express();
const shop = express();
host.set('trust proxy', 'loopback');
host.use(sso.valve());
host.use(shop);
shop.set('trust proxy', 'loopback');
shop.use(sso.sessions({ app: 'shop', idleMs: 30 * 60_000 }));
shop.post('/login', sso.login(async ({ username, password }) => directory.check(username, password)));
shop.get('/orders', sso.protect({ roles: ['customer'] }), (req, res) => { res.json({ who: req.sso.principal?.name }); });
shop.post('/logout', async (req, res) => { res.json(await req.sso.logout()); });
const server = host.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const call = (method: string, path: string, cookie: string, body?: object) => new Promise<{ status: number | undefined; cookies: string[]; text: string }>((resolve, reject) => {
  const req = request({ port, host: '127.0.0.1', method, path, headers: { host: 'app1.xyz.com', 'x-forwarded-proto': 'https', 'content-type': 'application/json', cookie } }, (res) => {
    let text = '';
    res.on('data', (part) => { text += part; });
    res.on('end', () => resolve({ status: res.statusCode, cookies: (res.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]!), text }));
  });
  req.on('error', reject);
  req.end(body && JSON.stringify(body));
});
assert.equal((await call('GET', '/orders', '')).status, 401);
const login = await call('POST', '/login', '', { username: 'alice', password: 'wonderland' });
assert.equal(login.status, 200, login.text);
const cookie = login.cookies.join('; ');
assert.match(cookie, /__Secure-latchkey=/);
assert.match(cookie, /STICKY_ROUTE=route\\.node1/);
assert.equal((await call('GET', '/orders', cookie)).status, 200);
const receipt = JSON.parse((await call('POST', '/logout', cookie)).text) as Receipt;
assert.equal(receipt.state, 'complete');
assert.equal((await call('GET', '/orders', cookie)).status, 401);
server.close();
server.closeAllConnections();
await sso.stop();
`;
const esm = `import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { startNode, stickyRoute, type Receipt } from 'latchkey';
import { ajpServer } from 'latchkey/ajp';
${body}
await (await ajpServer((_req, res) => void res.end(), { listen: '127.0.0.1:0' })).close();
console.log('ES modules: fine');
`;
const cjs = `import assert = require('node:assert/strict');
import events = require('node:events');
import http = require('node:http');
import type { AddressInfo } from 'node:net';
import express = require('express');
import latchkey = require('latchkey');
const { startNode, stickyRoute } = latchkey;
type Receipt = latchkey.Receipt;
const { once } = events;
const { request } = http;
async function main() {${body}}
main().then(() => console.log('CommonJS: fine'), (error) => { console.error(error); process.exit(1); });
`;

try {
  run('npm', ['pack', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  for (const beside of [[], ['@types/express-session@1']]) {
    const project = join(folder, beside.length === 0 ? 'without' : 'with');
    mkdirSync(join(project, 'cjs'), { recursive: true });
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2022',
          module: 'nodenext',
          strict: true,
          types: ['node', ...beside.map(() => 'express-session')],
          outDir: 'out',
          rootDir: '.',
        },
        include: ['*.mts', 'cjs/*.cts'],
      }),
    );
    writeFileSync(join(project, 'esm.mts'), esm);
    writeFileSync(join(project, 'cjs/cjs.cts'), cjs);
    if (beside.length === 0) writeFileSync(join(project, 'session.mts'), sessionTypes());
    if (beside.length === 0) writeFileSync(join(project, 'first.mts'), firstExample());
    run(
      'npm',
      [
        'install',
        '--no-audit',
        '--no-fund',
        join(folder, tarball),
        'express@5',
        'typescript@7',
        '@types/node@20',
        '@types/express@5',
        ...beside,
      ],
      project,
    );
    run(process.execPath, ['node_modules/typescript/bin/tsc'], project);
    run(process.execPath, ['out/esm.mjs'], project);
    run(process.execPath, ['out/cjs/cjs.cjs'], project);
    run('npx', ['--no-install', 'latchkey', '--version'], project);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The README's first application: it is compiled as it stands there. */
function firstExample() {
  const [, example] = /```ts\n(\/\/ first\.ts\n[\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  return example;
}

/** `latchkey/session` types req.session and lets an application say what its sessions hold. */
function sessionTypes() {
  return `import 'latchkey/session';
import type { Request } from 'express';
declare module 'latchkey/session' {
  interface SessionData { views?: number }
}
export function count(req: Request): number {
  req.session.views = (req.session.views ?? 0) + 1;
  return req.session.views;
}
`;
}
