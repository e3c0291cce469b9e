/** An application with sessions, and a visitor with a browser: keeps cookies by name, and a sign-on by header. */

import type { RequestListener } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import request, { type Response } from 'supertest';
import type { Session } from '../../../sso/session/session.ts';
import { type SessionOptions, sessions } from '../../../sso/session/sessions.ts';
import type { SsoId } from '../../../sso/token.ts';
import { carried } from '../../support/carried.ts';
import { signOnHeader, type TestNode } from './world.ts';

/** What the tests' applications keep. */
export interface Bag {
  count?: number;
  user?: string;
  cart?: string[];
  note?: unknown;
}

export function bag(req: object): Session & Bag {
  return (req as { session: Session & Bag }).session;
}

let usual: Partial<SessionOptions> = {};

/** From now on every application has these settings, unless it says otherwise: for a file that runs the tests of others once more. */
export function usually(settings: Partial<SessionOptions>): void {
  usual = settings;
}

/** An application on this node; requests that reach no end are answered with `ok`. */
export function application(node: TestNode, options: Partial<SessionOptions>, ...handlers: RequestHandler[]): Express {
  const app = express();
  app.disable('etag');
  app.use(sessions(node.parts, { app: 'shop', ...usual, ...options }));
  for (const handler of handlers) app.use(handler);
  app.use((_req, res) => void res.send('ok'));
  app.use(showError);
  return app;
}

/** Answers with the error's code and message, where an answer can still be given. */
export const showError: ErrorRequestHandler = (error, _req, res, _next) => {
  if (!res.headersSent) res.status(error.status ?? 500).send(`${error.code}: ${error.message}`);
};

/** A server or an address is asked as it is. */
function carriedApp(app: Parameters<typeof request>[0]): Parameters<typeof request>[0] {
  return typeof app === 'function' ? carried(app as RequestListener) : app;
}

export class Visitor {
  readonly cookies = new Map<string, string>();
  signOn: SsoId | undefined;
  /** The Set-Cookie lines of the last answer. */
  lines: readonly string[] = [];

  async get(app: Parameters<typeof request>[0], path = '/', headers: Record<string, string> = {}): Promise<Response> {
    return this.#take(await request(carriedApp(app)).get(path).set(this.#headers(headers)));
  }

  async post(app: Parameters<typeof request>[0], path = '/', body: object = {}): Promise<Response> {
    return this.#take(await request(carriedApp(app)).post(path).set(this.#headers({})).send(body));
  }

  /** The value of the only cookie. */
  get cookie(): string {
    const [value] = [...this.cookies.values()];
    if (value === undefined || this.cookies.size > 1) throw new Error(`there are ${this.cookies.size} cookies`);
    return value;
  }

  set cookie(value: string) {
    const [name = 'latchkey-shop'] = [...this.cookies.keys()];
    this.cookies.set(name, value);
  }

  /** Another browser with the same cookies and sign-on. */
  copy(): Visitor {
    const copy = new Visitor();
    for (const [name, value] of this.cookies) copy.cookies.set(name, value);
    copy.signOn = this.signOn;
    return copy;
  }

  #headers(more: Record<string, string>): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return {
      ...(cookie === '' ? {} : { cookie }),
      ...(this.signOn === undefined ? {} : { [signOnHeader]: this.signOn }),
      ...more,
    };
  }

  #take(res: Response): Response {
    this.lines = (res.headers['set-cookie'] as unknown as string[] | undefined) ?? [];
    for (const line of this.lines) {
      const [pair = ''] = line.split(';', 1);
      const name = pair.slice(0, pair.indexOf('='));
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(name.length + 1));
    }
    return res;
  }
}

export async function eventually(is: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !is(); i++) await new Promise((resolve) => setImmediate(resolve));
  if (!is()) throw new Error('it never became true');
}
