/** The shape of what `startNode` takes: each error says what would be right. Bounds between fields are options.ts' business. */

import { z } from 'zod';
import type { Log } from './log.ts';
import { mostVoters } from './logout/epoch.ts';
import type { World } from './options.ts';
import type { SignOnHook } from './valve/settings.ts';

const ms = (what: string) =>
  z
    .number({ error: `must be a number of milliseconds: ${what}` })
    .int()
    .nonnegative();
const seconds = z
  .number({ error: 'must be a number of seconds, 0 or more' })
  .nonnegative({ error: 'must be 0 or more seconds' })
  .max(1e9, { error: 'must be at most 1000000000 seconds' });
const callback = z.custom<never>((value) => typeof value === 'function', { error: 'must be a function' });
export const addressError = 'must be address:port, for example 10.0.0.1:7800';
export const addressShape = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/;
const address = z.string({ error: addressError }).regex(addressShape, { error: addressError });
const limit = z.number().int().positive({ error: 'must be a whole number above 0' });
export const routeShape = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

export const optionsSchema = z.strictObject({
  secret: z.unknown().optional(),
  retiredSecrets: z.array(z.string()).optional(),
  dataDir: z.string().min(1, { error: 'must be a directory' }).optional(),
  restored: z.boolean().optional(),
  route: z
    .string()
    .max(128)
    .regex(routeShape, {
      error: 'may hold letters, digits, "-", "_" and single dots: balancers and cookies cannot carry anything else',
    })
    .optional(),
  cookieDomain: z.string().optional(),
  cookieName: z
    .string()
    .max(128)
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'must be a cookie name (RFC 6265 token)' })
    .optional(),
  previousCookieDomains: z.array(z.string()).optional(),
  sameSite: z.enum(['lax', 'strict', 'none'], { error: 'must be lax, strict or none' }).optional(),
  partitioned: z.boolean().optional(),
  allowInsecureCookie: z.boolean().optional(),
  origins: z.array(z.string()).optional(),
  maxEmptyLife: seconds.optional(),
  processExpiresInterval: seconds.optional(),
  requireReauthentication: z
    .union(
      [z.literal(false), z.strictObject({ check: callback, everyMs: ms('how long an answer holds').optional() })],
      {
        error: 'must be false, or { check, everyMs }: no password is kept, so check is asked again',
      },
    )
    .optional(),
  revalidate: z.strictObject({ check: callback, everyMs: ms('how long an answer holds').optional() }).optional(),
  lifeMs: ms('the absolute life of a sign-on')
    .min(1_000)
    .max(30 * 86_400_000, { error: 'must be at most 30 days' })
    .optional(),
  idleMs: ms('the idle limit of a sign-on, 0 for none').optional(),
  countsAsActivity: callback.optional(),
  principalFrom: callback.optional(),
  hooks: z
    .strictObject({
      onSignOn: z
        .array(
          z.custom<SignOnHook>((value) => typeof (value as SignOnHook)?.signOn === 'function', {
            error: 'must be hooks such as stickyRoute()',
          }),
        )
        .optional(),
    })
    .optional(),
  clearSiteData: z
    .array(
      z.enum(['cache', 'storage'], {
        error: 'may name cache and storage: cookies would empty the whole registrable domain',
      }),
    )
    .optional(),
  issuer: z.string().min(1).optional(),
  cluster: z
    .strictObject({
      name: z.string().min(1).max(64).optional(),
      listen: address.optional(),
      advertise: address.optional(),
      nodes: z
        .array(z.string({ error: addressError }))
        .max(mostVoters, { error: `may name ${mostVoters} voters at most` })
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
      dns: z.strictObject({ name: z.string().min(1), port: z.number().int().min(1).max(65_535) }).optional(),
      tls: z.strictObject({ cert: z.string(), key: z.string(), ca: z.string() }).optional(),
      copies: limit.optional(),
      copyMs: ms('the longest wait for a copy').optional(),
      askMs: ms('the longest question').optional(),
      logoutMs: ms('the longest wait of a logout').optional(),
      joinMs: ms('the longest wait of a start').optional(),
      intervalMs: ms('between comparisons').min(10).optional(),
      lostAfterMs: ms('until a node counts as lost').min(100).optional(),
    })
    .optional(),
  limits: z
    .strictObject({
      entries: limit.optional(),
      entriesPerUser: limit.optional(),
      sessions: limit.optional(),
      sessionsPerSignOn: limit.optional(),
    })
    .optional(),
  log: z
    .custom<Log>(
      (value) =>
        ['debug', 'info', 'warn', 'error'].every(
          (level) => typeof (value as Record<string, unknown>)?.[level] === 'function',
        ),
      { error: 'must have debug, info, warn and error' },
    )
    .optional(),
  world: z.custom<World>((value) => typeof value === 'object' && value !== null).optional(),
});
