/**
 * The same small application, with and without sign-on: what each variant costs beyond `bare` is its
 * price. Each signs one user on at `/sign-on` and reads name and session at `/orders`.
 */

import { createRequire } from 'node:module';
import { RedisStore } from 'connect-redis';
import cookieParser from 'cookie-parser';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { freePort, redisClient } from './redis.ts';

export const variantNames = [
  'bare',
  'two empty middlewares',
  'Latchkey',
  'Latchkey, one of three voters',
  'express-session, memory store',
  'express-session, connect-redis',
] as const;
export type VariantName = (typeof variantNames)[number];

export interface Variant {
  readonly middleware: readonly RequestHandler[];
  /** Signs the user on in this request and puts something into the session. */
  signOn(req: Request): Promise<void>;
  /** What the page shows: the user's name and what the session holds. */
  read(req: Request): string;
}

interface WithSession {
  session: { user?: string; basket?: string };
}

/** express-session has no types of its own, and those of DefinitelyTyped would clash with ours. */
export const expressSession = createRequire(import.meta.url)('express-session') as (options: object) => RequestHandler;

const nodeOptions = {
  secret: 'Zr8kQ2vX5tB9nM4cW7yJ1hL6dF3gS0pA',
  route: 'n1',
  allowInsecureCookie: true,
  log: silentLog,
};

const sessionOptions = { secret: 'k7Qw9xYtR2mVb4Nc8Lz1', resave: false, saveUninitialized: false };

export const variants: Readonly<Record<VariantName, (redisPort: number) => Promise<Variant>>> = {
  bare: async () => nobody([]),
  'two empty middlewares': async () => nobody([(_req, _res, next) => next(), (_req, _res, next) => next()]),
  Latchkey: async () => latchkey(await startNode(nodeOptions)),
  'Latchkey, one of three voters': async () => {
    const nodes = (await Promise.all([freePort(), freePort(), freePort()])).map((port) => `127.0.0.1:${port}`);
    const [node] = await Promise.all(
      nodes.map((listen, place) => startNode({ ...nodeOptions, route: `n${place + 1}`, cluster: { listen, nodes } })),
    );
    return latchkey(node!);
  },
  'express-session, memory store': async () => withExpressSession(expressSession(sessionOptions)),
  'express-session, connect-redis': async (redisPort) => {
    const client = redisClient({ port: redisPort });
    await client.connect();
    return withExpressSession(expressSession({ ...sessionOptions, store: new RedisStore({ client }) }));
  },
};

/** The application around a variant. */
export function application({ middleware, signOn, read }: Variant): Express {
  const app = express();
  app.use(cookieParser());
  for (const one of middleware) app.use(one);
  app.get('/sign-on', async (req, res) => {
    await signOn(req);
    res.send('signed on');
  });
  app.get('/orders', (req, res) => {
    res.send(`<p>${read(req)}</p>`);
  });
  return app;
}

function latchkey(node: SsoNode): Variant {
  return {
    middleware: [node.valve(), node.sessions({ app: 'shop' })],
    async signOn(req) {
      await req.sso.open({ name: 'alice', roles: ['customer'] }, 'form');
      Object.assign((req as unknown as WithSession).session, { basket: 'three books' });
    },
    read: (req) => `${req.sso.principal?.name} ${(req as unknown as WithSession).session.basket}`,
  };
}

function nobody(middleware: readonly RequestHandler[]): Variant {
  return { middleware, signOn: async () => {}, read: () => 'alice three books' };
}

function withExpressSession(middleware: RequestHandler): Variant {
  return {
    middleware: [middleware],
    async signOn(req) {
      Object.assign((req as unknown as WithSession).session, { user: 'alice', basket: 'three books' });
    },
    read: (req) => `${(req as unknown as WithSession).session.user} ${(req as unknown as WithSession).session.basket}`,
  };
}
