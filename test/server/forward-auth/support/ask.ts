/** A node that proxies ask, in this process, with everything that goes over the wire written out by the test. */

import { connect } from 'node:net';
import express from 'express';
import supertest from 'supertest';
import { type ForwardAuthConfig, forwardAuthSchema, readForwardAuth } from '../../../../config/forward-auth.ts';
import { type ForwardAuthParts, forwardAuth } from '../../../../server/forward-auth/forward-auth.ts';
import { listen } from '../../../../server/http-server.ts';
import { type Authenticate, type Log, type Principal, type SsoNode, startNode } from '../../../../sso/index.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the node closed the connection behind it. */
  readonly closed: boolean;
  readonly all: string;
}

export interface AskedNode {
  readonly sso: SsoNode;
  readonly port: number;
  /** What was logged at warn and error. */
  readonly lines: string[];
  /** Bytes as they are; resolves with the first answer, or what there is when the node closes. */
  raw(bytes: string): Promise<Answer>;
  /** A question by GET with these header lines. */
  ask(path: string, lines: readonly string[], method?: string): Promise<Answer>;
  /** Signs somebody on; resolves with the Cookie header. */
  signOn(principal: Principal): Promise<string>;
  stop(): Promise<void>;
}

export const rulesOfTests = [
  { host: 'open.xyz.com', policy: 'allow' },
  { host: 'app.xyz.com', path: ['/public/*'], policy: 'allow' },
  { host: 'app.xyz.com', path: '/admin/*', policy: 'any-role', roles: ['admin', 'root'] },
  { host: 'app.xyz.com', path: '/both', policy: 'all-roles', roles: ['admin', 'root'] },
  { host: 'app.xyz.com', path: '/inside', networks: '10.0.0.0/8', policy: 'allow' },
  { host: 'app.xyz.com', path: '/never', policy: 'deny' },
  { host: 'app.xyz.com', policy: 'signed-on' },
];

export function configOf(fields: object = {}): ForwardAuthConfig {
  const given = { listen: '127.0.0.1:1', proxies: ['127.0.0.1'], rules: rulesOfTests, ...fields };
  return readForwardAuth(forwardAuthSchema.parse(given), 'https://sso.xyz.com');
}

/** Whom a program may say that it is, with the name as password. */
export const people: ReadonlyMap<string, Principal> = new Map(
  [
    { name: 'alice', roles: ['customer', 'staff'] },
    { name: 'root', roles: ['admin', 'root'] },
  ].map((one) => [one.name, one]),
);

export const authenticate: Authenticate = ({ username, password }) =>
  password === username ? people.get(username) : undefined;

export async function askedNode(fields: object = {}, parts: Partial<ForwardAuthParts> = {}): Promise<AskedNode> {
  const lines: string[] = [];
  const note = (_fields: object, message: string) => void lines.push(message);
  const log: Log = { debug: () => {}, info: () => {}, warn: note, error: note };
  const sso = await startNode({ route: 'n1', secret: 'f5'.repeat(32), allowInsecureCookie: true, log });
  lines.length = 0;
  const web = await listen(forwardAuth({ sso, log, config: configOf(fields), authenticate, ...parts }), {
    host: '127.0.0.1',
    port: 0,
  });
  const { port } = web.server.address() as { port: number };
  const raw = (bytes: string) => exchange(port, bytes);
  return {
    sso,
    port,
    lines,
    raw,
    ask: (path, headers, method = 'GET') =>
      raw(`${[`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n`),
    async signOn(principal) {
      const app = express().use(sso.valve());
      app.post('/', async (req, res) => res.json(await req.sso.open(principal)));
      const answer = await supertest(app).post('/');
      return (answer.headers['set-cookie'] as unknown as string[])[0]!.split(';', 1)[0]!;
    },
    async stop() {
      await web.close(0);
      await sso.stop();
    },
  };
}

function exchange(port: number, bytes: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let text = '';
    const done = (closed: boolean) => {
      socket.destroy();
      resolve({ ...parse(text), closed, all: text });
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      const closes = /\r\nconnection: close\r\n/i.test(text);
      if (end !== -1 && text.length >= end + 4 + length && !closes) done(false);
    });
    socket.on('close', () => done(true));
    socket.on('error', reject);
  });
}

function parse(text: string): Pick<Answer, 'status' | 'headers' | 'body'> {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const pairs = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(pairs), body: rest.join('\r\n\r\n') };
}
