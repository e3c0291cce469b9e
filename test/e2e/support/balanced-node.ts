/**
 * A program: one node of the balanced cluster with an application as anybody would write it, `shop`. It
 * tells what arrived at it, so that a test sees what a balancer made of a request. Started by
 * `balanced.ts`, which tells it its settings over the pipe; it ends by SIGTERM, as a node of `latchkey
 * serve` does: unready first, so that the balancer notices, then drained, then closed.
 */

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import express, { type Express, type Request } from 'express';
import { WebSocketServer } from 'ws';
import { securityHeaders } from '../../../server/headers.ts';
import { listen } from '../../../server/http-server.ts';
import { ajpOf, ajpServer } from '../../../sso/ajp/index.ts';
import { type SsoNode, startNode, stickyRoute } from '../../../sso/index.ts';
import type { BalancedNodeSettings, FromBalancedNode, Smuggled, ToBalancedNode, Who } from './balanced-settings.ts';

/** Sessions of `shop`, with what it keeps in them. */
declare module '../../../sso/session/index.ts' {
  interface SessionData {
    views?: number;
    note?: string;
  }
}

process.once('message', (message: ToBalancedNode) => void run(message.settings));
// The test is gone without a word.
process.once('disconnect', () => process.exit(0));
// A terminal sends Ctrl-C to every process in it; the test hears it too.
process.on('SIGINT', () => {});

async function run(settings: BalancedNodeSettings): Promise<void> {
  const asked = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
  const { route, secret, secure, mesh, voters, noticeMs = 3_000 } = settings;
  const nothing = () => {};
  const say = (level: string) => (fields: object, message: string) =>
    console.error(`${route} ${level}: ${message} ${JSON.stringify(fields)}`);
  const { stickyCookie } = settings;
  const sso = await startNode({
    route,
    secret,
    allowInsecureCookie: !secure,
    cluster: { listen: `127.0.0.1:${mesh}`, nodes: [...voters], leaseMs: 3_000 },
    hooks: { onSignOn: [stickyRoute(stickyCookie === undefined ? {} : { cookieName: stickyCookie })] },
    throttle: false, // a load signs the same people on again and again
    log: { debug: nothing, info: nothing, warn: say('warn'), error: say('error') },
  });
  const app = shop(sso, settings);
  const web = await listen(app, { host: '127.0.0.1', port: settings.web });
  web.server.on('upgrade', upgrades(sso));
  const { ajp: ajpPort, ajpSecret } = settings;
  const ajp =
    ajpPort === undefined
      ? undefined
      : await ajpServer(app, {
          ...{ listen: `127.0.0.1:${ajpPort}`, isReady: () => sso.ready },
          ...(ajpSecret !== undefined && { secret: ajpSecret }),
          log: { debug: nothing, info: nothing, warn: say('warn'), error: say('error') },
        });
  tell({ kind: 'ready' });
  await asked;
  sso.rest(noticeMs + 1_000, { by: 'SIGTERM' });
  await new Promise((resolve) => setTimeout(resolve, noticeMs));
  // Whoever is answered last is answered as ever; only then nobody is signed on here any more.
  await Promise.all([web.leave(5_000), ajp?.leave(5_000)]);
  const { handedOver, lost } = await sso.drain({ cause: 'SIGTERM' });
  await Promise.all([web.close(1_000), ajp?.close(1_000)]);
  await sso.stop({ cause: 'SIGTERM' });
  process.send?.({ kind: 'ended', handedOver, lost } satisfies FromBalancedNode, () => process.exit(0));
}

function tell(message: FromBalancedNode): void {
  process.send?.(message);
}

function shop(sso: SsoNode, settings: BalancedNodeSettings): Express {
  const { sessionCookie, cookiePath, trustsBalancer = true } = settings;
  const app = express().disable('x-powered-by').set('query parser', 'simple');
  if (trustsBalancer) app.set('trust proxy', 'loopback');
  app.use('/readyz', sso.readyz());
  app.use('/livez', sso.livez());
  app.use('/latchkey-probe', sso.probe());
  app.use(securityHeaders());
  // A request that came without the balancer's mark was another one's body (check 49).
  const seen: Smuggled[] = [];
  app.use((req, _res, next) => {
    const isMarked = req.headers['x-forwarded-for'] !== undefined || ajpOf(req) !== undefined;
    if (req.url.startsWith('/smuggled')) seen.push({ url: req.url, isMarked });
    next();
  });
  app.get('/seen', (_req, res) => void res.json(seen));
  app.use(sso.valve());
  app.use(
    sso.sessions({
      app: 'shop',
      name: sessionCookie,
      ...(cookiePath !== undefined && { cookie: { path: cookiePath } }),
    }),
  );
  const who = (req: Request): Who => ({
    node: sso.name,
    pid: process.pid,
    user: req.sso.principal?.name ?? null,
    views: req.session.views ?? null,
    session: req.session.views === undefined ? null : req.sessionID,
    ip: req.ip ?? null,
    protocol: req.protocol,
    host: req.headers.host ?? null,
    headers: pairs(req.rawHeaders),
  });

  /** Shows, and counts for whoever is signed on. With a path parameter as servlet containers put it there, too. */
  app.get(/^\/who(?:;[^/]*)?$/, (req, res) => {
    if (req.sso.signedIn) req.session.views = (req.session.views ?? 0) + 1;
    res.json(who(req));
  });
  /** Counts for anybody: an anonymous visitor gets a session. */
  app.get('/visit', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1;
    res.json(who(req));
  });
  app.get('/protected', sso.protect({ login: '/login' }), (req, res) => void res.json(who(req)));
  app.get('/slow', async (req, res) => {
    await new Promise((resolve) => setTimeout(resolve, Math.min(30_000, Number(req.query['ms']))));
    res.json(who(req));
  });
  /** What came as a body, by length and digest. */
  app.post('/echo', (req, res, next) => {
    const digest = createHash('sha256');
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      digest.update(chunk);
    });
    req.on('error', next);
    req.on('end', () => void res.json({ ...who(req), bytes, digest: digest.digest('hex') }));
  });
  app.get('/large', (req, res) => void res.type('bin').send(Buffer.alloc(Number(req.query['bytes']), 'x')));
  app.get('/login', (_req, res) => void res.type('html').send('<form method="post"></form>'));
  app.post(
    '/login',
    sso.login(({ username, password }) =>
      password === `the password of ${username}` ? { name: username, roles: ['customer'] } : undefined,
    ),
  );
  app.all('/logout', sso.logout());
  app.use((_req, res) => void res.status(404).json({ error: 'nothing here' }));
  return app;
}

/** `/ws`: says who is there, then gives back what it gets, until the sign-on ends. */
function upgrades(sso: SsoNode): (req: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const sockets = new WebSocketServer({ noServer: true });
  return (req, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (sso.probeUpgrade(req, socket)) return;
    void sso.fromUpgrade(req).then((signOn) => {
      if (req.url !== '/ws' || !signOn.signedIn) {
        socket.end(
          `HTTP/1.1 ${req.url === '/ws' ? '401 Unauthorized' : '404 Not Found'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        );
        return;
      }
      sockets.handleUpgrade(req, socket, head, (ws) => {
        sso.closeWith(signOn, ws);
        ws.send(JSON.stringify({ node: sso.name, user: signOn.principal?.name }));
        ws.on('message', (data) => ws.send(String(data)));
      });
    });
  };
}

function pairs(flat: readonly string[]): readonly (readonly [string, string])[] {
  return flat.flatMap((text, index) => (index % 2 === 0 ? [[text, flat[index + 1]!] as const] : []));
}
