import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts, run, type Watched, watch } from './support/demo.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
const secret = 'c9'.repeat(32);
const samples = join(import.meta.dirname, '../../config/samples');

interface Served extends Watched {
  readonly child: ChildProcess;
  readonly url: string;
}

let nodes: readonly Served[] = [];

before(async () => {
  const base = await freePorts();
  cpSync(join(samples, 'demo-users.yaml'), join(directory, 'users.yaml'));
  writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
  nodes = [0, 1, 2].map((index) => {
    const file = join(directory, `node${index + 1}.yaml`);
    writeFileSync(file, configuration(base, index));
    const child = run(['serve', '--config', file]);
    return { child, url: `http://127.0.0.1:${base + index}`, ...watch(child) };
  });
  await Promise.all(nodes.map((node) => node.printed(/"msg":"latchkey is ready"/)));
});

after(async () => {
  for (const { child } of nodes) child.kill('SIGKILL');
  await Promise.all(nodes.map(({ exit }) => exit));
  rmSync(directory, { recursive: true });
});

function configuration(base: number, index: number): string {
  const addresses = [0, 1, 2].map((one) => `127.0.0.1:${base + 10_000 + one}`);
  return JSON.stringify({
    route: `node${index + 1}`,
    secret: { file: 'secret' },
    users: 'users.yaml',
    allowInsecureCookie: true,
    cluster: { listen: addresses[index], nodes: addresses },
    web: { listen: `127.0.0.1:${base + index}` },
    log: { level: 'debug' },
  });
}

/** Keeps cookies by name: the three nodes are one host on three ports. */
function browser() {
  const cookies = new Map<string, string>();
  return async (url: string, form?: Readonly<Record<string, string>>) => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      cookies.set(name!, value!);
    }
    return { status: response.status, text: await response.text(), cookies };
  };
}

const tokenIn = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)![1]!;

test('three served nodes are one: signed on through one, known by all; one that is told to end leaves quietly; one sign-out ends it', async () => {
  const [one, two, three] = nodes as readonly [Served, Served, Served];
  for (const { url } of nodes) assert.equal((await fetch(`${url}/readyz`)).status, 200);
  const visit = browser();
  const csrf = tokenIn((await visit(`${one.url}/login`)).text);
  const signedOn = await visit(`${one.url}/login`, { username: 'alice', password: 'wonderland', csrf });
  assert.equal(signedOn.status, 200); // what fetch() sends is no navigation, so the answer is JSON
  for (const { url } of nodes) assert.match((await visit(`${url}/`)).text, /Alice Example/);

  one.child.kill('SIGTERM');
  assert.equal(await one.exit, 0);
  assert.match(one.output(), /"msg":"stopped"/);
  assert.match((await visit(`${two.url}/`)).text, /Alice Example/);

  const form = tokenIn((await visit(`${three.url}/logout`)).text);
  const receipt = await visit(`${three.url}/logout`, { csrf: form });
  assert.match(receipt.text, /You are signed out everywhere/);
  assert.match((await visit(`${two.url}/`)).text, /Nobody is signed on/);

  // T7: nothing that a cookie, a form or the secret held is in any log, and every line is JSON.
  const canaries = [secret, 'wonderland', csrf, ...signedOn.cookies.values()].filter((value) => value !== '');
  for (const { output } of nodes) {
    for (const canary of canaries) assert.ok(!output().includes(canary));
    for (const line of output().trim().split('\n')) JSON.parse(line);
  }
});
