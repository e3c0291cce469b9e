/** Two nodes that say their name and what arrived, without anything of ours: what is examined stands before them. */

import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import type { BalancedNode, Installation } from '../../../server/balancer/installation.ts';

/** What a node answers. */
export interface Arrived {
  readonly node: string;
  readonly url: string;
  readonly headers: readonly string[];
}

/** As a handler; ready while `isReady` says so. `/dies` is taken, told to `onDeath`, and never answered. */
export const telling =
  (node: string, isReady: () => boolean = () => true, onDeath: (method: string) => void = () => {}): RequestListener =>
  (req, res) => {
    if (req.url === '/readyz') return void res.writeHead(isReady() ? 200 : 503).end();
    if (req.url === '/dies') {
      onDeath(req.method!);
      return void req.socket.destroy();
    }
    res.end(JSON.stringify({ node, url: req.url!, headers: req.rawHeaders } satisfies Arrived));
  };

export interface PlainNode {
  readonly port: number;
  stop(): Promise<void>;
}

export function startPlain(port: number, listener: RequestListener): Promise<PlainNode> {
  const server = createServer(listener);
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({ port, stop }));
  });
}

export const nodeAt = (route: string, port: number, ajp?: number): BalancedNode => ({
  ...{ route, host: '127.0.0.1', port, weight: 1, isGuess: false },
  ajp: ajp === undefined ? undefined : { port: ajp },
});

/** Plain HTTP on loopback, sticky by JSESSIONID and ;jsessionid, as the guide's sessions are. */
export const installationOf = (
  port: number,
  nodes: readonly BalancedNode[],
  changes: Partial<Installation> = {},
): Installation => ({
  ...{ nodes, hosts: [], listen: { address: '127.0.0.1', port }, tls: undefined, secure: false },
  sticky: { cookie: 'JSESSIONID', pathParameter: 'jsessionid' },
  ...{ ready: '/readyz', webSockets: [], protocol: 'http', ajpSecret: undefined, directory: '/nowhere' },
  ...changes,
});

export interface Came {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One request on a connection of its own; the path goes out as it is written. */
export function ask(port: number, path = '/', headers: readonly string[] = [], body?: string): Promise<Came> {
  return new Promise((resolve, reject) => {
    const given = headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
    request(
      {
        ...{ host: '127.0.0.1', port, path, agent: false, setHost: false },
        method: body === undefined ? 'GET' : 'POST',
        headers: [
          ...(given ? [] : ['Host', `127.0.0.1:${port}`]),
          ...headers,
          ...(body === undefined ? [] : ['Content-Length', String(body.length)]),
        ] as never,
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
        answer.on('error', reject);
      },
    )
      .on('error', reject)
      .end(body);
  });
}

/** What arrived at a node. @throws Error none answered */
export async function arrived(port: number, path = '/', headers: readonly string[] = []): Promise<Arrived> {
  const { status, text } = await ask(port, path, headers);
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Arrived;
}
