/**
 * What can be seen without the cluster's secret: what any visitor gets at the URL. Who answered is read off
 * the routes in the cookies that are set; a visitor whose cookie is rewritten has come to another node (V111).
 */

import type { Chance, Header } from './asking.ts';
import { pairOf } from './carriers.ts';
import { judgeDomainOf } from './checks/cookies.ts';
import { judgeRedirect, type Plain } from './checks/redirect.ts';
import { counted, listed } from './cluster.ts';
import type { Examination } from './doctor.ts';
import type { Finding } from './finding.ts';
import type { Page, Visit } from './live.ts';
import { type Trial, tryRoute } from './trial.ts';

export interface OutsideParts {
  readonly visit: Visit;
  readonly chance: Chance;
  /** With the path of a page that sets a cookie. */
  readonly url: URL;
  readonly plain?: ((path: string) => Promise<Plain>) | undefined;
}

type Came = Extract<Page, { kind: 'page' }>;

/** Enough to meet each of a few nodes. */
const visits = 16;
/** More different ends of a value than this are no routes. */
const routesAtMost = 8;

export async function examineFromOutside({ visit, chance, url, plain }: OutsideParts): Promise<Examination> {
  const path = `${url.pathname}${url.search}`;
  const pages: Page[] = [];
  for (let i = 0; i < visits; i++) pages.push(await visit(path));
  const came = pages.filter((page) => page.kind === 'page');
  const [first] = pages;
  if (came.length === 0) return { kind: 'not-asked', why: first?.kind === 'failed' ? first.why : 'nothing answered' };
  const findings: Finding[] = [
    judgeVisits(pages),
    ...judgeSetCookies(came, url),
    await checkStaying(visit, chance, path, came),
    judgeKept(came),
    await checkLargeVisit(visit, path),
    ...(plain === undefined || url.protocol !== 'https:' ? [] : [judgeRedirect(await plain(path), url, path)]),
    {
      check: 'secret',
      ok: 'unknown',
      says: 'without the cluster’s secret nodes do not say how requests arrive: nothing was seen of routes, members, clocks, forwarded headers, Host, WebSockets',
      remedy: 'name it: --secret-file FILE',
    },
  ];
  return { kind: 'asked', nodes: [], findings };
}

export function judgeVisits(pages: readonly Page[]): Finding {
  const check = 'answers';
  const what = pages.flatMap((page) =>
    page.kind === 'failed' ? [page.why] : page.status >= 500 ? [String(page.status)] : [],
  );
  if (what.length === 0) return { check, ok: true, says: `each of ${counted(pages.length, 'visit')} was answered` };
  return {
    check,
    ok: false,
    says: `${what.length} of ${counted(pages.length, 'visit')} failed: ${listed([...new Set(what)])}`,
    remedy: 'the balancer sends visitors to a node that is dead or not ready: let it ask /readyz, with short timeouts',
  };
}

/** Attributes as a browser reads them, and values as balancers do. */
export function judgeSetCookies(pages: readonly Came[], url: URL): readonly Finding[] {
  const lines = [
    ...new Map(pages.flatMap(({ setCookies }) => setCookies).map((line) => [pairOf(line)[0], line])).values(),
  ];
  const isTls = url.protocol === 'https:';
  const domains = [
    ...new Set(lines.map((line) => /;\s*domain=\.?([^;\s]+)/i.exec(line)?.[1]).filter((one) => one !== undefined)),
  ];
  const names = (some: readonly string[]) => listed(some.map((line) => pairOf(line)[0]));
  const open = lines.filter((line) => /;\s*secure\b/i.test(line) !== isTls);
  const quoted = lines.filter((line) => /^"[^"]*\.[^"]+"$/.test(pairOf(line)[1]));
  const fitting = lines.length === 0 ? 'no cookie is set here' : `Secure fits the scheme: ${names(lines)}`;
  const wrong = isTls ? 'over https, without Secure' : 'over plain http, Secure, so that browsers drop it';
  const secure: Finding =
    open.length === 0
      ? { check: 'secure', ok: true, says: fitting }
      : {
          check: 'secure',
          ok: false,
          says: `${wrong}: ${names(open)}`,
          remedy: isTls
            ? 'let the balancer say X-Forwarded-Proto: https, and the nodes believe it (trust proxy)'
            : 'name the https address; plain http should only redirect there',
        };
  return [
    judgeDomainOf(domains, url.hostname),
    secure,
    ...(quoted.length === 0
      ? []
      : [
          {
            check: 'quoting',
            ok: false,
            says: `in double quotes: ${names(quoted)}, which mod_proxy_balancer takes for a part of the route`,
            remedy: 'set it without quotes; leave out quoted: "zope" where no Zope shares the balancer',
          } satisfies Finding,
        ]),
  ];
}

/** The route in a cookie's value: what stands after the first dot. */
function routeIn(value: string): string | undefined {
  const text = value.replaceAll('"', '');
  const dot = text.indexOf('.');
  const route = dot < 1 ? undefined : text.slice(dot + 1);
  return route !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(route) ? route : undefined;
}

const routeSet = (page: Page, name: string): string | undefined =>
  page.kind === 'failed'
    ? undefined
    : page.setCookies
        .map(pairOf)
        .filter(([one]) => one === name)
        .map(([, value]) => routeIn(value))
        .at(-1);

/** Cookie name → route → a value that was set with it; of the cookies whose values end in few different ways. */
function routedCookies(pages: readonly Came[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const line of pages.flatMap(({ setCookies }) => setCookies)) {
    const [name, value] = pairOf(line);
    const route = routeIn(value);
    if (route === undefined) continue;
    found.set(name, (found.get(name) ?? new Map<string, string>()).set(route, value));
  }
  return new Map([...found].filter(([, routes]) => routes.size <= routesAtMost));
}

/** What stickyRoute() sets unless it is told otherwise: only at sign-on, so that an anonymous visitor does not have it. */
const stickyByCustom = 'STICKY_ROUTE';

async function checkStaying(visit: Visit, chance: Chance, path: string, pages: readonly Came[]): Promise<Finding> {
  const [cookie] = [...routedCookies(pages)].sort(([, a], [, b]) => b.size - a.size);
  if (cookie === undefined) return judgeStaying(undefined, new Map());
  const [name, values] = cookie;
  const tried = async (more: (route: string) => string) => {
    const trials = new Map<string, Trial>();
    for (const [route, value] of values.size < 2 ? [] : values) {
      const headers: readonly Header[] = [['Cookie', `${name}=${value}${more(route)}`]];
      const pair = {
        wanted: async () => routeSet(await visit(path, headers), name) ?? route,
        control: async () => routeSet(await visit(path), name) ?? '',
      };
      trials.set(route, await tryRoute(chance, route, pair));
    }
    return trials;
  };
  const trials = await tried(() => '');
  if (![...trials.values()].some(({ verdict }) => verdict === 'missed') || name === stickyByCustom)
    return judgeStaying(name, trials);
  const signedOn = await tried((route) => `; ${stickyByCustom}=route.${route}`);
  const isKept = [...signedOn.values()].every(({ verdict }) => verdict !== 'missed');
  return isKept ? judgeStaying(stickyByCustom, signedOn) : judgeStaying(name, trials);
}

/** `name`: the cookie that was followed or should have been; `undefined`: none has a route. */
export function judgeStaying(name: string | undefined, trials: ReadonlyMap<string, Trial>): Finding {
  const check = 'stickiness';
  if (name === undefined)
    return {
      check,
      ok: 'unknown',
      says: 'no cookie with a route is set here, so it cannot be seen who answers',
      remedy: 'name a page that begins a session, or --secret-file FILE',
    };
  const lost = [...trials].filter(([, { verdict }]) => verdict === 'missed');
  if (lost.length > 0) {
    const elsewhere = new Set(lost.flatMap(([route, { wanted }]) => [...wanted.keys()].filter((to) => to !== route)));
    return {
      check,
      ok: false,
      says: `visitors with a ${name} of ${listed(lost.map(([route]) => route).sort())} came to ${listed([...elsewhere].sort())}`,
      remedy: `name ${name} to the balancer, and each node’s route; if it follows a cookie that is set only at sign-on, and not as ${stickyByCustom}, --secret-file FILE can tell`,
    };
  }
  if ([...trials.values()].some(({ verdict }) => verdict === 'followed'))
    return { check, ok: true, says: `visitors stay by ${name} at ${listed([...trials.keys()].sort())}, beyond chance` };
  return {
    check,
    ok: 'unknown',
    says: `every visitor got the same route in ${name}: there is one node, or the balancer picks by address`,
  };
}

/** An answer that sets a cookie is for one person (check 13). */
export function judgeKept(pages: readonly Came[]): Finding {
  const check = 'caching';
  const personal = pages.filter(({ setCookies }) => setCookies.length > 0);
  const open = personal.find(({ headers }) => !/no-store|private/i.test(headers['cache-control'] ?? ''));
  const aged = personal.find(({ headers }) => Number(headers['age'] ?? 0) > 0);
  if (open === undefined && aged === undefined)
    return {
      check,
      ok: true,
      says:
        personal.length === 0 ? 'no answer here is about one person' : 'answers that set cookies are not to be kept',
    };
  return {
    check,
    ok: false,
    says:
      aged === undefined
        ? 'an answer that sets a cookie may be kept by caches'
        : `an answer that sets a cookie is a copy, ${aged.headers['age']} s old`,
    remedy: 'cache nothing that sets a cookie, and leave Cache-Control: no-store as the nodes set it',
  };
}

async function checkLargeVisit(visit: Visit, path: string): Promise<Finding> {
  const page = await visit(path, [['Cookie', `latchkey-doctor=${'x'.repeat(4_096)}`]]);
  const check = 'large-headers';
  if (page.kind === 'page' && ![400, 413, 414, 431].includes(page.status) && page.status < 500)
    return { check, ok: true, says: '4096 bytes of cookies pass' };
  return {
    check,
    ok: false,
    says: `4096 bytes of cookies were answered ${page.kind === 'failed' ? `nothing (${page.why})` : page.status}`,
    remedy:
      'browsers send as much: raise LimitRequestFieldSize (httpd), large_client_header_buffers (nginx), tune.bufsize (HAProxy), max_packet_size (mod_jk)',
  };
}
