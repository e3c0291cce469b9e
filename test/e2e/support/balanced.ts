/**
 * A balanced cluster: three processes with an application of their own (`balanced-node.ts`), which a
 * real balancer stands in front of. Nodes are stopped as an operator stops them, killed, frozen and started
 * again; who asks is `visitor.ts`. All on loopback, with files in a temporary directory.
 */

import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BalancedNode, Installation } from '../../../server/balancer/installation.ts';
import type { BalancedNodeSettings, FromBalancedNode, ToBalancedNode } from './balanced-settings.ts';
import { watch } from './demo.ts';
import { freePorts } from './proxied.ts';

/** The name that browsers use. */
export const host = 'shop.xyz.localhost';
const secret = 'b5'.repeat(32);
export const ajpSecret = 'only between balancer and nodes';

export interface BalancedOptions {
  /** Whether browsers come by TLS; default true. */
  readonly secure?: boolean;
  /** The name of the session cookie; default the library's. */
  readonly sessionCookie?: string;
  readonly cookiePath?: string;
  readonly stickyCookie?: string;
  readonly trustsBalancer?: boolean;
  readonly noticeMs?: number;
  /** Routes; default node1, node2, node3. */
  readonly routes?: readonly [string, string, string];
  /** Whether the nodes listen for AJP too. Default false. */
  readonly ajp?: boolean;
}

export interface ClusterNode {
  readonly route: string;
  readonly web: number;
  readonly ajp: number | undefined;
  /** Resolves when its process is there and may be asked. */
  start(): Promise<void>;
  /** By SIGTERM, as an operator does it; resolves with what it handed over when its process is gone. */
  stop(): Promise<{ readonly handedOver: number; readonly lost: number }>;
  /** As a crash does; resolves when its process is gone. */
  kill(): Promise<void>;
  /** It holds its connections, and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Status of `/readyz`, asked without the balancer; `undefined`: it does not answer. */
  ready(): Promise<number | undefined>;
}

export interface Balanced {
  readonly nodes: readonly [ClusterNode, ClusterNode, ClusterNode];
  /** For the balancer's files and everything else that is to be gone afterwards. */
  readonly directory: string;
  /** Where the balancer is to listen: a free port. */
  readonly port: number;
  /** Where else it may listen: status pages, command sockets. */
  readonly sparePorts: readonly number[];
  readonly certificate: string;
  readonly key: string;
  readonly secret: string;
  node(route: string): ClusterNode;
  /** What the generator is told of it; `changes` are a test's own. */
  installation(changes?: Partial<Installation>): Installation;
  /** Stops and starts this node; resolves when it may be asked again. */
  restart(route: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBalanced(options: BalancedOptions = {}): Promise<Balanced> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-balanced-'));
  const [port, ...rest] = (await freePorts(13)) as [number, ...number[]];
  const { secure = true, routes = ['node1', 'node2', 'node3'], ajp = false, ...own } = options;
  const voters = [0, 1, 2].map((index) => `127.0.0.1:${rest[6 + index]!}`);
  const nodes = routes.map((route, index) =>
    clusterNode({
      ...own,
      ...{ route, secure, voters, secret, ajpSecret },
      web: rest[index]!,
      ajp: ajp ? rest[3 + index]! : undefined,
      mesh: rest[6 + index]!,
    }),
  ) as unknown as Balanced['nodes'];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const certificate = join(directory, 'cert.pem');
    const key = join(directory, 'cert.pem.key'); // beside the certificate, where HAProxy looks;
    makeCertificate(certificate, key);
    await Promise.all(nodes.map((node) => node.start()));
    const node = (route: string) => {
      const found = nodes.find((one) => one.route === route);
      if (found === undefined) throw new Error(`there is no node ${route}`);
      return found;
    };
    return {
      ...{ nodes, directory, port, certificate, key, secret, node, stop },
      sparePorts: rest.slice(9),
      installation: (changes = {}) => ({
        nodes: nodes.map(balancedNode),
        hosts: [host],
        listen: { address: '127.0.0.1', port },
        tls: secure ? { certificate, key } : undefined,
        sticky: { cookie: 'STICKY_ROUTE', pathParameter: undefined },
        ready: '/readyz',
        webSockets: [],
        secure,
        protocol: 'http',
        ajpSecret: ajp ? ajpSecret : undefined,
        directory,
        ...changes,
      }),
      async restart(route) {
        await node(route).stop();
        await node(route).start();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const balancedNode = ({ route, web, ajp }: ClusterNode): BalancedNode => ({
  ...{ route, host: '127.0.0.1', port: web, weight: 1, isGuess: false },
  ajp: ajp === undefined ? undefined : { port: ajp },
});

function clusterNode(settings: BalancedNodeSettings): ClusterNode {
  let process: NodeProcess | undefined;
  const { route, web, ajp } = settings;
  const ready = () => statusOf(web, '/readyz');
  const running = () => {
    if (process === undefined) throw new Error(`${route} is not running`);
    return process;
  };
  return {
    ...{ route, web, ajp, ready },
    async start() {
      process = startProcess(settings);
      await process.ready;
      for (let asked = 0; asked < 300; asked++) {
        if ((await ready()) === 200) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`${route} never became ready:\n${process.output()}`);
    },
    async stop() {
      const { child, ended } = running();
      child.kill('SIGTERM');
      const told = await ended;
      process = undefined;
      return told;
    },
    async kill() {
      if (process === undefined) return;
      const { child, exit } = process;
      process = undefined;
      child.kill('SIGKILL');
      await exit;
    },
    freeze: () => void running().child.kill('SIGSTOP'),
    thaw: () => void running().child.kill('SIGCONT'),
  };
}

interface NodeProcess {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly ended: Promise<{ readonly handedOver: number; readonly lost: number }>;
  readonly exit: Promise<unknown>;
  output(): string;
}

function startProcess(settings: BalancedNodeSettings): NodeProcess {
  const child = fork(join(import.meta.dirname, 'balanced-node.ts'), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { output, exit } = watch(child);
  const heard = <Kind extends FromBalancedNode['kind']>(kind: Kind) =>
    new Promise<Extract<FromBalancedNode, { kind: Kind }>>((resolve, reject) => {
      child.on('message', (message: FromBalancedNode) => {
        if (message.kind === kind) resolve(message as Extract<FromBalancedNode, { kind: Kind }>);
      });
      void exit.then(() => reject(new Error(`${settings.route} ended before it was ${kind}:\n${output()}`)));
    });
  const ready = heard('ready').then(() => {});
  const ended = heard('ended').then(async (told) => {
    await exit;
    return told;
  });
  // Whoever kills it does not wait for these.
  for (const promise of [ready, ended]) promise.catch(() => {});
  child.send({ kind: 'start', settings } satisfies ToBalancedNode);
  return { child, ready, ended, exit, output };
}

/** `undefined`: there was no answer. */
function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, timeout: 1_000 }, (answer) =>
      resolve(answer.resume().statusCode),
    );
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(undefined));
    asked.end();
  });
}

function makeCertificate(certificate: string, key: string): void {
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', certificate],
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.error ?? made.stderr}`);
}
