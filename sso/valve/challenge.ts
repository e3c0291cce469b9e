/**
 * What a request gets that must be signed on and is not: the application's own way if it has one, the
 * form for a person, HTTP Basic for a program, and for a page's `fetch` a 401 with JSON and nothing that
 * makes the browser open a window. Where no way is configured there is nothing to ask for: 403 (V36).
 */

import type { NextFunction, Request, Response } from 'express';
import { ownHost } from '../http/own-host.ts';
import { isNavigation, refuse, seeOther } from '../http/reply.ts';
import { safeReturnAddress, withQuery } from '../http/return-address.ts';
import { basicChallenge } from './basic.ts';

/** The application's own way of asking, instead of ours: it answers, or signs on (`req.sso.open`) and calls `next()`. */
export type Challenge = (req: Request, res: Response, next: NextFunction) => void | Promise<void>;

export interface ChallengeOptions {
  /** The page with the form. */
  readonly login: string | undefined;
  readonly realm: string | undefined;
  readonly origins: readonly string[];
}

export function sendChallenge(options: ChallengeOptions, req: Request, res: Response): void {
  const { login, realm } = options;
  if (login !== undefined && isNavigation(req, ['GET', 'HEAD'])) {
    seeOther(res, withQuery(login, { return_to: returnAddress(req, login, options.origins) }));
    return;
  }
  const nothingToAskFor = login === undefined && realm === undefined;
  if (realm !== undefined && !isScript(req)) res.setHeader('WWW-Authenticate', basicChallenge(realm));
  refuse(req, res, nothingToAskFor ? 'role-missing' : 'not-signed-in', login === undefined ? {} : { loginUrl: login });
}

/** `fetch` and XMLHttpRequest: a browser would interrupt the page with a window of its own. */
function isScript(req: Request): boolean {
  const mode = req.headers['sec-fetch-mode'];
  return (
    (mode !== undefined && mode !== 'navigate') ||
    req.headers['x-requested-with']?.toString().toLowerCase() === 'xmlhttprequest'
  );
}

/** The page that was asked for; of a posted form none, since coming back would be a GET. On another host the form needs the whole address. */
function returnAddress(req: Request, login: string, origins: readonly string[]): string | undefined {
  if (req.method !== 'GET' && req.method !== 'HEAD') return undefined;
  const path = safeReturnAddress(req.originalUrl, []);
  if (path === undefined || login.startsWith('/')) return path;
  const host = ownHost(req);
  const own = origins.find((origin) => new URL(origin).host === host);
  return own && own + path;
}
