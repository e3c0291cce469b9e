/** The shape of what `startNode` takes: each error says what would be right. Bounds between fields are options.ts' business. */

import { z } from 'zod';
import { noOption } from './errors.ts';
import type { Log } from './log.ts';
import { mostVoters } from './logout/epoch.ts';
import type { World } from './options.ts';
import { routeError } from './route.ts';
import { commonOptionNames } from './session/options/common.ts';
import type { SignOnHook } from './valve/settings.ts';

const ms = (what: string) =>
  z
    .number({ error: `must be a number of milliseconds: ${what}` })
    .int({ error: `must be a whole number of milliseconds: ${what}` })
    .nonnegative({ error: `must be 0 or more milliseconds: ${what}` });
const text = (what: string) => z.string({ error: `must be ${what}` }).min(1, { error: `must be ${what}` });
const flag = z.boolean({ error: 'must be true or false' });
const seconds = z
  .number({ error: 'must be a number of seconds, 0 or more' })
  .nonnegative({ error: 'must be 0 or more seconds' })
  .max(1e9, { error: 'must be at most 1000000000 seconds' });
const callback = z.custom<never>((value) => typeof value === 'function', { error: 'must be a function' });
export const addressError = 'must be address:port, for example 10.0.0.1:7800';
export const addressShape = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/;
const address = z.string({ error: addressError }).regex(addressShape, { error: addressError });
const limit = z
  .number({ error: 'must be a whole number above 0' })
  .int({ error: 'must be a whole number above 0' })
  .positive({ error: 'must be a whole number above 0' });
const window = ms('a window of time').min(1_000, { error: 'must be at least 1000 ms' });
const domainError = 'must be a domain, for example xyz.com';
/** An object of these fields and no others. */
const fields = <T extends z.ZodRawShape>(shape: T) => {
  const names = Object.keys(shape);
  const some = names.length > 12 ? [...names.slice(0, 5), '…'] : names;
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? noOption(String((issue.keys as readonly string[])[0]), names)
        : `must be an object: { ${some.join(', ')} }`,
  });
};
/** `false`, or what the schema says: by hand rather than as a union, whose error would not name the field. */
const falseOr = <T extends z.ZodType>(schema: T, why?: string) =>
  z.unknown().transform((value, context): false | z.output<T> => {
    if (value === false) return false;
    const isObject = typeof value === 'object' && value !== null;
    const parsed = why !== undefined && !isObject ? z.never({ error: why }).safeParse(value) : schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues)
      context.addIssue({ code: 'custom', path: placeOf(issue), message: issue.message });
    return z.NEVER;
  });
/** Where it is: of an unknown field its own place, not that of the object around it. */
export const placeOf = (issue: z.core.$ZodIssue): PropertyKey[] =>
  issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;

const port = z
  .number({ error: 'must be a port, 1 to 65535' })
  .int({ error: 'must be a port, 1 to 65535' })
  .min(1, { error: 'must be a port, 1 to 65535' })
  .max(65_535, { error: 'must be a port, 1 to 65535' });
const pem = z.string({ error: 'must be PEM text' });
const rate = fields({ failures: limit.optional(), windowMs: window.optional() }).optional();
const throttle = fields({
  account: fields({
    failures: limit.optional(),
    firstWaitMs: ms('the first wait').optional(),
    longestWaitMs: ms('the longest wait').optional(),
    windowMs: window.optional(),
  }).optional(),
  source: rate,
  all: rate,
  knownBrowserMs: ms('how long a browser is known')
    .max(400 * 86_400_000, { error: 'must be at most 400 days: browsers keep no cookie longer' })
    .optional(),
  maxKeys: limit.optional(),
  accountOf: callback.optional(),
});
const cluster = fields({
  name: text('the name of the cluster').max(64, { error: 'must be at most 64 characters' }).optional(),
  listen: address.optional(),
  advertise: address.optional(),
  nodes: z
    .array(z.string({ error: addressError }), { error: 'must be a list of addresses, for example ["10.0.0.1:7800"]' })
    .max(mostVoters, { error: `must name ${mostVoters} voters at most` })
    .refine((nodes) => new Set(nodes).size === nodes.length, {
      error: 'names an address twice: each voter stands in it once, or a majority is miscounted',
    })
    .optional(),
  channel: callback.optional(),
  leaseMs: ms('the life of a lease')
    .min(300, { error: 'must be at least 300 ms: a lease has to outlive two round trips and a pause' })
    .max(10_000, {
      error: 'must be at most 10000 ms: nodes that are cut off go on for so long, and a clock is known no longer',
    })
    .optional(),
  whenCutOff: z.enum(['refuse', 'serve'], { error: 'must be refuse or serve' }).optional(),
  dns: fields({ name: text('a DNS name'), port }).optional(),
  tls: fields({ cert: pem, key: pem, ca: pem }).optional(),
  buddyPool: text('the name of a pool of nodes').max(64, { error: 'must be at most 64 characters' }).optional(),
  host: text('the name of the machine').max(255, { error: 'must be at most 255 characters' }).optional(),
  copies: limit.optional(),
  copyMs: ms('the longest wait for a copy').optional(),
  askMs: ms('the longest question').optional(),
  logoutMs: ms('the longest wait of a logout').optional(),
  joinMs: ms('the longest wait of a start').optional(),
  intervalMs: ms('between comparisons').min(10, { error: 'must be at least 10 ms' }).optional(),
  lostAfterMs: ms('until a node counts as lost').min(100, { error: 'must be at least 100 ms' }).optional(),
});
const limits = fields({
  entries: limit.optional(),
  entriesPerUser: limit.optional(),
  sessions: limit.optional(),
  sessionsPerSignOn: limit.optional(),
});
export const optionsSchema = fields({
  secret: z.unknown().optional(),
  retiredSecrets: z
    .array(z.string({ error: 'must be a secret, as text' }), { error: 'must be a list of secrets' })
    .optional(),
  dataDir: text('the path of a directory').optional(),
  restored: flag.optional(),
  route: z
    .string({ error: 'must be the name of this node, for example node1' })
    .superRefine((route, context) => {
      const message = routeError(route);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  cookieDomain: z.string({ error: domainError }).optional(),
  cookieName: z
    .string({ error: 'must be a cookie name (RFC 6265 token)' })
    .max(128, { error: 'must be at most 128 characters' })
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'must be a cookie name (RFC 6265 token)' })
    .optional(),
  previousCookieDomains: z.array(z.string({ error: domainError }), { error: 'must be a list of domains' }).optional(),
  sameSite: z.enum(['lax', 'strict', 'none'], { error: 'must be lax, strict or none' }).optional(),
  partitioned: flag.optional(),
  allowInsecureCookie: flag.optional(),
  origins: z
    .array(z.string({ error: 'must be an origin, for example https://app1.xyz.com' }), {
      error: 'must be a list of origins',
    })
    .optional(),
  maxEmptyLife: seconds.optional(),
  processExpiresInterval: seconds.optional(),
  requireReauthentication: falseOr(
    fields({ check: callback, everyMs: ms('how long an answer holds').optional() }),
    'must be false, or { check, everyMs }: no password is kept, so check is asked again',
  ).optional(),
  revalidate: fields({ check: callback, everyMs: ms('how long an answer holds').optional() }).optional(),
  lifeMs: ms('the absolute life of a sign-on')
    .min(1_000, { error: 'must be at least 1000 ms' })
    .max(30 * 86_400_000, { error: 'must be at most 30 days' })
    .optional(),
  idleMs: ms('the idle limit of a sign-on, 0 for none').optional(),
  remember: fields({
    lifeMs: ms('the absolute life of a sign-on that is remembered')
      .min(1_000, { error: 'must be at least 1000 ms' })
      .max(400 * 86_400_000, { error: 'must be at most 400 days: browsers keep no cookie longer' }),
  }).optional(),
  maxSignOns: limit.optional(),
  countsAsActivity: callback.optional(),
  principalFrom: callback.optional(),
  hooks: fields({
    onSignOn: z
      .array(
        z.custom<SignOnHook>((value) => typeof (value as SignOnHook)?.signOn === 'function', {
          error: 'must be a hook such as stickyRoute()',
        }),
        { error: 'must be a list of hooks such as stickyRoute()' },
      )
      .optional(),
  }).optional(),
  clearSiteData: z
    .array(
      z.enum(['cache', 'storage'], {
        error: 'must be cache or storage: cookies would empty the whole registrable domain',
      }),
      { error: 'must be a list of cache and storage' },
    )
    .optional(),
  issuer: text('the name that issues assertions').optional(),
  cluster: cluster.optional(),
  limits: limits.optional(),
  throttle: falseOr(throttle).optional(),
  log: z
    .custom<Log>(
      (value) =>
        ['debug', 'info', 'warn', 'error'].every(
          (level) => typeof (value as Record<string, unknown>)?.[level] === 'function',
        ),
      { error: 'must have the functions debug, info, warn and error, as pino and console do' },
    )
    .optional(),
  world: z
    .custom<World>((value) => typeof value === 'object' && value !== null, { error: 'must be an object, for tests' })
    .optional(),
});

/** Where an option has its place that was written at `path`, another one; `undefined`: at none. */
export function placeElsewhere(path: readonly PropertyKey[]): string | undefined {
  const word = String(path.at(-1));
  if (path.length === 2 && Object.hasOwn(optionsSchema.shape, word)) return `did you mean "${word}", one level up?`;
  const group = Object.entries({ cluster, limits }).find(([, { shape }]) => Object.hasOwn(shape, word))?.[0];
  if (group !== undefined) return `did you mean "${group}.${word}"?`;
  return commonOptionNames.includes(word) ? 'it is one of sessions(), for each application' : undefined;
}
