/**
 * What `latchkey serve` shows: a sign-in page, a page that says who is signed on, the account page,
 * sign-out with its receipt, the key set that verifies our assertions, and health for balancers. Metrics
 * have a listener of their own, so that nothing an operator sees is a balancer's rule away from everybody.
 */

import type { RequestListener } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import type { SiteConfig } from '../../config/site.ts';
import {
  type Authenticate,
  type Log,
  type MetricsOptions,
  type Principal,
  probePath,
  type SsoNode,
} from '../../sso/index.ts';
import { account } from '../account/account.ts';
import { assets } from '../assets.ts';
import { failed, notFound } from '../errors.ts';
import { headersOfPages, securityHeaders } from '../headers.ts';
import { branding } from './branding.ts';
import { floodGate } from './flood-gate.ts';
import { homePage } from './home.ts';
import { signIn, whileUnavailable } from './sign-in.ts';
import { signOut } from './sign-out.ts';
import { visits as visitsOf } from './visits.ts';

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
  /** How many more could be verified now. Default: not known. */
  readonly room?: () => number;
  /** How the pages look and speak. Default: plain, English and German. */
  readonly site?: SiteConfig;
  /** Days, where people may choose to be kept signed on. */
  readonly rememberDays?: number | undefined;
}

export const plainSite: SiteConfig = {
  origin: undefined,
  name: 'Single sign-on',
  logo: undefined,
  colours: undefined,
  languages: ['en', 'de'],
  help: undefined,
};

export function loginSite(parts: LoginSiteParts): RequestListener {
  const { sso, log, origins, isBusy, room, rememberDays, site = plainSite } = parts;
  const visits = visitsOf(sso, site);
  const headers = headersOfPages({ formTargets: origins });
  const gate = floodGate({ isBusy, site, headers, ...(room && { room }) });
  const authenticate: Authenticate = ({ username, password }, req) => {
    gate.arrived(req);
    return parts.authenticate(username, password);
  };
  const app = express()
    .disable('x-powered-by')
    .set('query parser', 'simple')
    .set('trust proxy', [...parts.trustProxy]);
  app.use(securityHeaders({ formTargets: origins }));
  app.use(assets());
  app.use(branding(site));
  app.use('/livez', sso.livez());
  app.use('/readyz', sso.readyz());
  app.use(probePath, sso.probe());
  app.get('/.well-known/jwks.json', sso.keySet());
  app.use(sso.valve());

  app.use(nobodyElses);
  app.use(visits.remember);
  app.use(whileUnavailable({ visits }));
  app.get('/', (req, res) => {
    const words = visits.words(req);
    const isSomebody = req.sso.signedIn;
    visits.send(req, res, {
      title: isSomebody ? words.nav.home : words.home.nobody,
      main: homePage(sso, req, words),
      narrow: !isSomebody,
    });
  });
  app.use(signIn({ sso, site, visits, authenticate, isBusy, rememberDays }));
  app.use(account({ sso, visits }));
  app.use(signOut({ sso, visits }));

  app.use(notFound(visits.frame));
  app.use(failed(visits.frame, log));
  return gate.before(app);
}

/** Redirects as well: where somebody is led on to is for that one alone. */
const nobodyElses: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};

const metricsFrame = { site: 'Metrics', scriptless: true } as const;

/** For Prometheus, on a listener of its own. `also`: what the program counts beside the node. */
export function metricsSite(sso: SsoNode, log: Log, also?: MetricsOptions['also']): Express {
  const app = express().disable('x-powered-by').set('query parser', 'simple');
  app.use(securityHeaders());
  app.use('/metrics', sso.metrics({ processMetrics: true, ...(also && { also }) }));
  app.use(notFound(metricsFrame));
  app.use(failed(metricsFrame, log));
  return app;
}
