import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Demo, dataOf, ended, exitOf, run, startDemo } from './support/demo.ts';

const execute = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));

let demo: Demo;
before(async () => {
  demo = await startDemo();
});
after(async () => {
  await demo.stop();
  rmSync(directory, { recursive: true });
});

const shop = (node: number, path: string) => `http://app1.xyz.localhost:${demo.ports[node]}${path}`;
const reports = (node: number, path: string) => `http://app2.xyz.localhost:${demo.ports[node]}${path}`;

interface WhoAmI {
  readonly signedIn: boolean;
  readonly name?: string;
  readonly node: string;
  readonly pid: number;
  readonly requestsInThisSession?: number;
}

/** A person with a cookie jar of their own. */
function person(name: string) {
  const jar = join(directory, name);
  const curl = async (...args: readonly string[]) =>
    (await execute('curl', ['-s', '--max-time', '10', '-b', jar, '-c', jar, ...args])).stdout;
  return {
    signOn: async (url: string) => JSON.parse(await curl('-d', 'username=alice', '-d', 'password=wonderland', url)),
    whoAmI: async (url: string): Promise<WhoAmI> => JSON.parse(await curl(url)),
    /** Leaves the jar alone, so that many may ask at once. */
    peek: async (url: string): Promise<WhoAmI> =>
      JSON.parse((await execute('curl', ['-s', '--max-time', '10', '-b', jar, url])).stdout),
    post: async (url: string, ...args: readonly string[]) => JSON.parse(await curl('-X', 'POST', ...args, url)),
  };
}

/** The processes of nodes are the demonstration's, which this test started. */
function killNode(pid: number): void {
  assert.ok(demo.output().includes(`process ${pid}`) && pid > 1);
  process.kill(pid, 'SIGKILL');
}

test('signed on through one node, known on the others at once, also when a node is killed, and out everywhere after one sign-out', async () => {
  const alice = person('alice');
  const signedOn = await alice.signOn(shop(0, '/login'));
  assert.equal(signedOn.principal.name, 'alice');
  const first = await alice.whoAmI(reports(1, '/whoami'));
  assert.deepEqual([first.signedIn, first.name, first.node, first.requestsInThisSession], [true, 'alice', 'node2', 1]);
  assert.equal((await alice.whoAmI(reports(1, '/whoami'))).requestsInThisSession, 2);

  const killedAt = performance.now();
  killNode(first.pid);
  // Twenty at once on both that are left, begun within the first instant, before the cluster has noticed anything.
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => alice.peek(reports(index % 2 === 0 ? 0 : 2, '/whoami'))),
  );
  const tookMs = performance.now() - killedAt;
  for (const answer of answers) {
    assert.deepEqual([answer.signedIn, answer.name], [true, 'alice']);
    assert.ok(answer.requestsInThisSession! > 2, `the session went on counting: ${answer.requestsInThisSession}`);
  }
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
  const later = await alice.whoAmI(reports(2, '/whoami'));
  assert.equal(later.node, 'node3');
  assert.ok(later.requestsInThisSession! > 2);

  const receipt = await alice.post(shop(0, '/logout'));
  assert.equal(receipt.cause, 'logout');
  assert.equal(receipt.sessions, 2);
  assert.deepEqual([...receipt.nodes.confirmed, ...receipt.nodes.outstanding].sort(), ['node1', 'node2', 'node3']);
  assert.equal(receipt.state, receipt.nodes.outstanding.length === 0 ? 'complete' : 'pending');
  for (const node of [0, 2]) {
    for (const url of [shop(node, '/whoami'), reports(node, '/whoami')])
      assert.equal((await alice.whoAmI(url)).signedIn, false);
  }
  await demo.printed(/node2 was killed/);
  await alice.post(shop(0, '/demo/start'), '-d', 'node=node2');
  await demo.printed(/node2 is back/);
  for (const url of [shop(1, '/whoami'), reports(1, '/whoami')])
    assert.equal((await alice.whoAmI(url)).signedIn, false);
});

test('check 20: an old jar is out on every node, also on one that was away when its owner signed out', async () => {
  const bob = person('bob');
  await bob.signOn(shop(2, '/login'));
  const { pid } = await bob.whoAmI(reports(1, '/whoami'));
  await bob.whoAmI(shop(0, '/whoami'));
  const old = person('bob-before');
  await execute('cp', [join(directory, 'bob'), join(directory, 'bob-before')]);
  const before = demo.output().length;
  killNode(pid);
  await demo.printed(/node2 was killed/, before);
  await bob.post(shop(2, '/logout'));
  await bob.post(shop(2, '/demo/start'), '-d', 'node=node2');
  await demo.printed(/node2 is back/, before);
  for (const node of [0, 1, 2]) {
    for (const url of [shop(node, '/whoami'), reports(node, '/whoami')])
      assert.equal((await old.peek(url)).signedIn, false, url);
  }
});

test('the lines that the demonstration prints work as they are printed', async () => {
  const lines = demo
    .output()
    .split('\n')
    .filter((line) => /^ {4}\S/.test(line))
    .map((line) => line.trim());
  const before = demo.output().length;
  const { stdout } = await execute('bash', ['-c', lines.join('\n')], { timeout: 90_000 });
  // What was waited for has a dot a second before it.
  const printed = stdout
    .split('\n')
    .map((line) => line.replace(/^\.* /, ''))
    .filter((line) => line !== '');
  const answers = printed.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line.trim()));
  const [signedOn, known, killed, survived, receipt, out, complete, again, second, cutOff, started, back, cut, kept] =
    answers;
  assert.equal(signedOn.principal.name, 'alice');
  assert.deepEqual([known.signedIn, known.node, known.requestsInThisSession], [true, 'node2', 1]);
  assert.equal(killed.killed, 'node2');
  assert.deepEqual([survived.signedIn, survived.node, survived.requestsInThisSession], [true, 'node3', 2]);
  assert.deepEqual([receipt.state, receipt.nodes.outstanding, receipt.sessions], ['pending', ['node2'], 2]);
  assert.ok(receipt.finalAt > receipt.closedAt && receipt.finalAt < receipt.closedAt + 7_000);
  assert.equal(out.signedIn, false);
  assert.deepEqual([complete.id, complete.state], [receipt.id, 'complete']);
  assert.equal(again.principal.name, 'alice');
  assert.equal(second.killed, 'node3');
  assert.match(cutOff.why, /This node reaches no majority: it accepts nobody until it does/);
  assert.ok(
    printed.some((line) => /^HTTP\/1\.1 503/.test(line)) && printed.some((line) => /^Retry-After: 1/.test(line)),
  );
  assert.equal(started.started, 'node2');
  assert.deepEqual([back.signedIn, back.node], [true, 'node1']);
  assert.deepEqual(cut.killed, ['node1', 'node2', 'node3']);
  assert.deepEqual([kept.signedIn, kept.since], [true, back.since]);
  assert.notEqual(kept.pid, back.pid);
  for (const node of ['node1', 'node2', 'node3'])
    await demo.printed(new RegExp(`Power cut.*${node} is back`, 's'), before);
});

test('an event stream on one node ends with the sign-out on another, and says why', async () => {
  const carol = person('carol');
  await carol.signOn(shop(0, '/login'));
  const jar = join(directory, 'carol');
  const stream = execute('curl', ['-sN', '--max-time', '20', '-b', jar, reports(2, '/events')]);
  await new Promise((resolve) => stream.child.stdout?.once('data', resolve));
  await carol.post(shop(1, '/logout'));
  assert.match((await stream).stdout, /event: hello\n.*event: signed-off\ndata: logout\n/s);
});

test('a port in use is one line and exit code 1', async () => {
  const second = run(['demo', '--port', String(demo.ports[0])]);
  const { code, output } = await exitOf(second);
  assert.equal(code, 1);
  assert.match(output, /^latchkey: [^\n]*(is in use|EADDRINUSE)[^\n]*\n$/);
});

test('Ctrl-C ends every process with exit code 0, and nodes do not outlive a starter that was killed', async () => {
  const pidsOf = (output: string) => [...output.matchAll(/ process (\d+)\n/g)].map(([, pid]) => Number(pid));
  const one = await startDemo();
  const pids = pidsOf(one.output());
  assert.equal(pids.length, 3);
  assert.equal(await one.stop(), 0);
  await Promise.all(pids.map(ended));
  assert.match(one.output(), /Stopping the nodes/);
  assert.deepEqual(dataOf(one), [], 'what the nodes kept on disk is gone');

  const two = await startDemo();
  assert.equal(dataOf(two).length, 1);
  two.kill();
  await Promise.all(pidsOf(two.output()).map(ended));
  assert.deepEqual(dataOf(two), []);
});
