/** A node as `latchkey serve` runs it: the login site, people in a file, passwords verified in threads, a data directory. */

import { rmSync } from 'node:fs';
import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import type { Request, Response } from 'express';
import { serverDefaults } from '../../config/defaults.ts';
import { authenticator } from '../../server/directories/users.ts';
import { hashPassword } from '../../server/hashing/hash.ts';
import { HashingPool } from '../../server/hashing/pool.ts';
import { listen } from '../../server/http-server.ts';
import { loginSite } from '../../server/login/site.ts';
import { type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { answerCalls, cpuMicros } from './child.ts';
import { type LoginSite, password, people } from './login-people.ts';
import { benchFolder } from './mesh-cluster.ts';

let sso: SsoNode;

answerCalls({
  async start(): Promise<LoginSite> {
    const dataDir = benchFolder();
    process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
    sso = await startNode({
      secret: 'Hq5tW9zC2mJ7xN4bV8kR1yL6fD3gS0pA',
      route: 'n1',
      dataDir,
      allowInsecureCookie: true,
      log: silentLog,
    });
    const hashing = new HashingPool({ maxPending: serverDefaults.hashing.maxPending });
    const passwordHash = hashPassword(password);
    const users = Array.from({ length: people }, (_, at) => ({
      ...{ name: `user${at}`, displayName: undefined, roles: ['customer'], passwordHash },
    }));
    const site: RequestListener = loginSite({
      sso,
      log: silentLog,
      trustProxy: ['127.0.0.1'],
      origins: [],
      authenticate: authenticator(users, (hash, typed) => hashing.verify(hash, typed)),
      isBusy: () => hashing.full,
      room: () => hashing.room,
    });
    const { server } = await listen(site, { host: '127.0.0.1', port: 0 });
    const { port } = server.address() as AddressInfo;
    const form = await fetch(`http://127.0.0.1:${port}/login`, { headers: { accept: 'text/html' } });
    const csrf = /name="csrf" value="([^"]+)"/.exec(await form.text())![1]!;
    return { port, csrf, visitor: form.headers.getSetCookie()[0]!.split(';', 1)[0]! };
  },

  /** Opens sign-ons as a form does, without HTTP; resolves with their cookies. */
  async signOn({ name, count }: { readonly name: string; readonly count: number }): Promise<readonly string[]> {
    const valve = sso.valve();
    const cookies: string[] = [];
    for (let i = 0; i < count; i++) {
      const req = Object.assign(new IncomingMessage(new Socket()), {
        secure: false,
        hostname: 'localhost',
        ip: '192.0.2.1',
      });
      const res = new ServerResponse(req);
      await new Promise<void>((resolve) => void valve(req as unknown as Request, res as Response, () => resolve()));
      await (req as unknown as Request).sso.open({ name: name.replace('#', String(i)), roles: ['customer'] }, 'form');
      res.writeHead(204);
      const [line] = ([] as string[]).concat((res.getHeader('set-cookie') as string[] | undefined) ?? []);
      cookies.push(line!.split(';', 1)[0]!);
    }
    return cookies;
  },

  cpu: cpuMicros,
});
