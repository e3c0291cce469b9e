/**
 * `/login`: the form, and what is posted by it. Nothing is kept here between the two, so any node may
 * answer what another one has shown. Whoever is signed on already is sent on and not asked again (V28), also
 * by a form that a second tab still had open; a form whose token is not this browser's is shown anew, with
 * what was typed but for the password (check 39). What no person posts, the library answers.
 */

import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { SiteConfig } from '../../config/site.ts';
import { parseUrl } from '../../config/url.ts';
import type { Authenticate, SsoNode } from '../../sso/index.ts';
import { refuseWhenBusy } from '../errors.ts';
import { type Html, html } from '../html.ts';
import { type Problem, problemIn, signInForm } from '../sign-in-form.ts';
import { hostCookie } from './host-cookie.ts';
import { type Facts, loginAddress, lostCookiePage } from './lost-cookie.ts';
import {
  formatRounds,
  isLoop,
  type Led,
  parseRounds,
  roundAfter,
  roundsAtMost,
  roundsLifeS,
  targetOf,
} from './rounds.ts';
import type { Visits } from './visits.ts';

export interface SignInParts {
  readonly sso: SsoNode;
  readonly site: SiteConfig;
  readonly visits: Visits;
  readonly authenticate: Authenticate;
  /** Whether so many passwords are being verified that the next would be refused. */
  readonly isBusy: () => boolean;
  /** Days, where people may choose to be kept signed on. */
  readonly rememberDays: number | undefined;
}

/** The most a form of ours may hold; more is refused, not cut (check 35). */
const formLimit = '16kb';

/** The form as it was sent, for the library to read strictly; we look into it for little. */
const readForm: RequestHandler = express.raw({
  type: 'application/x-www-form-urlencoded',
  limit: formLimit,
  inflate: false,
});

export function signIn(parts: SignInParts): Router {
  const { sso, visits, isBusy } = parts;
  const rounds = roundsOf(sso);
  const router = Router();
  router.get('/login', (req, res) => {
    const returnTo = sso.returnAddress(req);
    if (sso.cookie.secure && !req.secure) return insecure(parts, req, res);
    if (rounds.areTooMany(req, req.sso.signedIn, returnTo)) {
      rounds.forget(res);
      return lost(parts, req, res, returnTo, true);
    }
    if (req.sso.signedIn) {
      if (req.method === 'GET') rounds.led(req, res, 'passed', returnTo);
      return res.redirect(303, returnTo ?? '/');
    }
    return show(parts, req, res, { returnTo, problem: problemIn(req.query, visits.words(req)) });
  });
  router.post('/login', readForm, async (req, res, next) => {
    if (!isPersonsForm(req)) return next();
    const form = formIn(req);
    const returnTo = sso.returnAddress(req, form('return_to'));
    const username = form('username');
    const again = (kind: Problem['kind'], status: number, text?: Html) =>
      show(parts, req, res, { returnTo, username, problem: problemOf(parts, req, kind, text), status });
    if (!(await req.sso.mayOpen())) return again('unavailable', 503);
    if (req.sso.isCsrfToken(form('csrf'))) return isBusy() ? again('busy', 503) : next();
    const { principal } = req.sso;
    if (principal !== undefined) {
      if (isName(username, [principal.name, principal.attributes?.['email']]))
        return res.redirect(303, returnTo ?? '/');
      return again('someoneElse', 403, someoneElse(parts, req, returnTo));
    }
    const round = Math.min(Number(/^\d$/.test(form('round') ?? '') ? form('round') : 0), roundsAtMost) + 1;
    if (round > roundsAtMost && req.headers.cookie === undefined) return lost(parts, req, res, returnTo, false);
    return show(parts, req, res, { returnTo, username, round, problem: problemOf(parts, req, 'tooOld'), status: 403 });
  });
  const authenticate: Authenticate = async (credentials, req) => {
    const outcome = await parts.authenticate(credentials, req);
    // The answer is the library's to write; a browser that is let in is led away by it.
    if (isPrincipal(outcome) && req.res !== undefined)
      rounds.led(req, req.res, 'signedOn', sso.returnAddress(req, credentials['return_to']));
    return outcome;
  };
  router.post('/login', refuseWhenBusy(isBusy), sso.login(authenticate, { page: '/login', requireCsrf: true }));
  return router;
}

/** How often a browser was led to an address, kept in its cookie. */
export function roundsOf(sso: SsoNode) {
  const cookie = hostCookie('rounds', sso.cookie.secure, roundsLifeS);
  const now = () => Math.floor(Date.now() / 1_000);
  const read = (req: Request) => parseRounds(cookie.read(req));
  return {
    areTooMany: (req: Request, isSignedOn: boolean, returnTo: string | undefined) =>
      isLoop(read(req), isSignedOn, targetOf(returnTo), now()),
    led: (req: Request, res: Response, led: Led, returnTo: string | undefined) =>
      cookie.set(res, formatRounds(roundAfter(read(req), led, targetOf(returnTo), now()))),
    forget: (res: Response) => cookie.clear(res),
  };
}

interface Shown {
  readonly returnTo: string | undefined;
  readonly username?: string | undefined;
  readonly problem?: Problem | undefined;
  readonly round?: number;
  readonly status?: number;
}

function show({ visits, rememberDays }: SignInParts, req: Request, res: Response, shown: Shown): void {
  const { returnTo, username, problem, round, status = 200 } = shown;
  const words = visits.words(req);
  const { signIn, page } = words;
  const host = returnTo === undefined ? undefined : parseUrl(returnTo)?.host;
  const form = signInForm({
    csrf: req.sso.csrfToken(),
    returnTo,
    problem,
    username,
    rememberDays,
    words,
    ...(round !== undefined && { round }),
  });
  if (status === 503) res.setHeader('Retry-After', '1');
  visits.send(
    req,
    res,
    {
      title: problem === undefined ? signIn.title : `${page.error}: ${signIn.title}`,
      main: html`<section class="card"><h1>${signIn.title}</h1>${host !== undefined && html`<p class="quiet">${signIn.goesOnTo(host)}</p>`}${form}</section>`,
      narrow: true,
    },
    status,
  );
}

function problemOf({ visits }: SignInParts, req: Request, kind: Problem['kind'], text?: Html): Problem {
  return { kind, text: text ?? visits.words(req).signIn.problems[kind].text };
}

function someoneElse({ visits }: SignInParts, req: Request, returnTo: string | undefined): Html {
  const { signIn } = visits.words(req);
  const { principal } = req.sso;
  const name = principal?.attributes?.['displayName'] ?? principal?.name ?? '';
  return html`${signIn.problems.someoneElse.text} <a href="${returnTo ?? '/'}">${signIn.goOnAs(String(name))}</a>. ${signIn.orReplace}`;
}

/** Its cookie would not be kept: nothing that is typed here could help, and a password does not belong on this connection. */
function insecure({ visits, site }: SignInParts, req: Request, res: Response): void {
  const { insecure } = visits.words(req).signIn;
  const isElsewhere = site.origin?.startsWith('https:');
  const main = html`<section class="card"><h1>${insecure.title}</h1><p>${insecure.text}</p>${isElsewhere && html`<p>${insecure.open(site.origin!)}</p>`}<p class="quiet">${insecure.operator}</p></section>`;
  visits.send(req, res, { title: insecure.title, main, narrow: true }, 403);
}

function lost(
  { sso, visits }: SignInParts,
  req: Request,
  res: Response,
  returnTo: string | undefined,
  keepsCookies: boolean,
): void {
  const target = returnTo === undefined ? undefined : parseUrl(returnTo);
  const facts: Facts = {
    cookie: sso.cookie,
    here: { host: req.hostname, secure: req.secure },
    there: target && { host: target.hostname, secure: target.protocol === 'https:' },
    isSignedOnHere: req.sso.signedIn,
    keepsCookies,
  };
  const words = visits.words(req);
  visits.send(req, res, { title: words.loop.title, main: lostCookiePage(facts, returnTo, words) }, 409);
}

/** What a browser marks as coming from another page than ours: the library's to refuse (check 36). */
export function isFromElsewhere({ headers }: Request): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin';
}

/** A form that a person sent, from a page of ours. */
function isPersonsForm(req: Request): boolean {
  const { 'sec-fetch-mode': mode } = req.headers;
  if (isFromElsewhere(req)) return false;
  return mode === undefined ? (req.headers.accept?.includes('text/html') ?? false) : mode === 'navigate';
}

/** The fields that were sent once; nothing here decides who somebody is. */
function formIn(req: Request): (name: string) => string | undefined {
  const sent = new URLSearchParams(Buffer.isBuffer(req.body) ? req.body.toString('utf8') : '');
  return (name) => {
    const values = sent.getAll(name);
    return values.length === 1 ? values[0] : undefined;
  };
}

function isName(typed: string | undefined, names: readonly unknown[]): boolean {
  const plain = (name: string) => name.normalize('NFKC').trim().toLowerCase();
  return typed !== undefined && names.some((name) => typeof name === 'string' && plain(name) === plain(typed));
}

function isPrincipal(outcome: unknown): boolean {
  return typeof outcome === 'object' && outcome !== null && typeof (outcome as { name?: unknown }).name === 'string';
}

/** While this node may not say who is signed on, people are told so, and to try again: the balancer knows by `readyz` where to. */
export function whileUnavailable({ visits }: Pick<SignInParts, 'visits'>): RequestHandler {
  return (req, res, next) => {
    const isPage = ['/', '/login', '/account'].includes(req.path) && req.accepts(['json', 'html']) === 'html';
    if (!isPage || !req.sso.unavailable || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
    const { unavailable } = visits.words(req);
    res.setHeader('Retry-After', '1');
    const again = req.path === '/login' ? loginAddress(single(req.query['return_to'])) : req.path;
    const main = html`<section class="card"><h1>${unavailable.title}</h1>
<p class="lead">${unavailable.lead}${unavailable.keep}.</p>
<p><a href="${again}">${unavailable.again}</a>${unavailable.or}<a href="/logout">${unavailable.signOut}</a>.</p></section>`;
    visits.send(req, res, { title: unavailable.title, main, narrow: true }, 503);
  };
}

function single(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
