/**
 * A small application with sessions in a process of its own: Latchkey's, alone or as a member of a cluster, or
 * express-session's with one store or another. Driven over HTTP, or in a loop without a network (exchange.ts).
 */

import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RedisStore } from 'connect-redis';
import cookieParser from 'cookie-parser';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { type SessionOptions, type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { answerCalls, cpuMicros } from './child.ts';
import { exchange } from './exchange.ts';
import { benchFolder } from './mesh-cluster.ts';
import { type RedisPlace, redisClient } from './redis.ts';
import { type Content, content, paths, type Work, works } from './session-content.ts';
import { stallCalls } from './stalls.ts';
import { expressSession } from './variants.ts';

export interface Setup {
  readonly kind: 'bare' | 'valve' | 'memory store' | 'connect-redis' | 'latchkey';
  readonly redis?: RedisPlace;
  /** Of `sessions()`, beyond `app`. */
  readonly options?: Partial<SessionOptions>;
  readonly cluster?: Place;
  /** On the disk that is measured (`LATCHKEY_BENCH_DISK`). Default none. */
  readonly hasDisk?: boolean;
}

/** Of a node in its cluster. */
export interface Place {
  readonly name: string;
  readonly listen: string;
  readonly nodes: readonly string[];
  /** Address → where it is dialled in truth. */
  readonly reach: Readonly<Record<string, string>>;
}

export interface Seeds {
  readonly count: number;
  /** Of JSON each. */
  readonly bytes: number;
  /** Signed on, each as somebody else. Default true; never with a kind that has no sign-ons. */
  readonly isSignedOn?: boolean;
}

export interface Loop {
  readonly cookies: readonly string[];
  readonly work: Work;
  readonly requests: number;
}

const secret = 'k7Qw9xYtR2mVb4Nc8Lz1';
/** Seeded at the same time: each waits for a second member to have it. */
const parallel = 32;

let node: SsoNode | undefined;
let middleware: readonly RequestHandler[] = [];
let hasSessions = true;
let users = 0;

answerCalls({
  ...stallCalls,
  /** Starts it. Resolves with the port of its application. */
  async start(setup: Setup) {
    middleware = await middlewareOf(setup);
    hasSessions = setup.kind !== 'bare' && setup.kind !== 'valve';
    const app = express();
    app.use(cookieParser());
    for (const one of middleware) app.use(one);
    let turn = 0;
    for (const work of Object.keys(works) as Work[])
      app.get(paths[work], (req, res) => void res.send(page(req, work, turn++)));
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    return (server.address() as AddressInfo).port;
  },
  isAccepting: () => node?.finality().accepting ?? true,
  /** How many members this node reaches. */
  reaches: () => (node?.members() ?? []).filter(({ reachable }) => reachable).length - 1,
  seed,
  /** Makes so many anonymous sessions one after the other, a turn of the event loop each; nobody keeps their cookies. */
  async pour({ count, bytes }: Seeds) {
    for (let i = 0; i < count; i++) {
      await seedOne(bytes, false);
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  /** Microseconds a request without a network: wall clock and CPU. */
  async loop({ cookies, work, requests }: Loop) {
    const cpuBefore = cpuMicros();
    const begun = performance.now();
    for (let turn = 0; turn < requests; turn++)
      await exchange(middleware, cookies[turn % cookies.length]!, (req) => page(req, work, turn));
    return { wall: ((performance.now() - begun) * 1_000) / requests, cpu: (cpuMicros() - cpuBefore) / requests };
  },
  cpu: () => cpuMicros(),
  /** Bytes of the heap and beside it once all garbage is gone. */
  async weight() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
});

function page(req: Request, work: Work, turn: number): string {
  if (!hasSessions) return 'no session';
  return works[work]((req as unknown as { session: Content }).session, turn);
}

async function middlewareOf(setup: Setup): Promise<readonly RequestHandler[]> {
  const { kind, redis, options, cluster, hasDisk } = setup;
  const settings = { secret, resave: false, saveUninitialized: false };
  if (kind === 'bare') return [];
  if (kind === 'memory store') return [expressSession(settings)];
  if (kind === 'connect-redis') {
    const client = redisClient(redis!);
    await client.connect();
    return [expressSession({ ...settings, store: new RedisStore({ client }) })];
  }
  const dataDir = hasDisk ? benchFolder() : undefined;
  if (dataDir !== undefined) process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  node = await startNode({
    secret: 'Zr8kQ2vX5tB9nM4cW7yJ1hL6dF3gS0pA',
    route: cluster?.name ?? 'n1',
    allowInsecureCookie: true,
    limits: { sessions: 4_000_000, entries: 4_000_000 },
    log: silentLog,
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(cluster === undefined
      ? {}
      : {
          cluster: { listen: cluster.listen, nodes: cluster.nodes },
          world: { reach: (address: string) => cluster.reach[address] ?? address },
        }),
  });
  return kind === 'valve' ? [node.valve()] : [node.valve(), node.sessions({ app: 'shop', ...options })];
}

/** Makes sessions as requests do, without a network. Resolves with their cookies. */
async function seed({ count, bytes, isSignedOn = true }: Seeds): Promise<readonly string[]> {
  const cookies: string[] = [];
  for (let i = 0; i < count; i += parallel) {
    const some = Array.from({ length: Math.min(parallel, count - i) }, () => seedOne(bytes, isSignedOn));
    cookies.push(...(await Promise.all(some)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return cookies;
}

async function seedOne(bytes: number, isSignedOn: boolean): Promise<string> {
  let answer: Response | undefined;
  await exchange(middleware, '', async (req, res) => {
    answer = res;
    if (isSignedOn && node !== undefined)
      await req.sso.open({ name: `user-${++users}@xyz.com`, roles: ['customer'] }, 'form');
    if (hasSessions) Object.assign((req as unknown as { session: object }).session, content(bytes));
    return '';
  });
  const lines = ([] as string[]).concat((answer!.getHeader('Set-Cookie') as string[] | undefined) ?? []);
  return lines.map((line) => line.split(';', 1)[0]).join('; ');
}
