/**
 * What the tests of the request side stand on: the real registry over a map without a network, a clock
 * that is moved by hand, Express hosts of both majors, and readers for the cookies of an answer.
 */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import express, { type Express, type Request, type RequestHandler } from 'express';
import supertest, { type Response as Answer, type Test } from 'supertest';
import type { Clock } from '../../sso/clock.ts';
import { entryLattice, type SsoEntry } from '../../sso/entry.ts';
import type { Copies } from '../../sso/gossip/copies.ts';
import type { Change, Lattice } from '../../sso/gossip/lattice.ts';
import { HybridClock } from '../../sso/hybrid-clock.ts';
import { deriveKeys } from '../../sso/keys.ts';
import type { Log } from '../../sso/log.ts';
import type { Finality } from '../../sso/logout/finality.ts';
import type { Principal } from '../../sso/principal.ts';
import { systemRandom } from '../../sso/random.ts';
import { Registry, type RegistryLimits } from '../../sso/registry.ts';
import { type SessionHandle, setSessionHandle } from '../../sso/session/handle.ts';
import { RequestContext } from '../../sso/session/request-context.ts';
import { type Subject, subjectLattice } from '../../sso/subject.ts';
import type { SsoId } from '../../sso/token.ts';
import type { ValveParts, ValveSettings } from '../../sso/valve/settings.ts';
import { valve } from '../../sso/valve/valve.ts';

export const secret = 'dQ3vXn8wRk5tYb2mHs7cLp4zGf9jAe6u';
export const alice: Principal = { name: 'alice', roles: ['customer'] };
export const bob: Principal = { name: 'bob', roles: ['clerk'] };

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(start = 1_800_000_000_000): ManualClock {
  let now = start;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    monotonic: () => now - start,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    soon: (run) => void setImmediate(run),
    advance(ms) {
      now += ms;
      for (const timer of [...timers]) {
        if (timer.at > now || !timers.delete(timer)) continue;
        timer.run();
      }
    },
  };
}

/** A replicated map of one node; `peers` answers its questions. */
interface LoneCopies<V> extends Copies<V> {
  peers: (keys: readonly string[]) => Promise<{ readonly everybody: boolean }>;
  asked: number;
}

function loneCopies<V>(lattice: Lattice<V>): LoneCopies<V> {
  const map = new Map<string, V>();
  const listeners: ((change: Change<V>) => void)[] = [];
  const merge = (key: string, value: V) => {
    const before = map.get(key);
    const after = before === undefined ? value : lattice.merge(before, value);
    map.set(key, after);
    if (after !== before) for (const listener of listeners) listener({ key, before, after, own: true });
    return after;
  };
  const copies: LoneCopies<V> = {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    entries: () => map.entries(),
    bucket: () => undefined,
    put: merge,
    settle: merge,
    restore: merge,
    shed: () => false,
    refuses: () => undefined,
    onChange: (listener) => void listeners.push(listener),
    onForget: () => {},
    peers: async () => ({ everybody: true }),
    asked: 0,
    ask(keys) {
      copies.asked++;
      return copies.peers(keys).then(({ everybody }) => ({ everybody, living: everybody }));
    },
  };
  return copies;
}

/** Leases that a test gives and takes. */
export interface TestFinality extends Pick<Finality, 'mayAccept' | 'waitToAccept'> {
  leases: boolean;
  /** What requests waited for leases at most, milliseconds. */
  readonly waits: number[];
  /** How often was asked whether a sign-on may be accepted. */
  asked: number;
  /** What happens while a request waits. */
  meanwhile: () => unknown;
}

function testFinality(): TestFinality {
  const finality: TestFinality = {
    leases: true,
    waits: [],
    asked: 0,
    meanwhile: () => {},
    mayAccept() {
      finality.asked++;
      return finality.leases;
    },
    async waitToAccept(ms) {
      if (finality.leases) return true;
      finality.waits.push(ms);
      await finality.meanwhile();
      return finality.leases;
    },
  };
  return finality;
}

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

export interface World {
  readonly clock: ManualClock;
  readonly registry: Registry;
  readonly entries: LoneCopies<SsoEntry>;
  readonly parts: ValveParts;
  readonly finality: TestFinality;
  /** What was logged, newest last, without the audit's lines. */
  readonly lines: Line[];
  /** The audit's lines. */
  readonly audits: Line[];
  /** While false the node takes no sign-ons. */
  accepting: boolean;
  /** Signs on without HTTP. */
  open(principal?: Principal): Promise<{ readonly token: string; readonly id: SsoId; readonly cookie: string }>;
}

const settingsDefaults: ValveSettings = {
  cookieDomain: undefined,
  cookieName: 'latchkey',
  previousCookieDomains: [],
  sameSite: 'lax',
  partitioned: false,
  allowInsecureCookie: true,
  origins: [],
  requireReauthentication: undefined,
  revalidate: undefined,
  countsAsActivity: () => true,
  principalFrom: undefined,
  onSignOn: [],
  clearSiteData: [],
  issuer: 'https://sso.xyz.com',
};

/** As `options.ts` would fill them in for HTTPS under a domain. */
export const secureSettings: Partial<ValveSettings> = {
  cookieDomain: 'xyz.com',
  cookieName: '__Secure-latchkey',
  allowInsecureCookie: false,
};

export function world(
  settings: Partial<ValveSettings> = {},
  secrets: string | readonly string[] = secret,
  limits: Partial<RegistryLimits> = {},
): World {
  const clock = manualClock();
  const keys = deriveKeys(secrets);
  const lines: Line[] = [];
  const audits: Line[] = [];
  const line = (level: string) => (fields: object, message: string) =>
    void ('event' in fields ? audits : lines).push({ level, message, fields });
  const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const entries = loneCopies<SsoEntry>(entryLattice);
  const subjects = loneCopies<Subject>(subjectLattice);
  const finality = testFinality();
  const registry = new Registry({
    entries,
    subjects,
    gossip: { stored: async () => ({ nodes: ['n1'], outstanding: [] }) },
    links: {
      linkedUntil: () => 0,
      keysOf: () => [],
      ask: async () => ({ everybody: true, living: true }),
      endLinked: () => [],
      served: () => [],
      views: () => [],
    },
    finality: { epoch: 0, onEpoch: () => {}, ended: () => {} },
    receipts: {
      issue: async ({ cause, closedAt }) => ({
        id: 'A'.repeat(16),
        state: 'complete',
        finalAt: undefined,
        cause,
        closedAt,
        applications: [],
        sessions: 0,
        nodes: { confirmed: ['n1'], outstanding: [] },
        failures: [],
      }),
    },
    keys,
    clock,
    hybrid: new HybridClock(clock),
    random: systemRandom,
    life: 'n1:1',
    accepting: () => made.accepting && finality.leases,
    limits,
    log,
  });
  const made: World = {
    clock,
    registry,
    entries,
    lines,
    audits,
    accepting: true,
    finality,
    parts: {
      registry,
      finality,
      settings: { ...settingsDefaults, ...settings },
      keys,
      context: new RequestContext(),
      clock,
      random: systemRandom,
      log,
      route: 'n1',
      accepting: () => made.accepting,
    },
    async open(principal = alice) {
      const opened = await registry.open({ principal, how: 'form', mark: registry.mark() });
      return { token: opened!.token, id: opened!.id, cookie: `${made.parts.settings.cookieName}=${opened!.token}` };
    },
  };
  return made;
}

const require = createRequire(import.meta.url);

/** The Express majors that may be the host. */
export const hosts: readonly { readonly name: string; readonly express: typeof express }[] = [
  { name: 'Express 5', express },
  { name: 'Express 4', express: require('express4') as typeof express },
];

export interface AppOptions {
  readonly express?: typeof express;
  readonly before?: readonly RequestHandler[];
}

/** A host with the valve, behind a trusted proxy; its errors are answered with their code. */
export function app(
  { parts }: Pick<World, 'parts'>,
  routes: (app: Express) => void,
  options: AppOptions = {},
): Express {
  const host = (options.express ?? express)();
  host.set('trust proxy', 'loopback');
  for (const handler of options.before ?? []) host.use(handler);
  host.use(valve(parts));
  host.get(
    '/who',
    (req, res) => void res.json({ name: req.sso.principal?.name, roles: req.sso.roles, how: req.sso.how }),
  );
  routes(host);
  host.use(
    (error: { code?: string; status?: number }, _req: Request, res: express.Response, _next: express.NextFunction) => {
      if (res.headersSent) res.destroy();
      else res.status(error.status ?? 500).json({ code: error.code ?? String(error) });
    },
  );
  return host;
}

/** A request as a browser behind the TLS proxy makes it to `host`. */
export function secure(test: Test, host = 'app1.xyz.com'): Test {
  return test.set('Host', host).set('X-Forwarded-Proto', 'https');
}

export function agent(host: Express) {
  return supertest(host);
}

/** Sends bytes as they are and gives what came until the connection ended. */
export function raw(host: Express, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer(host).listen(0, '127.0.0.1', () => {
      let answer = '';
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk));
      socket.on('error', reject).on('close', () => server.close(() => resolve(answer)));
    });
  });
}

/** The Set-Cookie lines of an answer, those of cookies called `name` alone if it is given. */
export function setCookies(answer: Answer, name?: string): string[] {
  const lines = (answer.headers['set-cookie'] ?? []) as unknown as string[];
  return name === undefined ? lines : lines.filter((line) => line.startsWith(`${name}=`));
}

/** The `name=value` of the first line that sets (and does not delete) a cookie of this name. */
export function issued(answer: Answer, name = 'latchkey'): string | undefined {
  return setCookies(answer, name)
    .find((line) => !/max-age=0/i.test(line))
    ?.split(';', 1)[0];
}

export function deletions(answer: Answer, name = 'latchkey'): string[] {
  return setCookies(answer, name).filter((line) => /max-age=0/i.test(line));
}

/** Attributes of a Set-Cookie line without its value and lifetime, sorted. */
export function attributes(line: string): string[] {
  return line
    .split('; ')
    .slice(1)
    .filter((part) => !/^(max-age|expires)=/i.test(part))
    .sort();
}

/** A session handle that notes what the valve does with it. */
export function sessionRecorder(): { readonly calls: string[]; readonly handler: RequestHandler } {
  const calls: string[] = [];
  const handle: SessionHandle = {
    app: 'shop',
    link: (id) => void calls.push(`link ${id}`),
    ensure: () => void calls.push('ensure'),
    leave: async () => void calls.push('leave'),
    drop: () => void calls.push('drop'),
  };
  return {
    calls,
    handler: (req, _res, next) => {
      setSessionHandle(req, handle);
      next();
    },
  };
}

/** As if no valve stood before what follows. */
export const withoutValve: RequestHandler = (req, _res, next) => {
  Object.assign(req, { sso: undefined });
  next();
};
