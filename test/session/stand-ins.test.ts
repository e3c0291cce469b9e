/**
 * The middleware run over an upgrade request, as `io.engine.use(session)` of socket.io and the README of ws do it with express-session:
 * what it is handed for an answer is none.
 */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { Request, RequestHandler, Response } from 'express';
import { refuse } from '../../sso/http/reply.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

/** Engine.IO's, as far as it goes: it knows its headers until the upgrade is answered. */
class WebSocketResponse extends EventEmitter {
  #headers: Record<string, unknown> | undefined = {};

  setHeader(name: string, value: unknown): void {
    this.#headers![name] = value;
  }
  getHeader(name: string): unknown {
    return this.#headers![name];
  }
  removeHeader(name: string): void {
    delete this.#headers![name];
  }
  write(): void {}
  writeHead(): void {}
  end(): void {
    this.emit('finish');
  }

  /** Engine.IO says that the headers go, and ws takes them. */
  upgraded(): Record<string, unknown> {
    this.writeHead();
    const headers = this.#headers ?? {};
    this.#headers = undefined;
    return headers;
  }
}

/** An application, a visitor with a session there, and the same middleware for upgrades. */
async function shop(options: Partial<SessionOptions> = {}) {
  const world = new World({ routes: ['node1', 'node2'] });
  const [first, second] = world.nodes.map((node) =>
    application(node, options, (req, res) => {
      if (req.path === '/set') bag(req).user = 'alice';
      res.json({ ...bag(req), cookie: undefined });
    }),
  );
  const visitor = new Visitor();
  await visitor.get(first!, '/set');
  const middleware = sessions(world.nodes[0]!.parts, { app: 'shop', ...options });
  const upgrade = (stranger = false) => {
    const [name, value] = [...visitor.cookies][0]!;
    const headers = { host: 'app.xyz.com', ...(!stranger && { cookie: `${name}=${value}` }) };
    return { method: 'GET', url: '/socket.io/', headers, socket: {} } as unknown as IncomingMessage;
  };
  return { middleware, upgrade, visitor, other: second! };
}

function run(middleware: RequestHandler, req: IncomingMessage, res: object): Promise<void> {
  return new Promise((resolve, reject) =>
    middleware(req as never, res as never, (error?: unknown) => (error ? reject(error as Error) : resolve())),
  );
}

for (const [name, made] of [
  ['{}', () => ({})],
  ["Engine.IO's", () => new WebSocketResponse()],
] as const) {
  test(`${name} in place of an answer: the session is there, also when it is first read after the upgrade, and can be saved`, async () => {
    const { middleware, upgrade, visitor, other } = await shop();
    const req = upgrade();
    const res = made();
    await run(middleware, req, res);
    if (res instanceof WebSocketResponse) res.upgraded();
    assert.equal(bag(req).user, 'alice');
    bag(req).count = 1;
    await bag(req).save();
    assert.deepEqual((await visitor.get(other)).body, { user: 'alice', count: 1 });
    await bag(req).reload();
    bag(req).count = 2;
    await new Promise((resolve) => bag(req).save(resolve));
    assert.deepEqual((await visitor.get(other)).body, { user: 'alice', count: 2 });
    await bag(req).destroy();
    assert.deepEqual((await visitor.get(other)).body, {});
  });
}

test("Engine.IO's answer to an upgrade carries the cookie where any other would", async () => {
  const rolling = await shop({ rolling: true });
  const renewed = new WebSocketResponse();
  await run(rolling.middleware, rolling.upgrade(), renewed);
  assert.match(String(renewed.upgraded()['Set-Cookie']), /^latchkey-shop=/);

  const fresh = await shop();
  const req = fresh.upgrade(true);
  const res = new WebSocketResponse();
  await run(fresh.middleware, req, res);
  bag(req).user = 'bob';
  assert.match(String(res.upgraded()['Set-Cookie']), /^latchkey-shop=/);

  const plain = new WebSocketResponse();
  await run(fresh.middleware, fresh.upgrade(), plain);
  assert.equal(plain.upgraded()['Set-Cookie'], undefined);
});

test("whoever ends Engine.IO's answer after a change, as passport does with 401, closes the connection, and the change is kept", async () => {
  const { middleware, upgrade, visitor, other } = await shop();
  const req = upgrade();
  const res = new WebSocketResponse();
  await run(middleware, req, res);
  bag(req).note = 'refused';
  const finished = once(res, 'finish');
  Object.assign(res, { statusCode: 401 });
  (res as unknown as ServerResponse).end('Unauthorized');
  await finished;
  assert.deepEqual((await visitor.get(other)).body, { user: 'alice', note: 'refused' });
});

test("a guard that refuses an upgrade ends Engine.IO's answer", async () => {
  const { upgrade } = await shop();
  const res = new WebSocketResponse();
  const finished = once(res, 'finish');
  refuse(upgrade() as Request, res as unknown as Response, 'not-signed-in');
  await finished;
});
