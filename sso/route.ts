/**
 * A route: the name of a node as balancers know it (JBoss: jvmRoute), the text after the first dot of a
 * sticky cookie's value. It has to pass through cookies, URLs, and the configurations of balancers
 * unquoted, so it holds little. Dots are allowed within: `domain.node` is mod_jk's way to name a group of
 * nodes that take over from one another.
 */

import { hostname } from 'node:os';

export const routeShape = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
/** mod_jk takes no longer one ("a maximum of 60 bytes is supported", 1.2.48); mod_proxy_balancer's own bound is 63. */
export const routeLengthAtMost = 60;

/** Why no balancer or no cookie could carry it, or `undefined`. */
export function routeError(route: string): string | undefined {
  if (route.length > routeLengthAtMost)
    return `must be at most ${routeLengthAtMost} characters: mod_jk takes no longer ones`;
  if (!routeShape.test(route))
    return 'may hold letters, digits, "-", "_" and single dots: balancers and cookies cannot carry anything else';
  return undefined;
}

/**
 * The route of a host by its name or IPv4 address, as the Plone page forms it: without the port, dots turned into dashes;
 * `192.168.1.10:8282` → `192-168-1-10`. Letters stay as they are: balancers compare them one by one. `undefined`: it makes none,
 * as an IPv6 address.
 */
export function routeFromHost(host: string): string | undefined {
  const route = dashed(host.replace(/:\d*$/, '').replace(/\.$/, ''));
  return routeError(route) === undefined && /[A-Za-z0-9]/.test(route) ? route : undefined;
}

/** The route of a node that was given none: by the name of its machine, which may be longer than a route. */
export function defaultRoute(name = hostname()): string {
  return dashed(name.replace(/[^A-Za-z0-9_.-]+/g, '-')).replace(/^-+|-+$/g, '') || 'node';
}

const dashed = (name: string) => name.replace(/\.+/g, '-');
