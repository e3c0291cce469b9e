/**
 * What both applications of the demonstration have in common, written as any application would be: the
 * valve, sessions, sign-on, sign-out, and pages that show what the valve knows. Neither knows the other.
 */

import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { probePath, type SsoNode } from '../../sso/index.ts';
import { assets } from '../assets.ts';
import { failed, notFound, refuseWhenBusy } from '../errors.ts';
import { ownFormsOnly, readForm } from '../forms.ts';
import { securityHeaders } from '../headers.ts';
import { type Html, html } from '../html.ts';
import { type Link, sendPage } from '../page.ts';
import { receiptPath, receipts, signOutByForm } from '../receipts.ts';
import { problemIn, signInForm } from '../sign-in-form.ts';
import { controls } from './controls.ts';
import { homePage } from './home.ts';
import { leaveNote, readNotes } from './notes.ts';
import { type DemoParts, type Face, type Site, signOnOf } from './site.ts';
import { type Standing, standingOf } from './standing.ts';
import { retryAfterS, unavailablePage } from './unavailable.ts';
import type { Here } from './views.ts';

export function application(parts: DemoParts, face: Face): Express {
  const { sso, log } = parts;
  const frame = { site: face.site, theme: face.theme };
  const app = express().disable('x-powered-by').set('query parser', 'simple');
  const site: Site = { app, parts, face, send: pageSender(parts, face), here: (req) => hereOf(parts, face, req) };

  app.use(securityHeaders({ formTargets: parts.nodes.map(({ port }) => `http://${face.host}:${port}`) }));
  app.use(assets());
  app.use(probePath, sso.probe());
  app.use(readNotes);
  app.use(sso.valve());
  app.use(sso.sessions({ app: face.app, idleMs: 30 * 60_000 }));

  app.use(whileUnavailable(site));
  app.get('/', counted, (req, res) => homePage(site, req, res));
  app.get(
    '/whoami',
    counted,
    (req, res) => void res.status(req.sso.unavailable ? 503 : 200).json(whoAmI(parts, face, req)),
  );
  app.get('/login', (req, res) => loginPage(site, req, res));
  app.post(
    '/login',
    refuseWhenBusy(parts.isBusy),
    sso.login(({ username, password }) => parts.authenticate(username, password), { page: '/login' }),
  );
  app.get('/logout', (req, res) => logoutPage(site, req, res));
  // Our form leads to the receipt as a page; whatever else is posted, the library answers: with JSON, or a refusal.
  app.post('/logout', ...signOutByForm, sso.logout());
  app.use(
    receipts({
      sso,
      show: (req, res, { title, main, status }) => site.send(req, res, title, main, status),
      below: (id) => afterSignOut(site, id),
    }),
  );
  app.get('/events', sso.protect(), (req, res) => events(parts, req, res));
  app.post('/leave', readForm, ownFormsOnly, async (req, res) => {
    await req.sso.leave();
    leaveNote(res, 'left');
    res.redirect(303, '/');
  });
  controls(site);
  face.pages(site);

  app.use(notFound(frame));
  app.use(failed(frame, log));
  return app;
}

/** Where the library would answer with one sentence, people get a page: 503 while this node may not say who is signed on. */
function whileUnavailable(site: Site): RequestHandler {
  return async (req, res, next) => {
    const cannotOpen = req.method === 'POST' && req.path === '/login' && !(await req.sso.mayOpen());
    if (!req.sso.unavailable && !cannotOpen) return next();
    res.setHeader('Retry-After', String(retryAfterS));
    const isOpen = /^\/(whoami|logout|receipts\/.*|demo\/.*)$/.test(req.path);
    if (isOpen || req.accepts(['json', 'html']) !== 'html') return next();
    unavailablePage(site, req, res);
  };
}

/** Counts in the session of whoever is signed on, and saves it, so that the page already shows it. */
const counted: RequestHandler = (req, _res, next) => {
  if (!req.sso.signedIn) return next();
  req.session.demoRequests = (req.session.demoRequests ?? 0) + 1;
  req.session.save(next);
};

function whoAmI({ sso, self }: DemoParts, { app }: Face, req: Request) {
  const where = { application: app, node: self.name, port: self.port, pid: process.pid };
  const { principal, how, authenticatedAt, signedIn, unavailable } = req.sso;
  if (unavailable) {
    return { unavailable: true, why: standing(sso).sentence, ...where };
  }
  if (!signedIn || principal === undefined) return { signedIn: false, ...where };
  const sessions = signOnOf(sso, req)?.sessions.map((session) => `${session.app} on ${session.node}`) ?? [];
  const since = authenticatedAt === undefined ? undefined : new Date(authenticatedAt).toISOString();
  return {
    signedIn: true,
    name: principal.name,
    roles: principal.roles,
    how,
    since,
    ...where,
    requestsInThisSession: req.session.demoRequests,
    sessions,
  };
}

function loginPage(site: Site, req: Request, res: Response): void {
  const { return_to: returnTo } = req.query;
  const name = req.sso.principal?.name;
  const form = signInForm({
    csrf: req.sso.csrfToken(),
    returnTo: typeof returnTo === 'string' ? returnTo : undefined,
    problem: problemIn(req.query),
  });
  site.send(
    req,
    res,
    'Sign on',
    html`<h1>Sign on</h1>
<p class="lead">Once, for ${site.face.site} and for ${site.face.other.site}.</p>
${name !== undefined && html`<p class="note good">You are signed on as ${name}. Signing on again replaces that.</p>`}
<section class="card">${form}</section>
<p class="card quiet">To try: <code>alice</code> with <code>wonderland</code> (customer), <code>bob</code> with <code>builder</code> (customer and staff).</p>`,
  );
}

function logoutPage(site: Site, req: Request, res: Response): void {
  if (!req.sso.signedIn && !req.sso.unavailable) {
    res.redirect(303, '/');
    return;
  }
  const form = html`<form method="post" action="/logout"><input type="hidden" name="csrf" value="${req.sso.csrfToken()}"><button>Sign out everywhere</button></form>`;
  site.send(
    req,
    res,
    'Sign out',
    html`<h1>Sign out?</h1><p class="lead">It ends your sign-on in all applications.</p>${req.sso.unavailable && html`<p class="note warn">${pendingThen}</p>`}<section class="card">${form}</section>`,
  );
}

const pendingThen =
  'This node reaches no majority, so the receipt will be pending: it becomes complete when enough nodes have confirmed it.';

/** The applications to try, and the same receipt at the other nodes. */
function afterSignOut({ face, parts }: Site, id: string): Html {
  const { host, other } = face;
  const { port } = parts.self;
  const others = parts.nodes.filter(({ name }) => name !== parts.self.name && parts.control.isRunning(name));
  return html`<p class="card">See for yourself: <a href="http://${host}:${port}/">this application</a>, <a href="http://${other.host}:${port}/">${other.site}</a>.${others.length > 0 && html` The same receipt, from ${others.map((node, index) => html`${index > 0 && ', '}<a href="http://${host}:${node.port}${receiptPath(id)}">${node.name}</a>`)}.`}</p>`;
}

/** A stream that ends with the sign-on, on whichever node that ends. */
function events({ sso, self }: DemoParts, req: Request, res: Response): void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.write(`event: hello\ndata: ${self.name} tells ${req.sso.principal?.name} when the sign-on ends\n\n`);
  sso.closeWith(req.sso, res);
}

/** How this node stands, by the voters it reaches. */
function standing(sso: SsoNode): Standing {
  return standingOf(sso.finality(), sso.members().filter(({ reachable }) => reachable).length);
}

function pageSender({ self }: DemoParts, face: Face): Site['send'] {
  return (req, res, title, main, status = 200) => {
    const { principal } = req.sso;
    const session: Link =
      principal !== undefined
        ? { href: '/logout', text: `Sign out ${principal.name}` }
        : req.sso.unavailable
          ? { href: '/logout', text: 'Sign out' }
          : { href: '/login', text: 'Sign on' };
    const links = [...face.links, session].map((link) => ({ ...link, current: link.href === req.path }));
    const footer = html`Answered by ${self.name} on port ${self.port}. A demonstration of Latchkey: on this machine, over plain http.`;
    res.setHeader('Cache-Control', 'no-store');
    sendPage(res, status, { title, site: face.site, theme: face.theme, links, main, footer });
  };
}

function hereOf({ self, nodes, control, sso }: DemoParts, { host }: Face, req: Request): Here {
  const members = new Map(sso.members().map((member) => [member.node, member]));
  return {
    host,
    self,
    csrf: req.sso.csrfToken(),
    standing: standing(sso),
    epoch: sso.finality().epoch,
    nodes: nodes.map(({ name, port }) => ({
      name,
      port,
      running: control.isRunning(name),
      seen: members.get(name)?.state ?? 'not seen yet',
    })),
  };
}
