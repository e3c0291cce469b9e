/**
 * Where mod_jk's load balancer sends a request, from the cookie and the path alone: what its
 * `get_sessionid` and `get_most_suitable_worker` do (native/common/jk_lb_worker.c, 1.2.48). It reads
 * cookies more kindly than httpd: all of the name, quotes taken off, one after the other.
 */

export interface JkBalancer {
  readonly name: string;
  readonly isSticky: boolean;
  /** `sticky_session_force`: whoever's node is away gets an error. */
  readonly isForced: boolean;
  readonly cookie: string;
  /** With its semicolon: `;jsessionid`. */
  readonly path: string;
  readonly members: readonly JkMember[];
}

export interface JkMember {
  readonly name: string;
  /** The member's name, if nothing else is said. */
  readonly route: string;
  /** Members of one domain stand in for each other first. */
  readonly domain: string | undefined;
  readonly redirect: string | undefined;
  readonly activation: 'active' | 'disabled' | 'stopped';
  /** Nearer ones are preferred. */
  readonly distance: number;
  /** In error at the moment. */
  readonly isDown: boolean;
}

/** What the request said of its route. */
export interface FoundId {
  readonly from: 'path' | 'cookie';
  readonly value: string;
  readonly route: string | undefined;
}

export type JkRouting =
  /** `how`: of that route itself, the one its `redirect` names, or the only one there is. */
  | {
      readonly kind: 'member';
      readonly member: JkMember;
      readonly found: FoundId | undefined;
      readonly how: 'route' | 'redirect' | 'only';
    }
  /** Load decides among these. */
  | {
      readonly kind: 'balanced';
      readonly why: 'not-sticky' | 'nothing-found' | 'no-route' | 'unknown-route' | 'unusable' | 'domain';
      readonly among: readonly JkMember[];
      readonly found: FoundId | undefined;
    }
  | { readonly kind: 'refused'; readonly status: 503; readonly why: 'forced' | 'nobody' };

/**
 * @param cookieHeader the Cookie header; undefined: there is none
 * @param path the path without the query; `;jsessionid=…` is part of it
 */
export function routeOfModJk(cookieHeader: string | undefined, path: string, balancer: JkBalancer): JkRouting {
  const { members } = balancer;
  const ids = balancer.isSticky ? findIds(cookieHeader, path, balancer) : [];
  const first = ids[0];
  const only = members.length === 1 ? members[0]! : undefined;
  if (only !== undefined && !isReachable(only)) return { kind: 'refused', status: 503, why: 'nobody' };
  if (only?.activation === 'active') return { kind: 'member', member: only, found: first, how: 'only' };
  for (const found of ids) {
    if (found.route === undefined) continue;
    const routing = byRoute(found.route, balancer, found);
    if (routing !== undefined) return routing;
  }
  if (first !== undefined && balancer.isForced) return { kind: 'refused', status: 503, why: 'forced' };
  const among = nearest(members.filter(isUsable));
  if (among.length > 0) return { kind: 'balanced', why: whyBalanced(ids, balancer), among, found: first };
  const standIn = members.find(({ redirect }) => redirect !== undefined)?.redirect;
  return (
    (standIn === undefined ? undefined : byRoute(standIn, balancer, first)) ?? {
      kind: 'refused',
      status: 503,
      why: 'nobody',
    }
  );
}

function whyBalanced(ids: readonly FoundId[], { isSticky, members }: JkBalancer) {
  if (!isSticky) return 'not-sticky';
  if (ids.length === 0) return 'nothing-found';
  if (ids.every(({ route }) => route === undefined)) return 'no-route';
  return ids.some(({ route }) => members.some((one) => one.route === route)) ? 'unusable' : 'unknown-route';
}

/** Its own member, else one of its domain, else what the unusable member's `redirect` names. */
function byRoute(route: string, balancer: JkBalancer, found: FoundId | undefined): JkRouting | undefined {
  const { members, isForced } = balancer;
  const own = members.find((one) => one.route === route);
  const to = (member: JkMember | undefined, how: 'route' | 'redirect'): JkRouting | undefined =>
    member !== undefined && isReachable(member) ? { kind: 'member', member, found, how } : undefined;
  const inDomain = (domain: string): JkRouting | undefined => {
    const among = nearest(members.filter((one) => one.domain === domain && isUsable(one)));
    return among.length === 0 ? undefined : { kind: 'balanced', why: 'domain', among, found };
  };
  if (own === undefined) return inDomain(route.split('.', 1)[0]!);
  if (isReachable(own)) return to(own, 'route');
  if (isForced) return undefined;
  if (own.redirect !== undefined)
    return to(
      members.find((one) => one.route === own.redirect),
      'redirect',
    );
  return own.domain === undefined ? undefined : inDomain(own.domain);
}

/** New visitors may be sent there. */
function isUsable({ isDown, activation }: JkMember): boolean {
  return !isDown && activation === 'active';
}

/** Those who were there before may be sent there. */
function isReachable({ isDown, activation }: JkMember): boolean {
  return !isDown && activation !== 'stopped';
}

function nearest(members: readonly JkMember[]): readonly JkMember[] {
  const distance = Math.min(...members.map((one) => one.distance));
  return members.filter((one) => one.distance === distance);
}

/** The one of the path, else all of the cookies. */
function findIds(cookieHeader: string | undefined, path: string, balancer: JkBalancer): readonly FoundId[] {
  const inPath = pathValue(path, balancer.path);
  const from = inPath === undefined ? 'cookie' : 'path';
  const values = inPath === undefined ? cookieValues(cookieHeader ?? '', balancer.cookie) : [inPath];
  // Nothing at all in all of them together counts as no id.
  if (values.join(';') === '') return [];
  return values.map((value) => {
    const dot = value.indexOf('.');
    return { from, value, route: dot < 0 ? undefined : value.slice(dot + 1) };
  });
}

/** After a name at the very end mod_jk reads on in its memory. Nothing is taken to lie there; so behind the last cookie. */
function pathValue(path: string, name: string): string | undefined {
  for (let at = path.indexOf(name); at >= 0 && at < path.length; at = path.indexOf(name, at + 1)) {
    if (path[at + name.length] !== '=') continue;
    const rest = path.slice(at + name.length + 1);
    if (rest !== '') return rest.split(/[?;/]/, 1)[0]!;
  }
  return undefined;
}

const space = /[ \t\n\v\f\r]/;

function cookieValues(header: string, name: string): readonly string[] {
  const values: string[] = [];
  for (let at = header.indexOf(name); at >= 0 && at < header.length; at = header.indexOf(name, at + 1)) {
    if (at > 0 && !/[;,]/.test(header[at - 1]!) && !space.test(header[at - 1]!)) continue;
    at += name.length;
    while (at < header.length && space.test(header[at]!)) at += 1;
    if (header[at] !== '=' || at + 1 >= header.length) continue;
    at += 1;
    const value = header.slice(at).split(/[;,]/, 1)[0]!;
    values.push(/^".*"$/s.test(value) ? value.slice(1, -1) : value);
    at += value.length;
  }
  return values;
}

/** A balancer in few words, for whoever asks about the routing alone. */
export function jkBalancer(
  given: Partial<Omit<JkBalancer, 'members'>> & {
    readonly members: readonly (Partial<JkMember> & { readonly route: string })[];
  },
): JkBalancer {
  return {
    name: 'loadbalancer',
    isSticky: true,
    isForced: false,
    cookie: 'JSESSIONID',
    path: ';jsessionid',
    ...given,
    members: given.members.map((member) => ({
      name: member.route,
      domain: member.route.includes('.') ? member.route.split('.', 1)[0] : undefined,
      redirect: undefined,
      activation: 'active',
      distance: 0,
      isDown: false,
      ...member,
    })),
  };
}
