/**
 * A small world of central nodes: three `latchkey serve` processes, a balancer that goes on to the next
 * node when one is gone, and two applications that are members of the cluster and know no form of their own.
 */

import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { type SsoNode, startNode } from '../../../sso/index.ts';
import { freePorts, run, type Watched, watch } from './demo.ts';

const secret = 'c9'.repeat(32);
const rememberDays = 30;
const samples = join(import.meta.dirname, '../../../config/samples');
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="10" fill="#0f6b63"/><path d="M10 27V13l10 9 10-9v14" fill="none" stroke="#fff" stroke-width="4" stroke-linejoin="round" stroke-linecap="round"/></svg>`;

export interface CentralNode extends Watched {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
}

export interface Central {
  /** The login host, behind the balancer. */
  readonly login: string;
  readonly apps: readonly [string, string];
  readonly nodes: CentralNode[];
  /** The node that the balancer asks first. */
  prefer(index: number): void;
  /** As a crash does; resolves when it is gone. */
  kill(index: number): Promise<void>;
  start(index: number): Promise<void>;
  stop(): Promise<void>;
}

/** `latchkey serve` by files that are written here. */
export async function startCentral(site: object = {}): Promise<Central> {
  const base = await freePorts();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-central-'));
  const mesh = [0, 1, 2].map((index) => `127.0.0.1:${base + 10_000 + index}`);
  const login = `http://sso.xyz.localhost:${base + 3}`;
  const apps = [`http://app1.xyz.localhost:${base + 4}`, `http://app2.xyz.localhost:${base + 5}`] as const;
  cpSync(join(samples, 'demo-users.yaml'), join(directory, 'users.yaml'));
  writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
  writeFileSync(join(directory, 'logo.svg'), logo);
  const fileOf = (index: number) => join(directory, `central${index + 1}.yaml`);
  for (const index of [0, 1, 2]) {
    const configuration = {
      route: `central${index + 1}`,
      secret: { file: 'secret' },
      users: 'users.yaml',
      dataDir: `data${index + 1}`,
      cookieDomain: 'xyz.localhost',
      allowInsecureCookie: true,
      origins: apps,
      cluster: { listen: mesh[index], nodes: mesh, leaseMs: 1_500 },
      web: { listen: `127.0.0.1:${base + index}`, trustProxy: ['127.0.0.1'] },
      rememberMe: { days: rememberDays },
      site: {
        origin: login,
        name: 'Example Ltd',
        logo: 'logo.svg',
        colours: { accent: '#0f6b63' },
        help: 'mailto:help@xyz.com',
        ...site,
      },
    };
    writeFileSync(fileOf(index), JSON.stringify(configuration));
  }
  const start = async (index: number): Promise<CentralNode> => {
    const child = run(['serve', '--config', fileOf(index)]);
    const node = { name: `central${index + 1}`, port: base + index, child, ...watch(child) };
    process.once('exit', () => child.kill('SIGKILL'));
    await node.printed(/"msg":"latchkey is ready"/);
    return node;
  };
  const nodes = await Promise.all([0, 1, 2].map(start));
  let first = 0;
  const balancer = await balance(base + 3, () => [0, 1, 2].map((index) => base + ((first + index) % 3)));
  const members = await Promise.all(
    apps.map((origin, index) =>
      application({ origin, login, index, mesh, listen: `127.0.0.1:${base + 10_003 + index}` }),
    ),
  );
  return {
    login,
    apps,
    nodes,
    prefer: (index) => void (first = index),
    async kill(index) {
      nodes[index]!.child.kill('SIGKILL');
      await nodes[index]!.exit;
    },
    async start(index) {
      nodes[index] = await start(index);
    },
    async stop() {
      await Promise.all(members.map((stop) => stop()));
      await closed(balancer);
      for (const { child } of nodes) child.kill('SIGKILL');
      await Promise.all(nodes.map(({ exit }) => exit));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface ApplicationParts {
  readonly origin: string;
  readonly login: string;
  readonly index: number;
  readonly mesh: readonly string[];
  readonly listen: string;
}

/** A Node application in its own words: a member of the cluster, protected in one line. Resolves with what stops it. */
async function application({ origin, login, index, mesh, listen }: ApplicationParts): Promise<() => Promise<void>> {
  const nothing = () => {};
  const sso: SsoNode = await startNode({
    route: `app${index + 1}`,
    secret,
    cookieDomain: 'xyz.localhost',
    allowInsecureCookie: true,
    origins: [origin, login],
    remember: { lifeMs: rememberDays * 86_400_000 }, // the same on every node of a cluster
    cluster: { listen, nodes: [...mesh], leaseMs: 1_500 },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const app = express();
  const name = index === 0 ? 'shop' : 'forum';
  app.use(sso.valve());
  app.use(sso.sessions({ app: name }));
  app.get('/favicon.ico', (_req, res) => void res.status(204).end());
  app.get('/public', (req, res) => void res.json({ signedIn: req.sso.signedIn }));
  app.use(sso.protect({ login }), (req, res) => {
    res.send(`<!doctype html><title>${name}</title><h1>${name} of ${req.sso.principal?.name}</h1>`);
  });
  const server = await listening(createServer(app), Number(new URL(origin).port));
  return async () => {
    await closed(server);
    await sso.stop();
  };
}

/** Hands a request to the first node that takes it, as a balancer in front does; a node that is gone is passed over. */
function balance(port: number, order: () => readonly number[]): Promise<Server> {
  const pass = (req: IncomingMessage, res: ServerResponse, body: Buffer, ports: readonly number[]) => {
    const [next, ...others] = ports;
    if (next === undefined) return void res.writeHead(502).end('no node answers');
    const headers = { ...req.headers, 'x-forwarded-for': req.socket.remoteAddress ?? '', connection: 'close' };
    const asked = request({ host: '127.0.0.1', port: next, method: req.method, path: req.url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(res);
    });
    asked.on('error', () => (res.headersSent ? res.destroy() : pass(req, res, body, others)));
    asked.end(body);
  };
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => void chunks.push(chunk));
    req.on('end', () => pass(req, res, Buffer.concat(chunks), order()));
  });
  return listening(server, port);
}

function listening(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
