/**
 * A program: one node with a shop in each granularity, `SESSION`, `ATTRIBUTE` and `FIELD`, which a test of failover starts, kills
 * and starts again. Its settings come over the pipe; it ends by SIGKILL, by SIGTERM, or with whoever started it.
 */

import express, { type Request } from 'express';
import { listen } from '../../../server/http-server.ts';
import { startNode } from '../../../sso/index.ts';

export interface SessionNodeSettings {
  readonly route: string;
  readonly web: number;
  readonly mesh: number;
  readonly voters: readonly string[];
  readonly secret: string;
  readonly buddies?: number | 'total';
}

/** What the shop answers: whose session this is, what is in the cart, and who says so. */
export interface Seen {
  readonly node: string;
  readonly born: string | null;
  readonly items: readonly string[];
  readonly user: string | null;
}

export const shops = ['SESSION', 'ATTRIBUTE', 'FIELD'] as const;

interface Kept {
  born?: string;
  cart?: Map<string, { readonly pieces: number }>;
  list?: string[];
}

process.once('message', (settings: SessionNodeSettings) => void run(settings));
process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});

async function run({ route, web, mesh, voters, secret, buddies }: SessionNodeSettings): Promise<void> {
  const say = (level: string) => (fields: object, message: string) =>
    console.error(`${route} ${level}: ${message} ${JSON.stringify(fields)}`);
  const sso = await startNode({
    route,
    secret,
    allowInsecureCookie: true,
    cluster: { listen: `127.0.0.1:${mesh}`, nodes: [...voters], leaseMs: 3_000 },
    throttle: false,
    log: { debug() {}, info() {}, warn: say('warn'), error: say('error') },
  });
  const app = express().disable('etag');
  app.use('/readyz', sso.readyz());
  app.use(sso.valve());
  app.post('/sign-on', async (req, res) => {
    await req.sso.open({ name: String(req.query['name']), roles: [] });
    res.json({});
  });
  for (const replicationGranularity of shops) {
    const shop = express.Router();
    shop.use(
      sso.sessions({ app: replicationGranularity, replicationGranularity, ...(buddies !== undefined && { buddies }) }),
    );
    const seen = (req: Request): Seen => {
      const { born = null, cart, list = [] } = req.session as Kept;
      const items = [...(cart?.keys() ?? []), ...list];
      return { node: route, born, items, user: req.sso.principal?.name ?? null };
    };
    shop.get('/', (req, res) => void res.json(seen(req)));
    shop.post('/born', (req, res) => {
      const session = req.session as Kept;
      session.born ??= String(req.query['as']);
      res.json(seen(req));
    });
    /** As an application does it that expects others at the same cart: a Map, whose entries are fields of their own with `FIELD`. */
    shop.post('/cart', (req, res) => {
      const session = req.session as Kept;
      session.cart ??= new Map();
      session.cart.set(String(req.query['item']), { pieces: 1 });
      res.json(seen(req));
    });
    /** And as the most do it: a list, changed without a set call. */
    shop.post('/list', (req, res) => {
      const session = req.session as Kept;
      session.list ??= [];
      const item = String(req.query['item']);
      if (!session.list.includes(item)) session.list.push(item);
      res.json(seen(req));
    });
    app.use(`/${replicationGranularity}`, shop);
  }
  const server = await listen(app, { host: '127.0.0.1', port: web });
  process.once('SIGTERM', async () => {
    await server.leave(2_000);
    await sso.drain();
    await server.close(500);
    await sso.stop();
    process.exit(0);
  });
  process.send?.('ready');
}
