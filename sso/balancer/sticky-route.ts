/**
 * The cookie by which a balancer keeps a browser on the node where it signed on, as the Plone page on
 * sticky sessions sets it: `STICKY_ROUTE=route.<route>`. mod_proxy_balancer takes the text after the
 * first dot and strips no quotes, so the value is unquoted and its dot is not encoded. It holds no
 * secret and decides nothing but where a request goes (check 3).
 */

import { stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';
import { configError } from '../errors.ts';
import { appendCookie } from '../http/answer.ts';
import { connectionOf } from '../http/connection.ts';
import type { SignOnHook } from '../valve/settings.ts';

export interface StickyRouteOptions {
  /** Default `STICKY_ROUTE`; what the balancer's `stickysession` names. */
  readonly cookieName?: string;
  /** Default `/`. Narrower: requests outside it go to any node. */
  readonly path?: string;
  /** Milliseconds until the browser forgets it. Default 86,400,000 (a day). Shorter: requests lose their node sooner, which costs a look-up elsewhere. */
  readonly maxAgeMs?: number;
}

/** A hook for `hooks.onSignOn`. On a node without a route it does nothing. @throws SsoError ERR_CONFIG_INVALID a cookie that cannot be set */
export function stickyRoute(options: StickyRouteOptions = {}): SignOnHook {
  const { cookieName = 'STICKY_ROUTE', path = '/', maxAgeMs = 86_400_000 } = options;
  const line = (req: Request, value: string, lifeMs: number) =>
    stringifySetCookie(
      {
        name: cookieName,
        value,
        path,
        maxAge: Math.ceil(lifeMs / 1000),
        httpOnly: true,
        secure: connectionOf(req).secure,
        sameSite: 'lax',
      },
      { encode: String },
    );
  try {
    line({ secure: true } as Request, 'route.node', maxAgeMs);
  } catch (error) {
    throw configError('stickyRoute', (error as Error).message);
  }
  return {
    signOn: (req: Request, res: Response, _principal, { route }) => {
      if (route !== undefined) appendCookie(res, line(req, `route.${route}`, maxAgeMs));
    },
    signOff: (req, res, { route }) => {
      if (route !== undefined) appendCookie(res, line(req, '', 0));
    },
  };
}
