/**
 * The three applications of the stories, under one virtual host: A asks with a form, B with HTTP Basic,
 * C cannot ask at all. They answer in JSON what they see of the visitor, and do what their address says.
 */

import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Cause, Principal, SessionOptions, SsoNode } from '../../sso/index.ts';
import type { Session } from '../../sso/session/index.ts';
import type { HostOf } from '../../sso/testing/index.ts';

export const people: Readonly<Record<string, readonly string[]>> = {
  alice: ['customer'],
  bob: ['admin', 'customer'],
  carol: [],
};

export const passwordOf = (name: string) => `the password of ${name}`;

/** As a directory would answer: the principal, or nothing. */
export function authenticate({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): Principal | undefined {
  const roles = Object.hasOwn(people, username) ? people[username] : undefined;
  return roles !== undefined && password === passwordOf(username) ? { name: username, roles } : undefined;
}

/** What an application sees of a request. */
export interface Seen {
  readonly user: string | null;
  readonly roles: readonly string[];
  readonly how: string | null;
  readonly node: string;
  readonly session?: string;
  readonly note?: string;
  readonly visits?: number;
}

/** How a node ended a sign-on, as its `closed` event told. */
export interface End {
  readonly node: string;
  readonly name: string | undefined;
  readonly cause: Cause;
  readonly own: boolean;
  /** On the world's clock. */
  readonly at: number;
}

/** A request that is held up in the application until the test lets it go. */
export interface Gate {
  /** Resolves when the request has come to it. */
  readonly reached: Promise<void>;
  open(): void;
}

export class Gates {
  readonly #gates = new Map<string, { reach: () => void; opened: Promise<void> }>();

  /** The next request that names this gate will wait. */
  close(name: string): Gate {
    let reach = () => {};
    let open = () => {};
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#gates.set(name, { reach, opened });
    return { reached, open };
  }

  async pass(name: unknown): Promise<void> {
    const gate = this.#gates.get(String(name));
    gate?.reach();
    await gate?.opened;
  }
}

export interface ApplicationsOptions {
  /** How A, B and C keep their sessions. */
  readonly a?: Partial<SessionOptions>;
  readonly b?: Partial<SessionOptions>;
  readonly c?: Partial<SessionOptions>;
  /** What makes the applications; default Express 5. */
  readonly make?: () => Express;
  /** Express settings of the virtual host, such as `trust proxy`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Mounted before the valve. */
  readonly before?: RequestHandler;
  /** An application of the story's own, as `app4`. */
  readonly d?: (sso: SsoNode) => Express;
  /** More routes for every application. */
  readonly more?: (app: Express, sso: SsoNode) => void;
  readonly gates?: Gates;
  readonly onEnd?: (end: Omit<End, 'at'>) => void;
}

/** The application of a host name: `app1` is A, `app2` is B, `app3` is C, `app4` a story's own, any other is A. */
export function applications(options: ApplicationsOptions = {}): HostOf {
  return (sso, node) => {
    // First of all observers, so that none of a story's own comes before it.
    sso.on('closed', ({ principal, cause, own }) => options.onEnd?.({ node, name: principal?.name, cause, own }));
    const host = (options.make ?? express)();
    for (const [name, value] of Object.entries(options.settings ?? {})) host.set(name, value);
    if (options.before !== undefined) host.use(options.before);
    host.use(sso.valve());
    const a = application(sso, { app: 'a', ...options.a }, sso.protect({ login: '/login' }), options);
    const b = application(
      sso,
      { app: 'b', ...options.b },
      sso.protect({ basic: { realm: 'desk', authenticate } }),
      options,
    );
    const c = application(sso, { app: 'c', ...options.c }, sso.protect({ login: false }), options);
    const d = options.d?.(sso) ?? a;
    const byName: Readonly<Record<string, Express>> = { app1: a, app2: b, app3: c, app4: d };
    host.use((req, res, next) => (byName[req.hostname.split('.')[0]!] ?? a)(req, res, next));
    return host;
  };
}

/** `req.session`, with what the stories keep in it. */
export function sessionOf(req: Request): Session & { note?: string; visits?: number } {
  return req.session;
}

function application(
  sso: SsoNode,
  sessions: SessionOptions,
  guard: RequestHandler,
  options: ApplicationsOptions,
): Express {
  const app = (options.make ?? express)();
  app.use(sso.sessions(sessions));
  const seen = (req: Request): Seen => {
    const { principal, roles, how } = req.sso;
    return { user: principal?.name ?? null, roles, how: how ?? null, node: sso.name };
  };
  const kept = (req: Request): Seen => {
    const session = sessionOf(req);
    return {
      ...seen(req),
      session: req.sessionID,
      note: session.note ?? '',
      visits: session.visits ?? 0,
    };
  };
  const does =
    (work: (req: Request, res: Response) => Promise<unknown>): RequestHandler =>
    (req, res, next) => {
      work(req, res).then((answer) => res.headersSent || res.json(answer), next);
    };

  app.get('/public', (req, res) => void res.json(seen(req)));
  app.get('/session', (req, res) => void res.json(kept(req)));
  app.get('/protected', guard, (req, res) => void res.json(seen(req)));
  app.get('/protected/session', guard, (req, res) => void res.json(kept(req)));
  app.get('/protected/visits', guard, (req, res) => {
    const session = sessionOf(req);
    session.visits = (session.visits ?? 0) + 1;
    res.json(kept(req));
  });
  app.get('/admin', guard, sso.protect({ roles: ['admin'] }), (req, res) => void res.json(seen(req)));
  app.get(
    '/login',
    (_req, res) =>
      void res
        .type('html')
        .send(
          '<form method="post"><input name="username"><input name="password" type="password"><button>Sign on</button></form>',
        ),
  );
  app.post('/login', sso.login(authenticate));
  app.all('/logout', sso.logout());
  app.post(
    '/note',
    does(async (req) => {
      sessionOf(req).note = String(req.query['text']);
      return kept(req);
    }),
  );
  app.post(
    '/by-hand/open',
    does(async (req) => {
      await req.sso.open({ name: String(req.query['name']), roles: people[String(req.query['name'])] ?? [] }, 'hand');
      return kept(req);
    }),
  );
  app.post(
    '/by-hand/logout',
    does(async (req) => {
      const receipt = await req.sso.logout();
      return { receipt, after: seen(req) };
    }),
  );
  app.post(
    '/by-hand/switch',
    does(async (req) => {
      await req.sso.logout();
      await req.sso.open({ name: String(req.query['name']), roles: [] }, 'hand');
      return kept(req);
    }),
  );
  app.post(
    '/destroy',
    does(
      (req) =>
        new Promise((resolve, reject) => sessionOf(req).destroy((error) => (error ? reject(error) : resolve({})))),
    ),
  );
  app.post(
    '/destroy-by-null',
    does(async (req) => {
      Object.assign(req, { session: null });
      return {};
    }),
  );
  app.post(
    '/destroy-by-store',
    does(
      (req) =>
        new Promise((resolve, reject) => {
          const { sessionStore, sessionID } = req;
          sessionStore.destroy(sessionID, (error) => (error ? reject(error) : resolve({})));
        }),
    ),
  );
  app.post(
    '/regenerate',
    does(
      (req) =>
        new Promise((resolve, reject) =>
          sessionOf(req).regenerate((error) => (error ? reject(error) : resolve(kept(req)))),
        ),
    ),
  );
  app.post(
    '/leave',
    does(async (req) => {
      await req.sso.leave();
      return seen(req);
    }),
  );
  app.post(
    '/slow/note',
    does(async (req) => {
      const session = sessionOf(req);
      await options.gates?.pass(req.query['gate']);
      session.note = String(req.query['text']);
      return kept(req);
    }),
  );
  app.post(
    '/slow/destroy',
    does(async (req) => {
      const session = sessionOf(req);
      await options.gates?.pass(req.query['gate']);
      await new Promise<void>((resolve, reject) => session.destroy((error) => (error ? reject(error) : resolve())));
      return {};
    }),
  );
  app.get('/form-token', (req, res) => void res.json({ token: req.sso.csrfToken() }));
  app.get(
    '/assertion',
    does(async (req) => ({ assertion: await req.sso.assertion({ audience: String(req.query['audience']) }) })),
  );
  app.get('/keys', sso.keySet());
  options.more?.(app, sso);
  app.use((_req, res) => void res.status(404).json({ error: 'nothing here' }));
  app.use(failed);
  return app;
}

const failed: ErrorRequestHandler = (error: { status?: number; code?: string }, _req, res, next) => {
  if (res.headersSent) return next(error);
  res.status(error.status ?? 500).json({ error: error.code ?? 'bug' });
};
