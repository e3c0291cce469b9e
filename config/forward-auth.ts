/**
 * `forwardAuth` of a configuration file: who may be let through to applications that stand behind a
 * reverse proxy, judged by the first rule that fits. What a rule leaves out fits everything; a host
 * that no rule names is refused, and so is what no rule fits.
 */

import { isIP } from 'node:net';
import { z } from 'zod';
import { ConfigError, choose, fields, must } from './document.ts';
import { parseUrl } from './url.ts';

const address = 'must be address:port, as in 10.0.0.1:8081';
const network = z
  .string(must('an address or a network, as in 10.0.0.0/8'))
  .refine(isNetwork, 'must be an address or a network, as in 10.0.0.0/8');
const host = z
  .string(must('a host name, as in app1.xyz.com, or *.xyz.com'))
  .refine(isHostPattern, 'must be a host name in lower case and without port, as in app1.xyz.com, or *.xyz.com');
const path = z
  .string(must('a path, as in /reports, or /reports/* with all below it'))
  .refine(isPathPattern, 'must be a path as it reads decoded, as in /reports, or /reports/* with all below it');
const method = z.string(must('a method, as in GET')).regex(/^[A-Z][A-Z-]{0,31}$/, 'must be a method in capitals');
const role = z.string(must('a role')).min(1, 'must be a role').max(128, 'must be a role');
const headerName = z
  .string(must('the name of a header'))
  .refine(isHeaderName, 'must be the name of a header of letters, digits and dashes that has no other use');

const maxRules = 1_000;
const maxNamed = 256;

function oneOrMore<T extends z.ZodType>(one: T) {
  const more = z.array(one).min(1, 'must hold at least one').max(maxNamed, `must hold at most ${maxNamed}`);
  return choose((value) => (Array.isArray(value) ? more : one.transform((only) => [only])));
}

const rule = fields({
  host: oneOrMore(host),
  path: oneOrMore(path).exactOptional(),
  methods: oneOrMore(method).exactOptional(),
  networks: oneOrMore(network).exactOptional(),
  /** `allow`: everybody, signed on or not. */
  policy: z.enum(
    ['allow', 'signed-on', 'any-role', 'all-roles', 'deny'],
    must('one of allow, signed-on, any-role, all-roles, deny'),
  ),
  roles: oneOrMore(role).exactOptional(),
  /** Programs may send name and password with each request (HTTP Basic); browsers are sent to the form as ever. */
  basic: z.boolean(must('true or false')).exactOptional(),
}).superRefine(({ policy, roles, basic }, context) => {
  const needed = policy === 'any-role' || policy === 'all-roles';
  if (needed && roles === undefined)
    context.addIssue({ code: 'custom', path: ['roles'], message: `is missing: policy ${policy} needs them` });
  if (!needed && roles !== undefined)
    context.addIssue({ code: 'custom', path: ['roles'], message: 'is for the policies any-role and all-roles' });
  if (basic === true && (policy === 'allow' || policy === 'deny'))
    context.addIssue({
      code: 'custom',
      path: ['basic'],
      message: 'is for the policies signed-on, any-role and all-roles',
    });
});

const defaultHeaders = {
  user: 'Remote-User',
  groups: 'Remote-Groups',
  name: 'Remote-Name',
  email: 'Remote-Email',
  assertion: 'Latchkey-Assertion',
} as const;

export const forwardAuthSchema = fields({
  /** A listener of its own: only proxies have business there, and no rule of a balancer's may lead browsers to it. */
  listen: z.string(must('address:port, as in 10.0.0.1:8081')).refine(isAddressWithPort, address),
  /** Who may ask. None: everybody who asks is refused. */
  proxies: z.array(network, must('a list of addresses')).max(maxNamed).default([]),
  /** The page with the sign-on form; left out: `/login` of `site.origin`. */
  login: z
    .string(must('a whole address, as in https://sso.xyz.com/login'))
    .refine(isLogin, 'must be a whole address, as in https://sso.xyz.com/login')
    .exactOptional(),
  headers: fields({
    user: headerName.default(defaultHeaders.user),
    groups: headerName.default(defaultHeaders.groups),
    name: headerName.default(defaultHeaders.name),
    email: headerName.default(defaultHeaders.email),
    assertion: headerName.default(defaultHeaders.assertion),
  })
    .prefault({})
    .refine((names) => new Set(Object.values(names).map((name) => name.toLowerCase())).size === 5, {
      message: 'must be five different names',
    }),
  /** What programs are told that their name and password is for; see `basic` of a rule. */
  realm: z
    .string(must('1 to 200 printable ASCII characters'))
    .regex(/^[\x20-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters')
    .default('sign-on'),
  /** Whether applications get a signed statement beside the plain headers. */
  assertion: z.boolean(must('true or false')).default(true),
  rules: z.array(rule, must('a list of rules')).min(1, 'must hold a rule').max(maxRules),
});

type Fields = z.output<typeof forwardAuthSchema>;

export interface ForwardAuthConfig extends Omit<Fields, 'login'> {
  readonly login: string;
}

/** @throws ConfigError nothing says where the form is */
export function readForwardAuth(given: Fields, siteOrigin: string | undefined): ForwardAuthConfig {
  const login = given.login ?? (siteOrigin === undefined ? undefined : `${siteOrigin}/login`);
  if (login === undefined)
    throw new ConfigError(['forwardAuth.login: is missing: say where the form is, here or by site.origin']);
  return { ...given, login };
}

export type RuleConfig = ForwardAuthConfig['rules'][number];
export type IdentityHeaders = ForwardAuthConfig['headers'];

/** What cannot work as it is written; one line each. */
export function doubts(
  { rules, proxies }: ForwardAuthConfig,
  { origins = [], cookieDomain }: { readonly origins?: readonly string[]; readonly cookieDomain?: string | undefined },
): readonly string[] {
  const found: string[] = [];
  if (proxies.length === 0) found.push('forwardAuth.proxies is empty: every proxy that asks is refused');
  const led = new Set(origins.flatMap((origin) => parseUrl(origin)?.hostname ?? []));
  const needSignOn = rules.filter(({ policy }) => policy !== 'allow' && policy !== 'deny').flatMap(({ host }) => host);
  for (const name of new Set(needSignOn)) {
    const plain = name.replace(/^\*\./, '');
    if (cookieDomain === undefined || (plain !== cookieDomain && !plain.endsWith(`.${cookieDomain}`)))
      found.push(`forwardAuth: ${name} lies outside the cookieDomain: nobody who signs on is known there`);
    else if (plain === name && !led.has(name))
      found.push(`forwardAuth: ${name} is in no entry of origins: after signing on nobody is led back there`);
  }
  return found;
}

function isAddressWithPort(value: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(value)?.[1]);
  return port >= 1 && port <= 65_535;
}

export function isNetwork(value: string): boolean {
  const [ip = '', bits, ...rest] = value.split('/');
  const version = isIP(ip);
  if (version === 0 || rest.length > 0 || ip.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function isHostPattern(value: string): boolean {
  const name = value.replace(/^\*\./, '');
  return value.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name) && !name.includes('..');
}

/** No dot segments, doubled slashes, parameters or queries: what the rule could never see, or not alone. */
function isPathPattern(value: string): boolean {
  if (value === '/*' || value === '/') return true;
  const plain = value.replace(/\/\*$/, '');
  return (
    plain.length > 1 && plain.length <= 1_024 && /^(?:\/(?!\.{1,2}(?:\/|$))[^/\\?#;%*\p{Cc}\p{Cs}]+)+\/?$/u.test(plain)
  );
}

/** Headers that mean something to a proxy or a server already. */
const taken =
  /^(?:host|cookie|set-cookie|authorization|connection|upgrade|te|trailer|transfer-encoding|content-.*|location|date|vary|cache-control|x-forwarded-(?:for|host|proto|uri|method|port)|x-original-.*|x-real-ip|retry-after|www-authenticate|latchkey-login)$/i;

function isHeaderName(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+){0,4}$/.test(value) && value.length <= 64 && !taken.test(value);
}

function isLogin(value: string): boolean {
  const url = /^https?:\/\/[^\s"'\\<>]+$/i.test(value) ? parseUrl(value) : undefined;
  return url !== undefined && url.username === '' && url.password === '' && url.hash === '';
}
