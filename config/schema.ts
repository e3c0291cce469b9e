/**
 * The configuration of `latchkey serve`: the library's options under their own names (the guide's with
 * the guide's meaning and seconds, ours with the unit in the name), and what only the server knows:
 * where it listens, who the users are, how it logs. Unknown fields are errors.
 */

import { z } from 'zod';
import { ajpSchema } from './ajp.ts';
import { serverDefaults } from './defaults.ts';
import { directoriesSchema, recheckSchema, rolesSchema } from './directories.ts';
import { fields, must } from './document.ts';
import { forwardAuthSchema } from './forward-auth.ts';
import { natsSchema } from './nats.ts';
import { secretSchema } from './secrets.ts';
import { rememberMeSchema, siteSchema } from './site.ts';
import { stickyRouteSchema } from './sticky-route.ts';
import { throttleSchema } from './throttle.ts';

const dayMs = 86_400_000;

const text = (be: string) => z.string(must(be)).min(1, `must be ${be}`);
const flag = z.boolean(must('true or false'));
const seconds = wholeNumber('seconds', 0, 1_000_000_000);
const count = wholeNumber('things', 1, 1_000_000_000, 'a whole number, at least 1');
const address = z
  .string(must('address:port, as in 10.0.0.1:7800'))
  .refine(isAddress, 'must be address:port, as in 10.0.0.1:7800');
const path = text('the path of a file');

function wholeNumber(unit: string, min: number, max: number, be = `a whole number of ${unit}, ${min} to ${max}`) {
  return z.number(must(be)).int(`must be ${be}`).min(min, `must be ${be}`).max(max, `must be ${be}`);
}

function milliseconds(min: number, max: number) {
  return wholeNumber('milliseconds', min, max);
}

function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, must(`one of ${values.join(', ')}`));
}

/** Host and port; an IPv6 address stands in brackets. */
export function isAddress(value: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(value)?.[1]);
  return port >= 1 && port <= 65_535;
}

const addressError = 'must be address:port, as in 10.0.0.1:7800';

const cluster = fields({
  name: text('the name of the cluster, the same on every node').max(128).exactOptional(),
  listen: address.exactOptional(),
  advertise: address.exactOptional(),
  /** Addresses; with nats routes. */
  nodes: z.array(text('a node'), must('a list of address:port')).max(64).exactOptional(),
  nats: natsSchema.exactOptional(),
  dns: fields({ name: text('a DNS name'), port: wholeNumber('port', 1, 65_535, 'a port, 1 to 65535') }).exactOptional(),
  /** PEM files; the certificate's SAN is the node's route. */
  tls: fields({ cert: path, key: path, ca: path }).exactOptional(),
  leaseMs: milliseconds(300, 10_000).exactOptional(),
  whenCutOff: choice(['refuse', 'serve']).exactOptional(),
  buddyPool: text('the name of a pool of nodes').max(64, 'must be at most 64 characters').exactOptional(),
  host: text('the name of the machine').max(255, 'must be at most 255 characters').exactOptional(),
  copies: count.exactOptional(),
  copyMs: milliseconds(0, 10_000).exactOptional(),
  askMs: milliseconds(0, 10_000).exactOptional(),
  logoutMs: milliseconds(0, 60_000).exactOptional(),
  joinMs: milliseconds(0, 600_000).exactOptional(),
  intervalMs: milliseconds(10, 600_000).exactOptional(),
  lostAfterMs: milliseconds(100, 600_000).exactOptional(),
}).superRefine(({ listen, advertise, dns, tls, nats, nodes = [] }, context) => {
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (nats === undefined) {
    if (listen === undefined) refuse(['listen'], `is missing: ${addressError}`);
    for (const [i, node] of nodes.entries()) if (!isAddress(node)) refuse(['nodes', i], addressError);
    return;
  }
  for (const [field, value] of Object.entries({ listen, advertise, dns, tls }))
    if (value !== undefined) refuse([field], 'is for connections between the nodes: with nats leave it out');
  for (const [i, node] of nodes.entries())
    if (node.includes(':')) refuse(['nodes', i], 'must be a route: with nats nodes are named, not dialled');
});

const limits = fields({
  entries: count.exactOptional(),
  entriesPerUser: count.exactOptional(),
  sessions: count.exactOptional(),
  sessionsPerSignOn: count.exactOptional(),
});

export const libraryFields = {
  dataDir: text('a directory').exactOptional(),
  restored: flag.exactOptional(),
  route: text('the sticky suffix of this node, as in node1').exactOptional(),
  cookieDomain: text('the domain that the applications share, as in xyz.com').exactOptional(),
  cookieName: text('the name of the cookie').exactOptional(),
  previousCookieDomains: z.array(text('a domain'), must('a list of domains')).exactOptional(),
  sameSite: choice(['lax', 'strict', 'none']).exactOptional(),
  partitioned: flag.exactOptional(),
  allowInsecureCookie: flag.exactOptional(),
  origins: z.array(text('an origin, as in https://app1.xyz.com'), must('a list of origins')).exactOptional(),
  maxEmptyLife: seconds.exactOptional(),
  processExpiresInterval: seconds.exactOptional(),
  lifeMs: milliseconds(1_000, 30 * dayMs).exactOptional(),
  idleMs: milliseconds(0, 30 * dayMs).exactOptional(),
  maxSignOns: count.exactOptional(),
  clearSiteData: z.array(choice(['cache', 'storage']), must('a list of cache and storage')).exactOptional(),
  issuer: text('the issuer of identity assertions').exactOptional(),
  limits: limits.exactOptional(),
  throttle: throttleSchema.exactOptional(),
} as const;

const web = fields({
  listen: address.default(serverDefaults.web.listen),
  /** Where a scraper finds the metrics; left out: nowhere. */
  metrics: address.exactOptional(),
  trustProxy: z
    .array(text('an address or network of a proxy'), must('a list of addresses'))
    .default([...serverDefaults.web.trustProxy]),
  /** How long it is unready before it stops, so that balancers notice. Default 3000 behind a proxy (`trustProxy`, `ajp`), else 0. */
  noticeMs: milliseconds(0, 60_000).exactOptional(),
});

const hashing = fields({
  threads: wholeNumber('threads', 1, 64).exactOptional(),
  maxPending: wholeNumber('passwords', 1, 100_000).default(serverDefaults.hashing.maxPending),
});

const log = fields({ level: choice(['debug', 'info', 'warn', 'error']).default(serverDefaults.log.level) });

export const configSchema = fields({
  secret: secretSchema,
  retiredSecrets: secretSchema.exactOptional(),
  /** A file of people; the same as `directories: [{ kind: file, file }]`. */
  users: path.exactOptional(),
  directories: directoriesSchema.exactOptional(),
  /** Group → roles; left out: a group's name is the role. */
  roles: rolesSchema.exactOptional(),
  recheck: recheckSchema.prefault({}),
  ...libraryFields,
  cluster: cluster.exactOptional(),
  web: web.prefault({}),
  /** Left out: no sticky cookie. */
  stickyRoute: stickyRouteSchema.exactOptional(),
  forwardAuth: forwardAuthSchema.exactOptional(),
  ajp: ajpSchema.exactOptional(),
  hashing: hashing.prefault({}),
  log: log.prefault({}),
  site: siteSchema.prefault({}),
  rememberMe: rememberMeSchema.exactOptional(),
});

/** What a file says, as it was written; `load` makes it usable. */
export type ConfigDocument = z.output<typeof configSchema>;
