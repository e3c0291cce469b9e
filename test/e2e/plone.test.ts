/**
 * The Plone page's own sticky configuration (config/balancers/plone/sticky-quoted.conf), run by the real httpd before two nodes
 * that take Zope's place: routes made of the addresses that httpd calls, the cookie in double quotes. The same without quotes.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import express from 'express';
import { type SsoNode, stickyRoute } from '../../sso/index.ts';
import { MeshNodes } from '../lifecycle/mesh-nodes.ts';
import { noHttpd, startHttpd } from './support/httpd.ts';
import { freePorts } from './support/proxied.ts';

/** Two addresses of this machine, where the page has 192.168.1.10 and .11. */
const addresses = ['127.0.0.2', '127.0.0.3'] as const;
const routes = ['127-0-0-2', '127-0-0-3'] as const;
const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
const skip = process.platform === 'linux' ? noHttpd() : 'the other loopback addresses are there on Linux alone';

interface Zope {
  readonly sso: SsoNode;
  readonly server: Server;
}

/** Where Zope's virtual hosting leads: the portal's own address stands behind it. */
const behindPortal = /^\/VirtualHostBase\/http\/foo\.bar\.com:80\/myportal\/VirtualHostRoot/;

async function startZope(mesh: MeshNodes, place: 0 | 1, port: number, quoted: false | 'zope'): Promise<Zope> {
  const { node: sso } = await mesh.start(place, {
    ...{ secret, allowInsecureCookie: true },
    hooks: { onSignOn: [stickyRoute({ routeFrom: 'host', routeHosts: addresses, quoted })] },
  });
  const app = express();
  app.use(sso.valve());
  app.get('/who', (req, res) => void res.json({ node: sso.name, user: req.sso.principal?.name ?? null }));
  app.post('/login_form', async (req, res) => {
    await req.sso.open({ name: 'alice', roles: [] });
    res.json({ node: sso.name });
  });
  app.post('/logout', async (req, res) => void res.json(await req.sso.logout()));
  const server = createServer((req, res) => {
    req.url = req.url!.replace(behindPortal, '');
    app(req, res);
  });
  await new Promise<void>((up) => void server.listen(port, addresses[place], up));
  return { sso, server };
}

function stop({ sso, server }: Zope): Promise<unknown> {
  server.closeAllConnections();
  return Promise.all([sso.stop(), new Promise((down) => server.close(down))]);
}

/** A browser, as far as cookies go: it keeps what stands there, quotes and all. */
class Visitor {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;
  /** The `name=value` of what the last answer set. */
  set: readonly string[] = [];

  constructor(origin: string) {
    this.#origin = origin;
  }

  async ask(path: string, method = 'GET'): Promise<{ readonly node: string; readonly user?: string | null }> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(this.#origin + path, { method, headers: cookie === '' ? {} : { cookie } });
    assert.equal(answer.status, 200, path);
    this.set = answer.headers.getSetCookie().map((line) => line.split(';', 1)[0]!);
    for (const pair of this.set) {
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return (await answer.json()) as { node: string; user?: string | null };
  }
}

for (const quoted of ['zope', false] as const) {
  const spelt = (route: string) => (quoted === 'zope' ? `"route.${route}"` : `route.${route}`);

  test(`the Plone page's sticky sessions hold, end and move with their node: ${quoted === 'zope' ? 'quoted, as on the page' : 'without the quotes'}`, {
    skip,
  }, async (t) => {
    const [port, zopePort] = (await freePorts(2)) as [number, number];
    const mesh = await MeshNodes.with(2);
    t.after(() => mesh.end());
    const nodes = await Promise.all(([0, 1] as const).map((place) => startZope(mesh, place, zopePort, quoted)));
    t.after(() => Promise.all(nodes.map(stop)));
    const names = nodes.map(({ sso }) => sso.name);
    const page = readFileSync(join(import.meta.dirname, '../../config/balancers/plone/sticky-quoted.conf'), 'utf8');
    const text = page
      .replaceAll('192.168.1.10:8282', `${addresses[0]}:${zopePort}`)
      .replaceAll('192.168.1.11:8282', `${addresses[1]}:${zopePort}`)
      .replaceAll('192-168-1-10"', quoted === 'zope' ? `${routes[0]}"` : routes[0])
      .replaceAll('192-168-1-11"', quoted === 'zope' ? `${routes[1]}"` : routes[1])
      .replace('<VirtualHost *:80>', `Listen 127.0.0.1:${port}\n<VirtualHost *:${port}>`);
    const httpd = await startHttpd({ files: [{ name: 'plone.conf', text }] });
    t.after(() => httpd.stop());
    const origin = `http://127.0.0.1:${port}`;

    // Somebody on each of the two nodes.
    const visitors: Visitor[] = [];
    for (let tries = 0; visitors.filter(Boolean).length < 2; tries++) {
      assert.ok(tries < 20, 'httpd leads everybody to one node');
      const visitor = new Visitor(origin);
      const { node } = await visitor.ask('/login_form', 'POST');
      const place = names.indexOf(node);
      assert.equal(visitor.cookies.get('STICKY_ROUTE'), spelt(routes[place]!));
      visitors[place] = visitor;
    }

    for (const [place, visitor] of visitors.entries()) {
      // What httpd would choose by load is the other node: the first has served all of these.
      for (let i = 0; i < 12; i++) {
        assert.deepEqual(await visitor.ask('/who'), { node: names[place], user: 'alice' });
        assert.deepEqual(visitor.set, []);
      }
    }

    // The first node ends; its visitor is led to the other, is still signed on, and is kept there from then on.
    const [moved, other] = visitors as [Visitor, Visitor];
    await stop(nodes[0]!);
    assert.deepEqual(await moved.ask('/who'), { node: names[1], user: 'alice' });
    assert.deepEqual(moved.set, [`STICKY_ROUTE=${spelt(routes[1])}`]);
    assert.deepEqual(await moved.ask('/who'), { node: names[1], user: 'alice' });
    assert.deepEqual(moved.set, [], 'once');

    await other.ask('/logout', 'POST');
    assert.deepEqual([...other.cookies.keys()], []);
    assert.equal((await other.ask('/who')).user, null);
  });
}
