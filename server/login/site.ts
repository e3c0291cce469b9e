/**
 * What `latchkey serve` shows: a sign-in page, a page that says who is signed on, sign-out with its
 * receipt, the key set that verifies our assertions, and health for balancers. Metrics have a listener
 * of their own, so that nothing an operator sees is a balancer's rule away from everybody.
 */

import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { Log, Principal, SsoNode } from '../../sso/index.ts';
import { assets } from '../assets.ts';
import { failed, notFound, refuseWhenBusy } from '../errors.ts';
import { buttonForm } from '../forms.ts';
import { securityHeaders } from '../headers.ts';
import { type Html, html } from '../html.ts';
import { sendPage, time } from '../page.ts';
import { receipts, signOutByForm } from '../receipts.ts';
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
  app.use('/livez', sso.livez());
  app.use('/readyz', sso.readyz());
  app.get('/.well-known/jwks.json', sso.keySet());
  app.use(sso.valve());

  app.use(whileUnavailable(sso));
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
  app.get('/logout', (req, res) =>
    send(res, 'Sign out', req.sso.signedIn || req.sso.unavailable ? signOutPage(req) : whoAmI(sso, req)),
  );
  // Our form leads to the receipt as a page; whatever else is posted, the library answers: with JSON, or a refusal.
  app.post('/logout', ...signOutByForm, sso.logout());
  app.use(receipts({ sso, show: (_req, res, { title, main, status }) => send(res, title, main, status) }));

  app.use(notFound(frame));
  app.use(failed(frame, log));
  return app;
}

/** For Prometheus, on a listener of its own. */
export function metricsSite(sso: SsoNode, log: Log): Express {
  const app = express().disable('x-powered-by').set('query parser', 'simple');
  app.use(securityHeaders());
  app.use('/metrics', sso.metrics({ processMetrics: true }));
  app.use(notFound(frame));
  app.use(failed(frame, log));
  return app;
}

/** While this node may not say who is signed on, people are told so, and to try again: the balancer knows by `readyz` where to. */
function whileUnavailable(sso: SsoNode): RequestHandler {
  return (req, res, next) => {
    const cannotOpen = req.method === 'POST' && req.path === '/login' && !sso.finality().accepting;
    const isPage = ['/', '/login'].includes(req.path) && req.accepts(['json', 'html']) === 'html';
    if (!isPage || (!req.sso.unavailable && !cannotOpen)) return next();
    res.setHeader('Retry-After', '1');
    send(res, 'Not at the moment', unavailablePage(req), 503);
  };
}

function unavailablePage(req: Request): Html {
  return html`<h1>This is not possible at the moment</h1>
<p class="lead">This server has lost sight of the others, and accepts nobody until it sees them again. Please try again shortly${req.sso.unavailable && ': you need not sign on again'}.</p>
<p class="card"><a href="${req.method === 'GET' ? req.originalUrl : '/login'}">Try again</a>${req.sso.unavailable && html`, or <a href="/logout">sign out</a>`}.</p>`;
}

function send(res: Response, title: string, main: Html, status = 200): void {
  res.setHeader('Cache-Control', 'no-store');
  sendPage(res, status, { ...frame, title, main });
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
