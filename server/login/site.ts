/**
 * What `latchkey serve` shows: a sign-in page, a page that says who is signed on, sign-out with its
 * receipt, the key set that verifies our assertions, and health for balancers.
 */

import express, { type Express, type Request, type Response } from 'express';
import type { Log, Principal, SsoNode } from '../../sso/index.ts';
import { assets } from '../assets.ts';
import { failed, notFound, refuseWhenBusy } from '../errors.ts';
import { buttonForm, isOwnForm, readForm } from '../forms.ts';
import { securityHeaders } from '../headers.ts';
import { type Html, html } from '../html.ts';
import { sendPage, time } from '../page.ts';
import { receiptView } from '../receipt-view.ts';
import { failedSignIn, signInForm } from '../sign-in-form.ts';

export interface LoginSiteParts {
  readonly sso: SsoNode;
  readonly log: Log;
  /** Addresses of proxies whose X-Forwarded-* are believed. */
  readonly trustProxy: readonly string[];
  /** Origins that the sign-in form may lead back to. */
  readonly origins: readonly string[];
  /** `undefined`: nobody with this name and password. */
  readonly authenticate: (name: string, password: string) => Promise<Principal | undefined>;
  /** Whether so many passwords are being verified that the next would be refused. */
  readonly isBusy: () => boolean;
}

const frame = { site: 'Single sign-on' } as const;

export function loginSite(parts: LoginSiteParts): Express {
  const { sso, log, origins } = parts;
  const app = express()
    .disable('x-powered-by')
    .set('query parser', 'simple')
    .set('trust proxy', [...parts.trustProxy]);
  app.use(securityHeaders({ formTargets: origins }));
  app.use(assets());
  health(app, sso);
  app.get('/.well-known/jwks.json', sso.keySet());
  app.use(sso.valve());

  app.get('/', (req, res) => send(res, 'Who am I', whoAmI(sso, req)));
  app.get('/login', (req, res) => send(res, 'Sign on', signInPage(req)));
  app.post(
    '/login',
    refuseWhenBusy(parts.isBusy),
    sso.login(({ username, password }) => parts.authenticate(username, password), {
      page: '/login',
      requireCsrf: true,
    }),
  );
  app.get('/logout', (req, res) => send(res, 'Sign out', req.sso.signedIn ? signOutPage(req) : whoAmI(sso, req)));
  // Our form gets the receipt as a page; whatever else is posted, the library answers: with JSON, or a refusal.
  app.post(
    '/logout',
    readForm,
    async (req, res, next) => {
      if (!isOwnForm(req) || !req.sso.signedIn || req.accepts(['json', 'html']) !== 'html') return next();
      send(res, 'Signed out', receiptView(await req.sso.logout()));
    },
    sso.logout(),
  );

  app.use(notFound(frame));
  app.use(failed(frame, log));
  return app;
}

/** For balancers and supervisors: `livez` while the process answers, `readyz` while it takes sign-ons. */
function health(app: Express, sso: SsoNode): void {
  const answer = (res: Response, status: number, word: string) =>
    void res.status(status).setHeader('Cache-Control', 'no-store').type('text').send(`${word}\n`);
  app.get('/livez', (_req, res) => answer(res, 200, 'ok'));
  app.get('/readyz', (_req, res) => (sso.state === 'up' ? answer(res, 200, 'ready') : answer(res, 503, 'not ready')));
}

function send(res: Response, title: string, main: Html): void {
  res.setHeader('Cache-Control', 'no-store');
  sendPage(res, 200, { ...frame, title, main });
}

function signInPage(req: Request): Html {
  const { error, return_to: returnTo } = req.query;
  const form = signInForm({
    csrf: req.sso.csrfToken(),
    returnTo: typeof returnTo === 'string' ? returnTo : undefined,
    failed: error === failedSignIn,
  });
  return html`<h1>Sign on</h1><section class="card">${form}</section>`;
}

function signOutPage(req: Request): Html {
  return html`<h1>Sign out?</h1>
<p class="lead">It ends your sign-on in all applications.</p>
<section class="card">${buttonForm({ action: '/logout', label: 'Sign out everywhere', csrf: req.sso.csrfToken() })}</section>`;
}

function whoAmI(sso: SsoNode, req: Request): Html {
  const { principal, authenticatedAt, openedAt, endsAt, how } = req.sso;
  if (principal === undefined)
    return html`<h1>Nobody is signed on</h1><p class="card"><a href="/login">Sign on</a></p>`;
  const sessions = sso.entries(principal.name).find((entry) => entry.openedAt === openedAt)?.sessions ?? [];
  const applications = [...new Set(sessions.map((session) => session.app))];
  return html`<h1>${principal.attributes?.['displayName'] ?? principal.name}</h1>
<section class="card"><dl>
<dt>Name</dt><dd>${principal.name}</dd>
<dt>Roles</dt><dd>${principal.roles.join(', ') || 'none'}</dd>
${authenticatedAt !== undefined && html`<dt>Signed on</dt><dd>${time(authenticatedAt)}, by ${how ?? 'unknown means'}</dd>`}
${endsAt !== undefined && html`<dt>Until</dt><dd>${time(endsAt)} at the latest</dd>`}
<dt>Applications</dt><dd>${applications.join(', ') || 'none yet'}</dd>
</dl></section>
<section class="card"><div class="actions">${buttonForm({ action: '/logout', label: 'Sign out everywhere', csrf: req.sso.csrfToken() })}</div></section>`;
}
