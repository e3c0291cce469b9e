/**
 * One node of a real cluster, in a process of its own: two small applications under the valve, and
 * nothing that a browser, a balancer or an operator's page could not ask for. It ends with its standard
 * input, so that none outlives the runner.
 */

import { createServer } from 'node:http';
import express, { type Request, type Response, type Router } from 'express';
import { type NodeOptions, type SsoNode, startNode } from '../../sso/index.ts';
import { apps, type NodeSettings } from './node-settings.ts';

const secret = 'Zr4uB8wKq2Nf6Hs0Vd9Xm3Tj7Lc5Yp1G';

process.stdin.once('close', () => process.exit(0)).resume();
const settings = JSON.parse(process.argv[2]!) as NodeSettings;
const sso = await startNode(optionsOf(settings));
sso.on('replaced', () => process.exit(3));

const site = express();
let stopping = false;
site.disable('x-powered-by');
site.use((_req, res, next) => {
  // Else a client that asks again and again would keep its connection, and the server could not end.
  if (stopping) res.setHeader('Connection', 'close');
  next();
});
site.get('/readyz', sso.readyz({ details: true }));
site.use(sso.valve());
site.post(
  '/sign-on',
  sso.login(({ username }) => Promise.resolve({ name: username, roles: ['customer'] })),
);
site.post('/sign-off', sso.logout());
site.post('/end-user', async (req, res) => void res.json(await sso.endSubject(String(req.query['name']))));
site.get('/receipts/:id', (req, res) => answerReceipt(req, res));
for (const app of apps) site.use(`/${app}`, application(sso, app));

const server = createServer(site).listen(settings.httpPort, '127.0.0.1');

process.once('SIGTERM', async () => {
  stopping = true;
  await sso.drain();
  await new Promise((resolve) => server.close(resolve));
  await sso.stop();
  process.exit(0);
});

/** Who am I? The shop counts visits in its session, which is a change to replicate; the notes only read. */
function application(node: SsoNode, app: (typeof apps)[number]): Router {
  const router = express.Router();
  const challenge = (_req: Request, res: Response) => void res.status(401).json({ error: 'not-signed-in' });
  router.use(node.sessions({ app }), node.protect({ challenge }));
  router.get('/', (req, res) => {
    const session = req.session as { visits?: number } | undefined;
    if (app === 'shop' && session) session.visits = (session.visits ?? 0) + 1;
    res.json({ user: req.sso.principal?.name, visits: session?.visits });
  });
  return router;
}

/** 404: nobody knows it; 503: not everybody could be asked. */
async function answerReceipt(req: Request, res: Response): Promise<void> {
  try {
    const receipt = await sso.receipt(String(req.params['id']));
    if (receipt === undefined) res.sendStatus(404);
    else res.json(receipt);
  } catch {
    res.sendStatus(503);
  }
}

function optionsOf({ name, listen, nodes, reach, leaseMs, lifeMs, dataDir }: NodeSettings): NodeOptions {
  return {
    secret,
    route: name,
    cluster: { listen, nodes, leaseMs, joinMs: 1_000 },
    lifeMs,
    allowInsecureCookie: true,
    world: { reach: (address) => reach[address] ?? address },
    ...(dataDir === undefined ? {} : { dataDir }),
  };
}
