/** A node that proxies ask, and beside it a bare `node:http` answer, in a process of their own. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { forwardAuthSchema, readForwardAuth } from '../../config/forward-auth.ts';
import { forwardAuth } from '../../server/forward-auth/forward-auth.ts';
import { startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { answerCalls, cpuMicros } from './child.ts';

export interface Asked {
  readonly asked: number;
  /** A 200 with two headers. */
  readonly bare: number;
  /** A 204, whatever is asked. */
  readonly nothing: number;
  /** As a browser sends it. */
  readonly cookie: string;
}

const benchHost = 'app.xyz.localhost';

answerCalls({
  async start(): Promise<Asked> {
    const sso = await startNode({
      secret: 'Hq5tW9zC2mJ7xN4bV8kR1yL6fD3gS0pA',
      route: 'n1',
      allowInsecureCookie: true,
      log: silentLog,
    });
    const fields = forwardAuthSchema.parse({
      listen: '127.0.0.1:1',
      proxies: ['127.0.0.1'],
      rules: [
        { host: benchHost, path: '/public/*', policy: 'allow' },
        { host: benchHost, path: '/reports/*', policy: 'any-role', roles: ['customer'] },
        { host: benchHost, policy: 'signed-on' },
      ],
    });
    const config = readForwardAuth(fields, 'http://sso.xyz.localhost');
    const signOn = express().use(sso.valve());
    const attributes = { displayName: 'Alice Example', email: 'alice@xyz.com' };
    signOn.post('/', async (req, res) => {
      await req.sso.open({ name: 'alice', roles: ['customer', 'staff'], attributes }, 'form');
      res.end();
    });
    const form = await fetch(`http://127.0.0.1:${await listening(signOn)}/`, { method: 'POST' });
    return {
      asked: await listening(forwardAuth({ sso, log: silentLog, config, authenticate: () => undefined })),
      bare: await listening(
        (_req, res) => void res.writeHead(200, ['Content-Length', '0', 'Cache-Control', 'no-store']).end(),
      ),
      nothing: await listening((_req, res) => void res.writeHead(204).end()),
      cookie: form.headers.getSetCookie()[0]!.split(';', 1)[0]!,
    };
  },
  cpu: cpuMicros,
});

function listening(listener: RequestListener): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer(listener).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
