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
  readonly metrics: string;
}

let base: number;
let nodes: Served[] = [];
/** Every life of every node. */
const lives: Served[] = [];

before(async () => {
  base = await freePorts();
  cpSync(join(samples, 'demo-users.yaml'), join(directory, 'users.yaml'));
  writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
  for (const index of [0, 1, 2]) writeFileSync(fileOf(index), configuration(index));
  await startAll();
});

after(async () => {
  for (const { child } of lives) child.kill('SIGKILL');
  await Promise.all(lives.map(({ exit }) => exit));
  rmSync(directory, { recursive: true });
});

const fileOf = (index: number) => join(directory, `node${index + 1}.yaml`);

function start(index: number): Served {
  const child = run(['serve', '--config', fileOf(index)]);
  const served = {
    child,
    url: `http://127.0.0.1:${base + index}`,
    metrics: `http://127.0.0.1:${base + 10_005 + index}`,
    ...watch(child),
  };
  lives.push(served);
  return served;
}

async function startAll(): Promise<void> {
  nodes = [0, 1, 2].map(start);
  await Promise.all(nodes.map((node) => node.printed(/"msg":"latchkey is ready"/)));
}

/** Resolves when it answers with this status: a node that listens may still be comparing. */
async function answers(url: string, status: number): Promise<Response> {
  for (let asked = 0; asked < 100; asked++) {
    const response = await fetch(url);
    if (response.status === status) return response;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} never answered ${status}`);
}

interface Receipt {
  readonly state: string;
  readonly cause: string;
  readonly nodes: { readonly confirmed: readonly string[] };
}

/** The receipt at this address, once everybody has confirmed: on a busy machine it may be pending at first. */
async function completed(address: string): Promise<Receipt> {
  for (let asked = 0; asked < 100; asked++) {
    const receipt = (await (await fetch(address, { headers: { accept: 'application/json' } })).json()) as Receipt;
    if (receipt.state === 'complete' && receipt.nodes.confirmed.length === 3) return receipt;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${address} never became complete`);
}

function configuration(index: number): string {
  const addresses = [0, 1, 2].map((one) => `127.0.0.1:${base + 10_000 + one}`);
  return JSON.stringify({
    route: `node${index + 1}`,
    secret: { file: 'secret' },
    users: 'users.yaml',
    dataDir: `data${index + 1}`,
    allowInsecureCookie: true,
    cluster: { listen: addresses[index], nodes: addresses, leaseMs: 1_500 },
    web: { listen: `127.0.0.1:${base + index}`, metrics: `127.0.0.1:${base + 10_005 + index}` },
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
    return { status: response.status, headers: response.headers, text: await response.text(), cookies };
  };
}

const tokenIn = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)![1]!;

const [name, password] = ['alice', 'wonderland'];

test('three served nodes are one; one that is told to end hands over; killed and started again all three still know who was signed on; one sign-out ends it', async () => {
  for (const { url, metrics } of nodes) {
    assert.deepEqual(await (await answers(`${url}/readyz`, 200)).json(), { ready: true, whenCutOff: 'refuse' });
    assert.equal((await fetch(`${url}/metrics`)).status, 404);
    assert.match(await (await fetch(`${metrics}/metrics`)).text(), /^latchkey_leases_quorum 2$/m);
  }
  assert.match(
    nodes[0]!.output(),
    /"voters":\[[^\]]+\],"vote":"127\.0\.0\.1:\d+","whenCutOff":"refuse","leaseMs":1500/,
  );
  const visit = browser();
  const csrf = tokenIn((await visit(`${nodes[0]!.url}/login`)).text);
  const signedOn = await visit(`${nodes[0]!.url}/login`, { username: name, password, csrf });
  assert.equal(signedOn.status, 200); // what fetch() sends is no navigation, so the answer is JSON
  for (const { url } of nodes) assert.match((await visit(`${url}/`)).text, /Alice Example/);

  const [one, two, three] = nodes as [Served, Served, Served];
  one.child.kill('SIGTERM');
  assert.equal(await one.exit, 0);
  assert.match(one.output(), /"msg":"handed over \d+ values? that only this node held, 0 lost"/);
  assert.match(one.output(), /"msg":"stopped"/);
  assert.match((await visit(`${two.url}/`)).text, /Alice Example/);

  two.child.kill('SIGKILL');
  await two.exit;
  const cutOff = await answers(`${three.url}/readyz`, 503);
  assert.equal(((await cutOff.json()) as { why: { reason: string }[] }).why[0]!.reason, 'without-quorum');
  const refused = await visit(`${three.url}/`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.match(refused.text, /has lost sight of the others.*you need not sign on again/s);
  three.child.kill('SIGKILL');
  await three.exit;

  await startAll();
  for (const { url } of nodes) {
    await answers(`${url}/readyz`, 200);
    assert.match((await visit(`${url}/`)).text, /Alice Example/);
  }
  const form = tokenIn((await visit(`${nodes[2]!.url}/logout`)).text);
  const gone = await visit(`${nodes[2]!.url}/logout`, { csrf: form });
  assert.equal(gone.status, 303);
  const address = gone.headers.get('location')!;
  const receipt = await completed(`${nodes[0]!.url}${address}`);
  assert.deepEqual([receipt.cause, receipt.nodes.confirmed], ['logout', ['node1', 'node2', 'node3']]);
  assert.match((await visit(`${nodes[1]!.url}${address}`)).text, /You are signed out everywhere/);
  assert.match((await visit(`${nodes[1]!.url}/`)).text, /Nobody is signed on/);

  // T7: nothing that a cookie, a form or the secret held is in any log, and every line is JSON.
  const canaries = [secret, password, csrf, ...signedOn.cookies.values()].filter((value) => value !== '');
  for (const { output } of lives) {
    for (const canary of canaries) assert.ok(!output().includes(canary));
    for (const line of output().trim().split('\n')) JSON.parse(line);
  }
});
