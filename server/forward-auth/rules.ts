/**
 * Which rule a request meets: pure, by host, path, method and client's address; the first that fits
 * wins. "Perhaps" is an answer of its own: where a rule might fit and it cannot be said (a path that
 * servers read differently, one that differs from the rule's in upper and lower case alone, a client
 * whose address is not known), the request is refused rather than judged by the rules below it.
 */

import type { RuleConfig } from '../../config/forward-auth.ts';
import { type Networks, networks } from './networks.ts';
import type { NormalPath } from './normal-path.ts';

export interface Asked {
  /** Lower case, without port. */
  readonly host: string;
  readonly path: NormalPath;
  readonly method: string;
  /** The client's; `undefined`: not told. */
  readonly address: string | undefined;
}

export type Ruling =
  | { readonly kind: 'allow' }
  /** `basic`: programs may show name and password. */
  | { readonly kind: 'signed-on'; readonly basic?: true }
  | { readonly kind: 'roles'; readonly any: readonly string[]; readonly all: readonly string[]; readonly basic?: true }
  | { readonly kind: 'deny'; readonly why: Denial };

/** For the log. */
export type Denial = 'rule' | 'host' | 'no-rule' | 'unclear' | 'malformed';

export interface Rules {
  judge(asked: Asked): Ruling;
}

type Fit = 'yes' | 'no' | 'perhaps';

interface Rule {
  readonly path: ((path: NormalPath) => Fit) | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly networks: Networks | undefined;
  readonly ruling: Ruling;
}

const deny = (why: Denial): Ruling => ({ kind: 'deny', why });
const denials = { host: deny('host'), none: deny('no-rule'), unclear: deny('unclear'), malformed: deny('malformed') };

/** Hosts under a wildcard whose rules were put together: a client may name any. */
const maxHosts = 1_024;

export function rules(config: readonly RuleConfig[]): Rules {
  const compiled = config.map((rule) => ({ hosts: rule.host, rule: compile(rule) }));
  const byHost = new Map<string, readonly Rule[]>();
  const rulesOf = (host: string): readonly Rule[] => {
    const known = byHost.get(host);
    if (known !== undefined) return known;
    const found = compiled.filter(({ hosts }) => hosts.some((one) => fitsHost(one, host))).map(({ rule }) => rule);
    if (byHost.size >= maxHosts) byHost.clear();
    byHost.set(host, found);
    return found;
  };
  return {
    judge(asked) {
      if (asked.path.kind === 'malformed') return denials.malformed;
      const list = rulesOf(asked.host);
      if (list.length === 0) return denials.host;
      for (const rule of list) {
        const fit = fits(rule, asked);
        if (fit === 'yes') return rule.ruling;
        if (fit === 'perhaps') return denials.unclear;
      }
      return denials.none;
    },
  };
}

/** No condition may be unclear unless another says no: what certainly does not fit is nothing to doubt. */
function fits(rule: Rule, { method, path, address }: Asked): Fit {
  if (rule.methods !== undefined && !rule.methods.has(method)) return 'no';
  const from = rule.networks === undefined ? 'yes' : fitsNetwork(rule.networks, address);
  if (from === 'no') return 'no';
  const at = rule.path === undefined ? 'yes' : rule.path(path);
  return at === 'yes' ? from : at;
}

function fitsNetwork(list: Networks, address: string | undefined): Fit {
  if (address === undefined) return 'perhaps';
  return list.has(address) ? 'yes' : 'no';
}

/** `*.xyz.com` is every host below xyz.com, not xyz.com itself. */
function fitsHost(pattern: string, host: string): boolean {
  return pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : host === pattern;
}

function compile({ path, methods, networks: from, policy, roles = [], basic = false }: RuleConfig): Rule {
  const patterns = path?.map(pathPattern);
  return {
    path:
      patterns === undefined || path?.includes('/*')
        ? undefined
        : (asked) => (asked.kind === 'plain' ? anyFit(patterns, asked.path) : 'perhaps'),
    methods: methods && new Set(methods),
    networks: from && networks(from),
    ruling: rulingOf(policy, roles, basic),
  };
}

function rulingOf(policy: RuleConfig['policy'], roles: readonly string[], basic: boolean): Ruling {
  const more = basic ? { basic } : {};
  switch (policy) {
    case 'allow':
      return { kind: policy };
    case 'signed-on':
      return { kind: policy, ...more };
    case 'any-role':
      return { kind: 'roles', any: roles, all: [], ...more };
    case 'all-roles':
      return { kind: 'roles', any: [], all: roles, ...more };
    case 'deny':
      return deny('rule');
    default:
      return policy satisfies never;
  }
}

function anyFit(patterns: readonly ((path: string) => Fit)[], path: string): Fit {
  let best: Fit = 'no';
  for (const pattern of patterns) {
    const fit = pattern(path);
    if (fit === 'yes') return 'yes';
    if (fit === 'perhaps') best = 'perhaps';
  }
  return best;
}

/** `/a` is `/a` and `/a/`; `/a/*` is these and all below: servers take the first two for one more often than not. */
function pathPattern(pattern: string): (path: string) => Fit {
  const below = pattern.endsWith('/*');
  const plain = pattern.replace(/\/\*?$/, '');
  const folded = loose(plain);
  const isAt = (base: string, path: string) =>
    path === base || path === `${base}/` || (below && path.startsWith(`${base}/`));
  return (path) => {
    if (isAt(plain, path)) return 'yes';
    return isAt(folded, loose(path)) ? 'perhaps' : 'no';
  };
}

/** As a server reads it that knows no case, or brings letters to one form. Most paths are so already. */
function loose(path: string): string {
  return /^[!-@[-~]*$/.test(path) ? path : path.normalize('NFKC').toLowerCase();
}
