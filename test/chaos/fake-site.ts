/** What looks like a node from outside, without a cluster: one memory for all of its sites, and a mistake that can be planted. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cookieName } from './node-settings.ts';
import type { Site } from './traffic.ts';

export type Mistake =
  | 'none'
  | 'accepts-ended'
  | 'accepts-ended-users'
  | 'takes-for-another'
  | 'forgets-open'
  | 'challenges-open'
  | 'no-retry-after'
  | 'crashes'
  | 'never-completes';

export class FakeSites {
  readonly #mistake: Mistake;
  readonly #servers: readonly Server[];
  readonly #users = new Map<string, string>();
  readonly #ended = new Set<string>();
  #signOns = 0;

  /** Of the sites only the last has the mistake. */
  constructor(mistake: Mistake, size: number) {
    this.#mistake = mistake;
    this.#servers = Array.from({ length: size }, (_, i) =>
      createServer((req, res) => void this.#serve(req, res, i === size - 1 ? this.#mistake : 'none')),
    );
  }

  async start(): Promise<readonly Site[]> {
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()))),
    );
    return this.#servers.map((server, i) => ({ name: `n${i + 1}`, port: (server.address() as AddressInfo).port }));
  }

  async end(): Promise<void> {
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }

  async #serve(req: IncomingMessage, res: ServerResponse, mistake: Mistake): Promise<void> {
    let text = '';
    for await (const chunk of req) text += chunk;
    const { status, body = {}, headers = {} } = this.#answer(req, text, mistake);
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  #answer(req: IncomingMessage, text: string, mistake: Mistake): Reply {
    const url = new URL(req.url!, 'http://fake');
    const token = new RegExp(`${cookieName}=([^;]*)`).exec(req.headers.cookie ?? '')?.[1] ?? '';
    if (url.pathname === '/sign-on') {
      const fresh = `t${++this.#signOns}`;
      this.#users.set(fresh, JSON.parse(text).username);
      return { status: 200, headers: { 'set-cookie': `${cookieName}=${fresh}; Path=/` } };
    }
    if (url.pathname === '/sign-off') return this.#end([token], mistake);
    if (url.pathname === '/end-user') {
      const name = url.searchParams.get('name');
      const tokens = [...this.#users].filter(([, user]) => user === name).map(([one]) => one);
      return this.#end(mistake === 'accepts-ended-users' ? [] : tokens, mistake);
    }
    if (url.pathname.startsWith('/receipts/'))
      return { status: 200, body: { id: '1', state: 'pending', finalAt: null } };
    return this.#whoAmI(token, mistake);
  }

  #end(tokens: readonly string[], mistake: Mistake): Reply {
    for (const token of tokens) this.#ended.add(token);
    const state = mistake === 'never-completes' ? 'pending' : 'complete';
    return { status: 200, body: { id: '1', state, finalAt: null } };
  }

  #whoAmI(token: string, mistake: Mistake): Reply {
    const isOver = this.#ended.has(token) && mistake !== 'accepts-ended';
    if (isOver || mistake === 'forgets-open')
      return { status: 401, headers: { 'set-cookie': `${cookieName}=; Path=/; Max-Age=0` } };
    if (mistake === 'challenges-open') return { status: 401 };
    if (mistake === 'no-retry-after') return { status: 503 };
    if (mistake === 'crashes') return { status: 500 };
    return { status: 200, body: { user: mistake === 'takes-for-another' ? 'somebody' : this.#users.get(token) } };
  }
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
