/**
 * Who gets the sticky cookie: whoever signs on (`stickyRoute`, a hook), or everybody (`keepRoute`, a
 * middleware). Both give it anew to a browser that comes without it, or with that of another node, since
 * then that node has failed or is being emptied; so it is set once for each move.
 */

import type { RequestHandler } from 'express';
import type { HookNode, SignOnHook } from '../valve/settings.ts';
import type { StickyCookieNote } from './probe-answer.ts';
import { StickyCookie, type StickyRouteOptions } from './sticky-cookie.ts';

export type { StickyRouteOptions } from './sticky-cookie.ts';

const notes = new WeakMap<SignOnHook, StickyCookieNote>();

/**
 * A hook for `hooks.onSignOn`: the cookie is there while somebody is signed on. On a node without a route it does nothing.
 * @throws SsoError ERR_CONFIG_INVALID a cookie that cannot be set
 */
export function stickyRoute(options: StickyRouteOptions = {}): SignOnHook {
  const cookie = new StickyCookie('stickyRoute', options);
  const hook: SignOnHook = {
    signOn: (req, res, _principal, node) => cookie.give(req, res, node),
    comeBack: (req, res, node) => cookie.keep(req, res, node),
    signOff: (req, res, node) => cookie.take(req, res, node),
  };
  notes.set(hook, cookie.note);
  return hook;
}

/** The cookie of a hook; `undefined`: it is another kind of hook. */
export function stickyCookieOf(hook: SignOnHook): StickyCookieNote | undefined {
  return notes.get(hook);
}

export interface KeepRouteParts {
  readonly node: HookNode;
  /** Whether browsers should be led to this node at all: not while it drains, rests, or accepts nobody. */
  readonly takesNew: () => boolean;
  readonly onMounted: (cookie: StickyCookieNote) => void;
}

/** @throws SsoError ERR_CONFIG_INVALID a cookie that cannot be set */
export function keepRoute({ node, takesNew, onMounted }: KeepRouteParts, options: StickyRouteOptions): RequestHandler {
  const cookie = new StickyCookie('keepRoute', options);
  onMounted(cookie.note);
  return (req, res, next) => {
    if (takesNew()) cookie.keep(req, res, node);
    next();
  };
}
