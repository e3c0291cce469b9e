/**
 * k. What it costs that a proxy asks a node about every request: the node's CPU for an answer beside a
 * bare one of `node:http`, and a request through nginx, as `latchkey proxy` prints it, beside the same
 * nginx whose auth_request a static location answers, and beside the least that any program in Node
 * could do: the same configuration, answered 204 by `node:http` without a look at the question.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forwardAuthSchema, readForwardAuth } from '../../config/forward-auth.ts';
import { printProxy } from '../../server/forward-auth/proxy/print.ts';
import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { freePort } from './redis.ts';
import { markdownTable, median, spread } from './table.ts';

const requests = 8_000;
const connections = 8;
const nginxProgram = '/usr/sbin/nginx';
const host = 'app.xyz.localhost';

const statically = 'nginx, a static location answers';
const barely = 'nginx, node:http answers 204 and looks at nothing';
const byNode = 'nginx, the node answers';

interface Asked {
  readonly asked: number;
  readonly bare: number;
  readonly nothing: number;
  readonly cookie: string;
}

interface Turn {
  /** Of the node's process, for one request, microseconds. */
  readonly cpu: number;
  /** Of nginx, likewise; a machine that does other things besides changes it less than the wait. */
  readonly nginx: number;
  /** For one request of one connection, microseconds. */
  readonly wait: number;
}

export const forwardAuth: Bench = {
  key: 'k',
  title:
    'A proxy asks about every request (goals: 60 µs of CPU more than bare; through nginx 1.5 times the static answer)',
  async run({ rounds, say }) {
    const child = startChild('asked node', 'forward-auth-worker');
    const running: Nginx[] = [];
    try {
      const asked = await child.call<Asked>('start');
      const question = [
        'GET /forward-auth/nginx HTTP/1.1\r\nHost: latchkey',
        `X-Original-URL: https://${host}/reports/2026/list.html?page=2\r\nX-Original-Method: GET\r\nX-Forwarded-For: 192.0.2.1`,
        `Cookie: one=1; ${asked.cookie}; two=2\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\r\n`,
      ].join('\r\n');
      const page = `GET /reports/2026/list.html?page=2 HTTP/1.1\r\nHost: ${host}\r\nCookie: ${asked.cookie}\r\nAccept: text/html\r\n\r\n`;
      const contestants = [
        { name: 'bare node:http', run: () => turn(child, asked.bare, question) },
        { name: 'the node, asked', run: () => turn(child, asked.asked, question) },
      ];
      if (existsSync(nginxProgram)) {
        const nginx = await startNginx(asked.asked);
        running.push(nginx);
        const floor = await startNginx(asked.nothing);
        running.push(floor);
        contestants.push(
          { name: statically, run: () => turn(child, nginx.fixed, page, nginx) },
          { name: barely, run: () => turn(child, floor.asking, page, floor) },
          { name: byNode, run: () => turn(child, nginx.asking, page, nginx) },
        );
      } else say(`${nginxProgram} is not installed: the node alone`);
      await interleaved(1, contestants, (line) => say(`warm-up, ${line}`));
      return report(await interleaved(rounds, contestants, say));
    } finally {
      for (const nginx of running) nginx.stop();
      await child.stop();
    }
  },
};

function report(results: ReadonlyMap<string, readonly Turn[]>): string {
  const rows = [...results].map(([name, turns]) => [
    name,
    name === statically ? '–' : spread(turns.map(({ cpu }) => cpu)),
    name.startsWith('nginx') ? spread(turns.map(({ nginx }) => nginx)) : '–',
    spread(turns.map(({ wait }) => wait)),
  ]);
  const of = (name: string, what: keyof Turn) => (results.get(name) ?? []).map((one) => one[what]);
  const more = of('the node, asked', 'cpu').map((cpu, round) => cpu - of('bare node:http', 'cpu')[round]!);
  const times = (one: string, other: string) =>
    median(of(one, 'wait').map((wait, round) => wait / of(other, 'wait')[round]!)).toFixed(2);
  return `${markdownTable(['', 'µs of CPU of the node a request', 'of nginx', `µs a request, ${connections} connections at once`], rows)}

The decision adds ${spread(more)} µs of CPU${of(byNode, 'wait').length > 0 ? `; through nginx it takes ${times(byNode, statically)} times as long as a static answer, of which ${times(barely, statically)} is what the least answer of node:http takes` : ''}.`;
}

async function turn(child: Child, port: number, request: string, nginx?: Nginx): Promise<Turn> {
  const before = nginx?.cpuMicros() ?? 0;
  const [cpu, begun] = [await child.call<number>('cpu'), performance.now()];
  await Promise.all(Array.from({ length: connections }, () => exchange(port, request, requests / connections)));
  const ms = performance.now() - begun;
  return {
    cpu: ((await child.call<number>('cpu')) - cpu) / requests,
    nginx: ((nginx?.cpuMicros() ?? 0) - before) / requests,
    wait: (ms * 1_000 * connections) / requests,
  };
}

/** One request after the other on one connection. @throws Error an answer is not 200 */
function exchange(port: number, request: string, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let [text, left] = ['', count];
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1 || text.length < end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0)) return;
      if (!text.startsWith('HTTP/1.1 200')) return void socket.destroy(new Error(text));
      text = '';
      if (--left > 0) return void socket.write(request);
      socket.destroy();
      resolve();
    });
  });
}

interface Nginx {
  readonly fixed: number;
  readonly asking: number;
  /** CPU that its worker has used so far. */
  cpuMicros(): number;
  stop(): void;
}

async function startNginx(asked: number): Promise<Nginx> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-nginx-'));
  const [fixed, asking, application] = await Promise.all([freePort(), freePort(), freePort()]);
  const { headers } = readForwardAuth(
    forwardAuthSchema.parse({ listen: '127.0.0.1:1', rules: [{ host, policy: 'signed-on' }] }),
    'http://sso.xyz.localhost',
  );
  const printed = printProxy(
    'nginx',
    {
      ...{
        web: `127.0.0.1:${asked}`,
        asked: `127.0.0.1:${asked}`,
        voters: [],
        login: 'http://sso.xyz.localhost/login',
      },
      ...{ hosts: [host], basicHosts: [], headers, cookies: ['latchkey'], isInsecure: true },
    },
    { upstream: `${host}=127.0.0.1:${application}`, listen: `127.0.0.1:${asking}` },
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''} events {} http { access_log off; keepalive_requests 1000000; ${temporary.join(' ')}
${printed}
upstream application { server 127.0.0.1:${application}; keepalive 32; }
server { listen 127.0.0.1:${application}; location / { return 200 ok; } }
server { listen 127.0.0.1:${fixed};
  location / { auth_request /.ok; proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }
  location = /.ok { internal; return 204; } }
}`,
  );
  const child: ChildProcess = spawn(nginxProgram, ['-c', file, '-e', join(directory, 'error.log')], {
    stdio: 'ignore',
  });
  const stop = () => {
    child.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(asking)) return { fixed, asking, cpuMicros: cpuOf(workerOf(child.pid!)), stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  stop();
  throw new Error('nginx did not start');
}

/** nginx' worker: the only child of its master. */
function workerOf(master: number): number {
  return Number(readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').split(' ', 1)[0]);
}

/** By the kernel's clock of 100 ticks a second, which a turn of thousands of requests is long enough for. */
function cpuOf(pid: number): () => number {
  return () => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
