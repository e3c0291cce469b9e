/**
 * Where httpd's mod_proxy_balancer sends a request, from the cookie and the address alone: what its
 * `find_session_route` does, step by step (modules/proxy/mod_proxy_balancer.c, 2.4), with its oddities,
 * since those are what people fall over. Pure: the state of the members is part of the question.
 */

/** How a balancer finds the route in a request: `stickysession` and what goes with it. */
export interface HttpdSticky {
  /** Case counts. */
  readonly cookie: string;
  /** The name in the address; the cookie's if `stickysession` has no `|`. */
  readonly pathParameter: string;
  /** What stands between session and route, one character; undefined: `Off`, the whole value is the route. */
  readonly separator: string | undefined;
  /** `scolonpathdelim=On`: a value in the address ends at a semicolon as well. */
  readonly semicolonEnds: boolean;
  /** `nofailover=On`: whoever's node is away gets 503. */
  readonly isForced: boolean;
}

export interface HttpdMember {
  /** As BalancerMember names it: `http://192.168.1.10:8282`. */
  readonly url: string;
  readonly route: string | undefined;
  /** The route of the member that takes its place. */
  readonly redirect: string | undefined;
  /** False: disabled, stopped, in error or failing its health check. */
  readonly isUsable: boolean;
  /** Hot standby or spare: takes requests only if the others cannot. */
  readonly isStandby: boolean;
  /** Takes those who were there before, and nobody new. */
  readonly isDraining: boolean;
  /** Sets of a higher number are asked if nobody of those before can. */
  readonly set: number;
}

export interface HttpdBalancer {
  readonly sticky: HttpdSticky | undefined;
  readonly members: readonly HttpdMember[];
}

/** What the request said of its route, as the balancer reads it. */
export interface FoundValue {
  readonly from: 'address' | 'cookie';
  readonly value: string;
  /** Undefined: the value holds none. */
  readonly route: string | undefined;
}

export type HttpdRouting =
  /** `isSubstitute`: not the member of that route, but the one its `redirect` names. */
  | {
      readonly kind: 'member';
      readonly member: HttpdMember;
      readonly found: FoundValue;
      readonly isSubstitute: boolean;
    }
  /** Load decides among these. */
  | {
      readonly kind: 'balanced';
      readonly why: 'not-sticky' | 'nothing-found' | 'no-route' | 'unknown-route' | 'unusable';
      readonly among: readonly HttpdMember[];
      readonly found: FoundValue | undefined;
    }
  | { readonly kind: 'refused'; readonly status: 503; readonly why: 'forced' | 'nobody' };

/**
 * @param cookieHeader the Cookie header; undefined: there is none. Several are joined by ", ", as httpd does.
 * @param url path and query, as the balancer gets them: after what ProxyPass made of the path
 */
export function routeOfHttpd(
  cookieHeader: string | undefined,
  url: string,
  { sticky, members }: HttpdBalancer,
): HttpdRouting {
  const balanced = (why: (HttpdRouting & { kind: 'balanced' })['why'], found?: FoundValue): HttpdRouting => {
    const among = candidates(members);
    return among.length === 0
      ? { kind: 'refused', status: 503, why: 'nobody' }
      : { kind: 'balanced', why, among, found };
  };
  if (sticky === undefined) return balanced('not-sticky');
  const found = findValue(cookieHeader, url, sticky);
  if (found === undefined) return balanced('nothing-found');
  const { route } = found;
  if (route === undefined) return balanced('no-route', found);
  const member = memberOf(route, members, 1);
  if (member !== undefined) return { kind: 'member', member, found, isSubstitute: member.route !== route };
  const isKnown = members.some((one) => one.route === route);
  if (isKnown && sticky.isForced) return { kind: 'refused', status: 503, why: 'forced' };
  return balanced(isKnown ? 'unusable' : 'unknown-route', found);
}

/** The address beats the cookie, always. */
function findValue(cookieHeader: string | undefined, url: string, sticky: HttpdSticky): FoundValue | undefined {
  const inAddress = addressValue(url, sticky.pathParameter, sticky.semicolonEnds);
  const value = inAddress ?? (cookieHeader === undefined ? undefined : cookieValue(cookieHeader, sticky.cookie));
  if (value === undefined) return undefined;
  return { from: inAddress === undefined ? 'cookie' : 'address', value, route: routeIn(value, sticky.separator) };
}

/** What follows the first separator. */
function routeIn(value: string, separator: string | undefined): string | undefined {
  if (separator === undefined) return value || undefined;
  const at = value.indexOf(separator);
  return at < 0 ? undefined : value.slice(at + 1) || undefined;
}

/**
 * The first `name=` with something behind it, wherever it stands: what precedes the name is not looked at.
 * After a name at the very end httpd reads on in its memory. Nothing is taken to lie there; so for cookies.
 */
function addressValue(url: string, name: string, semicolonEnds: boolean): string | undefined {
  const ends = semicolonEnds ? /[;?&]/ : /[?&]/;
  for (let at = url.indexOf(name); at >= 0 && at < url.length; at = url.indexOf(name, at + 1)) {
    at += name.length;
    if (url[at] !== '=') continue;
    at += 1;
    // Delimiters at the front are passed over, as strtok does.
    if (at < url.length)
      return url
        .slice(at)
        .split(ends)
        .find((part) => part !== '');
  }
  return undefined;
}

const space = /[ \t\n\v\f\r]/;

/** The first cookie of the name that is not empty. It ends at a semicolon or comma; quotes belong to it. */
function cookieValue(header: string, name: string): string | undefined {
  for (let at = header.indexOf(name); at >= 0 && at < header.length; at = header.indexOf(name, at + 1)) {
    if (at > 0 && !/[;,]/.test(header[at - 1]!) && !space.test(header[at - 1]!)) continue;
    at += name.length;
    while (at < header.length && space.test(header[at]!)) at += 1;
    const isNamed = header[at] === '=';
    // What stands there instead of "=" is passed over as well: a name right behind it is not found.
    at += 1;
    if (isNamed && at < header.length) return header.slice(at).split(/[;,]/, 1)[0]!;
  }
  return undefined;
}

/** Those that are no standby come first; an unusable member's `redirect` is followed, once for each member at most. */
function memberOf(route: string, members: readonly HttpdMember[], depth: number): HttpdMember | undefined {
  for (const isStandby of [false, true]) {
    for (const member of members) {
      if (member.isStandby !== isStandby || member.route !== route) continue;
      if (member.isUsable) return member;
      if (member.redirect === undefined || depth >= members.length) continue;
      const other = memberOf(member.redirect, members, depth + 1);
      if (other?.isUsable === true) return other;
    }
  }
  return undefined;
}

/** Whom load may choose: set by set, and in each the standbys only if nobody else of it can. */
function candidates(members: readonly HttpdMember[]): readonly HttpdMember[] {
  const able = members.filter(({ isUsable, isDraining }) => isUsable && !isDraining);
  const set = Math.min(...able.map((one) => one.set));
  const first = able.filter((one) => one.set === set);
  const active = first.filter(({ isStandby }) => !isStandby);
  return active.length > 0 ? active : first;
}

/** A balancer in few words, for whoever asks about the routing alone. `stickysession` as httpd has it: `NAME` or `NAME|name`. */
export function httpdBalancer(given: {
  readonly stickysession?: string;
  readonly stickysessionsep?: string;
  readonly scolonpathdelim?: boolean;
  readonly nofailover?: boolean;
  readonly members: readonly Partial<HttpdMember>[];
}): HttpdBalancer {
  return {
    sticky:
      given.stickysession === undefined
        ? undefined
        : stickyOf(
            given.stickysession,
            given.stickysessionsep,
            given.scolonpathdelim === true,
            given.nofailover === true,
          ),
    members: given.members.map((member, index) => ({
      url: `http://member-${index + 1}`,
      route: undefined,
      redirect: undefined,
      isUsable: true,
      isStandby: false,
      isDraining: false,
      set: 0,
      ...member,
    })),
  };
}

/** Reads the values of the parameters of those names. */
export function stickyOf(
  stickysession: string,
  stickysessionsep: string | undefined,
  semicolonEnds: boolean,
  isForced: boolean,
): HttpdSticky {
  const bar = stickysession.indexOf('|');
  return {
    cookie: bar < 0 ? stickysession : stickysession.slice(0, bar),
    pathParameter: bar < 0 ? stickysession : stickysession.slice(bar + 1),
    separator: stickysessionsep?.toLowerCase() === 'off' ? undefined : (stickysessionsep ?? '.'),
    semicolonEnds,
    isForced,
  };
}
