/** One node of the demonstration: the library, the people, and the two applications by host name. */

import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { probePath, type SsoNode, startNode } from '../../sso/index.ts';
import { assets } from '../assets.ts';
import { authenticator, readUsers } from '../directories/users.ts';
import { notFound, refuse } from '../errors.ts';
import { HashingPool } from '../hashing/pool.ts';
import { securityHeaders } from '../headers.ts';
import { html } from '../html.ts';
import { listen, type WebServer } from '../http-server.ts';
import { plainLog } from '../log.ts';
import { sendPage } from '../page.ts';
import { application } from './application.ts';
import type { NodeControl } from './controls.ts';
import { cookieDomain, hosts, type NodeSettings } from './messages.ts';
import { reports } from './reports.ts';
import { shop } from './shop.ts';
import type { DemoParts } from './site.ts';

export interface DemoNode {
  stop(): Promise<void>;
}

const frame = { site: 'Latchkey' } as const;
const usersFile = fileURLToPath(new URL('../../config/samples/demo-users.yaml', import.meta.url));

/** Resolves once it may be asked, and accepts sign-ons if enough others are there. @throws UsageError, SsoError, ConfigError */
export async function startDemoNode(settings: NodeSettings, control: NodeControl): Promise<DemoNode> {
  const { self, nodes, secret, dataDir } = settings;
  const log = plainLog(self.name);
  const hashing = new HashingPool({ threads: 1 });
  const authenticate = authenticator(readUsers(usersFile), (hash, password) => hashing.verify(hash, password));
  const sso = await startNode({
    route: self.name,
    secret,
    dataDir,
    cookieDomain,
    allowInsecureCookie: true,
    log,
    cluster: {
      listen: `127.0.0.1:${self.meshPort}`,
      nodes: nodes.map(({ meshPort }) => `127.0.0.1:${meshPort}`),
      name: 'latchkey-demo',
    },
  });
  const parts: DemoParts = { sso, self, nodes, control, log, authenticate, isBusy: () => hashing.full };
  const web = await listenOrStop(sso, virtualHosts(parts), self.port);
  await acceptsOrNot(sso);
  return {
    async stop() {
      await web.close(500);
      await sso.stop();
      await hashing.stop();
    },
  };
}

/** Milliseconds that a node waits for leases before it is called ready: with too few others it never has them. */
const readyWithinMs = 5_000;

/** Of nodes that start together the first finds nobody: whoever is told that they are ready can sign on at each of them. */
function acceptsOrNot(sso: SsoNode): Promise<void> {
  return new Promise((resolve) => {
    if (sso.finality().accepting) return resolve();
    const late = setTimeout(resolve, readyWithinMs);
    sso.on('accepting', (accepts) => {
      if (!accepts) return;
      clearTimeout(late);
      resolve();
    });
  });
}

async function listenOrStop(sso: SsoNode, listener: RequestListener, port: number): Promise<WebServer> {
  try {
    return await listen(listener, { host: '127.0.0.1', port });
  } catch (error) {
    await sso.stop();
    throw error;
  }
}

/** Which application answers is the Host header's to say, as on any web server with virtual hosts. */
export function virtualHosts(parts: DemoParts): RequestListener {
  const start = startPage(parts);
  const sites = new Map<string, RequestListener>([
    [hosts.shop, application(parts, shop)],
    [hosts.reports, application(parts, reports)],
    [hosts.start, start],
    ['127.0.0.1', start],
  ]);
  const unknown = express()
    .disable('x-powered-by')
    .use(securityHeaders(), (req, res) => refuse(req, res, frame, 421));
  return (req, res) => {
    const host = req.headers.host?.replace(/:\d+$/, '').toLowerCase() ?? '';
    (sites.get(host) ?? unknown)(req, res);
  };
}

/** Leads to the applications; without a valve, since nobody signs on here. */
function startPage({ sso, self, nodes }: DemoParts): RequestListener {
  const app = express().disable('x-powered-by');
  app.use(securityHeaders(), assets());
  app.use(probePath, sso.probe());
  app.get('/', (_req, res) => {
    const row = (node: (typeof nodes)[number]) =>
      html`<tr><th scope="row">${node.name}</th>${[shop, reports].map(({ host, site }) => html`<td><a href="http://${host}:${node.port}/">${site}</a></td>`)}</tr>`;
    const main = html`<h1>One sign-on, two applications, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}</h1>
<p class="lead">Sign on in one application, on any node: the other one knows you, on every node.</p>
<section class="card"><table>
<thead><tr><th scope="col">Node</th><th scope="col">app1</th><th scope="col">app2</th></tr></thead>
<tbody>${nodes.map(row)}</tbody>
</table></section>
<section class="card"><p>People: <code>alice</code> with <code>wonderland</code> (customer), <code>bob</code> with <code>builder</code> (customer and staff).</p></section>`;
    sendPage(res, 200, {
      title: 'Start',
      ...frame,
      main,
      footer: html`Answered by ${self.name} on port ${self.port}.`,
    });
  });
  app.use(notFound(frame));
  return app;
}
