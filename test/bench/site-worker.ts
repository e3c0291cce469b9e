/** One node with a small application, in a process of its own: what a browser meets while other nodes are silent or gone. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { answerCalls } from './child.ts';

export interface SiteAddress {
  readonly name: string;
  readonly listen: string;
  /** The voters. */
  readonly nodes: readonly string[];
}

let node: SsoNode;

answerCalls({
  /** Starts it. Resolves with the port of its application. */
  async start({ name, listen, nodes }: SiteAddress) {
    node = await startNode({
      secret: 'Hq5tW9zC2mJ7xN4bV8kR1yL6fD3gS0pA',
      route: name,
      allowInsecureCookie: true,
      cluster: { listen, nodes },
      log: silentLog,
    });
    const app = express();
    app.use(node.valve());
    app.post('/sign-on', async (req, res) => {
      await req.sso.open({ name: String(req.query['user']), roles: ['customer'] }, 'form');
      res.send('signed on');
    });
    app.get('/orders', node.protect(), (req, res) => {
      res.send(req.sso.principal?.name);
    });
    app.post('/sign-off', async (req, res) => {
      res.json(await req.sso.logout());
    });
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    return (server.address() as AddressInfo).port;
  },
  isAccepting: () => node.finality().accepting,
  /** The state of a receipt. */
  receipt: async (id: string) => (await node.receipt(id))?.state,
});
