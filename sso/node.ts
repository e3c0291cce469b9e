/**
 * Puts the parts together by hand: one call starts a node, and what it returns is all that an
 * application needs. Nothing here decides anything; the rooms below do.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { Channel } from './channel/channel.ts';
import { meshChannel } from './channel/mesh.ts';
import { type Cancel, type Clock, every, systemClock } from './clock.ts';
import { type Cause, entryLattice, type OpenEntry } from './entry.ts';
import { SsoError } from './errors.ts';
import { GossipNode, type MemberView } from './gossip/gossip.ts';
import { HybridClock } from './hybrid-clock.ts';
import { deriveKeys } from './keys.ts';
import { type Log, silentLog } from './log.ts';
import { type NodeOptions, resolveOptions, type Settings } from './options.ts';
import { parseRoles } from './principal.ts';
import { systemRandom } from './random.ts';
import type { Receipt } from './receipt.ts';
import { type Closed, type EntryView, Registry } from './registry.ts';
import { sessionLattice } from './session/record.ts';
import { RequestContext } from './session/request-context.ts';
import { type SessionOptions, type SessionParts, sessions } from './session/sessions.ts';
import { type SessionStore, store } from './session/store.ts';
import { SessionTable } from './session/table.ts';
import { subjectLattice } from './subject.ts';
import type { SsoId } from './token.ts';
import { type KeySet, keySet } from './valve/assertion.ts';
import { type Authenticate, type LoginOptions, login } from './valve/login.ts';
import { type ProtectOptions, protect } from './valve/protect.ts';
import type { ValveParts } from './valve/settings.ts';
import { type LogoutOptions, logout } from './valve/sign-off.ts';
import type { Sso } from './valve/sso.ts';
import { signOnView, upgradeReader, valve } from './valve/valve.ts';

/** Starts a node: joins the cluster, compares with its members, and only then resolves. @throws SsoError ERR_CONFIG_INVALID, ERR_CHANNEL_FAILED */
export async function startNode(options: NodeOptions): Promise<SsoNode> {
  const settings = resolveOptions(options);
  let after = 0;
  for (let lives = 0; lives < mostLives; lives++) {
    const node = new SsoNode(settings, after);
    const later = await node.start();
    if (later === undefined) return node;
    after = later;
  }
  throw new SsoError('ERR_UNAVAILABLE', `other processes keep starting as node ${settings.route}`);
}

/** How often a starting node takes a later incarnation, because its clock was set back or another process bears its name. */
const mostLives = 5;

export interface Opened {
  readonly id: SsoId;
  readonly entry: OpenEntry;
  /** Whether it was opened through this node. */
  readonly own: boolean;
}

interface NodeEvents {
  opened: [Opened];
  closed: [Closed];
  member: [MemberView];
  /** Another process has started under this node's name; this one has stopped. */
  replaced: [];
}

/** A node, running. All its middleware may be mounted on any number of applications. */
export class SsoNode {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #gossip: GossipNode;
  readonly #registry: Registry;
  readonly #table: SessionTable;
  readonly #valveParts: ValveParts;
  readonly #sessionParts: SessionParts;
  readonly #keySet: KeySet;
  readonly #upgrades: (req: IncomingMessage) => Promise<Sso>;
  readonly #clock: Clock;
  readonly #events = new EventEmitter<NodeEvents>();
  readonly #apps = new Set<string>();
  #timers: Cancel[] = [];
  #drained: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #latest = 0;
  #state: 'starting' | 'up' | 'draining' | 'stopped' = 'starting';

  /** Use `startNode`. `after`: the incarnation of this node that another one has met, which this life must exceed. */
  constructor(settings: Settings, after = 0) {
    const { world, cluster, route } = settings;
    const clock = world.clock ?? systemClock;
    const random = world.random ?? systemRandom;
    const keys = deriveKeys(settings.secret);
    this.#settings = settings;
    this.#clock = clock;
    this.#log = settings.log ?? consoleLog;
    const chance = Math.floor(random.fraction() * 512);
    const incarnation = Math.max(Math.floor(clock.now()) * 512, after + 1) + chance;
    const self = { node: route, incarnation };
    const onReplaced = (latest: number) => void this.#replaced(latest);
    const life = `${route}:${incarnation}`;
    const hybrid = new HybridClock(clock);
    const channel =
      world.channel?.({ ...self, onReplaced }) ??
      (cluster === undefined
        ? undefined
        : meshOf(settings, cluster, self, keys.mesh, {
            clock,
            random,
            log: this.#log,
            onReplaced,
          }));
    this.#gossip = new GossipNode({
      self: { ...self, route, address: addressOf(cluster) },
      channel,
      clock,
      random,
      log: this.#log,
      options: defined({
        intervalMs: cluster?.intervalMs,
        askMs: cluster?.askMs,
        joinMs: cluster?.joinMs,
        lostAfterMs: cluster?.lostAfterMs,
      }),
    });
    // In this order they travel: no entry outruns the end of its subject in one batch or comparison.
    const subjects = this.#gossip.map(subjectLattice);
    const entries = this.#gossip.map(entryLattice);
    const sessionCopies = this.#gossip.map(sessionLattice);
    const { limits } = settings;
    const wait = defined({ copies: cluster?.copies, waitMs: cluster?.copyMs });
    this.#table = new SessionTable({
      copies: sessionCopies,
      gossip: this.#gossip,
      signOns: {
        stateOf: (id) => this.#registry.stateOf(id),
        endsAt: (id) => this.#registry.endsAt(id),
        closedAt: (id) => this.#registry.closedAt(id),
        fetch: (id) => this.#registry.fetch(id),
        lived: (id, until) => this.#registry.lived(id, until),
      },
      clock,
      hybrid,
      life,
      lifeEndedAt: (one) => this.#gossip.lifeEndedAt(one),
      limits: { ...defined({ sessions: limits.sessions, sessionsPerSignOn: limits.sessionsPerSignOn }), ...wait },
    });
    this.#registry = new Registry({
      entries,
      subjects,
      gossip: this.#gossip,
      links: {
        linkedUntil: (id) => this.#table.linkedUntil(id),
        keysOf: (id) => this.#table.keysOf(id),
        ask: (asked) => sessionCopies.ask(asked),
        endLinked: (id, closedAt) => this.#table.endLinked(id, closedAt),
        views: (id) =>
          this.#table.linked(id).map(({ session }) => ({
            app: session.app,
            node: nodeOf(session.owner),
            lastAccessAt: session.lastAccessAt,
          })),
      },
      keys,
      clock,
      hybrid,
      random,
      life,
      accepting: () => this.#state === 'up',
      log: this.#log,
      limits: defined({
        lifeMs: settings.lifeMs,
        idleMs: settings.idleMs,
        maxEmptyLifeMs: settings.maxEmptyLifeMs,
        entries: limits.entries,
        entriesPerSubject: limits.entriesPerUser,
        copies: cluster?.copies,
        copyMs: cluster?.copyMs,
        logoutMs: cluster?.logoutMs,
      }),
    });
    const context = new RequestContext();
    this.#keySet = keySet(keys);
    this.#valveParts = {
      registry: this.#registry,
      settings,
      keys,
      context,
      clock,
      random,
      log: this.#log,
      route,
      accepting: () => this.#state === 'up',
    };
    this.#upgrades = upgradeReader(this.#valveParts);
    this.#sessionParts = {
      table: this.#table,
      signOns: signOnView(this.#valveParts),
      keys,
      route,
      context,
      random,
      clock,
      log: this.#log,
      allowInsecureCookie: settings.allowInsecureCookie,
    };
    this.#registry.onOpened((opened) => this.#events.emit('opened', opened));
    this.#registry.onClosed((closed) => this.#events.emit('closed', closed));
    this.#gossip.onReplaced(onReplaced);
    this.#gossip.onMember((_before, after) => this.#events.emit('member', after));
  }

  /** Joins the cluster; `startNode` has done it. Resolves with an incarnation if a later life of this node is known: this one has stopped. */
  async start(): Promise<number | undefined> {
    if (this.#settings.allowInsecureCookie)
      this.#log.warn({}, 'allowInsecureCookie: sign-ons travel over plain HTTP, for demonstrations only');
    if (!this.#settings.allowInsecureCookie && !/^__(Secure|Host)-/.test(this.#settings.cookieName)) {
      this.#log.warn(
        { cookieName: this.#settings.cookieName },
        'cookieName has no __Secure- prefix: sibling hosts and plain HTTP can set such a cookie too',
      );
    }
    await this.#gossip.start();
    if (this.#state !== 'starting') return this.#latest;
    this.#state = 'up';
    this.#timers = [every(this.#clock, this.#settings.sweepMs, () => void this.#registry.sweep())];
    return undefined;
  }

  /** The middleware of the virtual host: gives every application below it `req.sso`. Mount it once, before them. */
  valve(): RequestHandler {
    return valve(this.#valveParts);
  }

  /**
   * The sign-on of a WebSocket's upgrade request, as `req.sso` is of others. A page of another origin than this host's and
   * the configured ones gets nobody's: browsers let any page open a socket to any host.
   */
  fromUpgrade(req: IncomingMessage): Promise<Sso> {
    return this.#upgrades(req);
  }

  /** An application's sessions: `req.session`, as express-session has it, linked to the sign-on. */
  sessions(options: SessionOptions): RequestHandler {
    this.#noteApp(options.app);
    return sessions(this.#sessionParts, options);
  }

  /** A store for an application that stays with express-session. */
  store(options: { readonly app: string }): SessionStore {
    this.#noteApp(options.app);
    return store(this.#sessionParts, options);
  }

  /** Answers a posted sign-on form, or JSON: `authenticate` gets what was posted and gives a principal, or nothing. */
  login(authenticate: Authenticate, options?: LoginOptions): RequestHandler {
    return login(this.#valveParts, authenticate, options);
  }

  /** Lets a request pass that is signed on and has the roles; challenges it, or answers 403. */
  protect(options?: ProtectOptions): RequestHandler {
    return protect(this.#valveParts, options);
  }

  /** Answers a posted sign-off, and asks first when it is only visited. */
  logout(options?: LogoutOptions): RequestHandler {
    return logout(this.#valveParts, options);
  }

  /** Serves the public keys of identity assertions as a JSON Web Key Set (RFC 7517). */
  keySet(): RequestHandler {
    return this.#keySet.handler();
  }

  /** Ends all sign-ons of a user, those being checked at this moment included: a password changed, an account was closed. */
  endSubject(
    name: string,
    options: { readonly cause?: Extract<Cause, 'subject-ended' | 'administrator'> } = {},
  ): Promise<Receipt> {
    return this.#registry.endSubject(name, options.cause ?? 'subject-ended');
  }

  /** Ends one sign-on, by the id that `entries` shows. */
  endEntry(id: SsoId, options: { readonly cause?: Extract<Cause, 'logout' | 'administrator'> } = {}): Promise<Receipt> {
    return this.#registry.close(id, options.cause ?? 'administrator');
  }

  /** Gives a user other roles; the next request on every node sees them. @throws SsoError ERR_PRINCIPAL_INVALID */
  async setRoles(name: string, roles: readonly string[]): Promise<void> {
    const parsed = parseRoles(roles);
    if (parsed === undefined) throw new SsoError('ERR_PRINCIPAL_INVALID', 'roles must be a list of names');
    await this.#registry.setRoles(name, parsed);
  }

  /** The open sign-ons of a user, oldest first; without a name those of all. */
  entries(name?: string): readonly EntryView[] {
    return name === undefined ? [...this.#registry.openEntries()] : this.#registry.entriesOf(name);
  }

  /** The nodes of the cluster as this one sees them, this one first. */
  members(): readonly MemberView[] {
    return this.#gossip.members();
  }

  /** An application stops on this node: its sessions' links go, the sign-ons and the data stay (V44). */
  stopApplication(app: string): void {
    this.#table.release(app);
    this.#apps.delete(app);
    this.#gossip.setApplications([...this.#apps]);
  }

  get state(): 'starting' | 'up' | 'draining' | 'stopped' {
    return this.#state;
  }

  get name(): string {
    return this.#settings.route;
  }

  /** What has been counted: frames dropped by reason, values repaired, and so on. */
  counters(): Readonly<Record<string, number>> {
    return this.#gossip.counters();
  }

  on<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    (this.#events as EventEmitter).on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /** Takes no sign-ons any more and hands over what only this node holds. Requests that are signed on are still served. */
  drain(): Promise<void> {
    if (this.#state === 'up') {
      this.#state = 'draining';
      this.#drained = this.#gossip.drain();
    }
    return this.#drained;
  }

  /** Drains, leaves the cluster, and ends every timer and socket. The sign-ons live on in the other nodes. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.drain()
      .then(() => this.#gossip.leave())
      .then(() => this.kill()));
  }

  /** Ends at once, telling nobody, as a crash would: for tests of failover. */
  async kill(): Promise<void> {
    this.#state = 'stopped';
    for (const cancel of this.#timers) cancel();
    await this.#gossip.stop();
  }

  /** A later process goes by this node's name: two of one name must not both answer. */
  async #replaced(latest: number): Promise<void> {
    const wasUp = this.#state !== 'starting';
    if (this.#state === 'stopped') return;
    this.#latest = latest;
    await this.kill();
    if (wasUp) this.#events.emit('replaced');
  }

  #noteApp(app: string): void {
    this.#apps.add(app);
    this.#gossip.setApplications([...this.#apps]);
  }
}

function meshOf(
  settings: Settings,
  cluster: NonNullable<Settings['cluster']>,
  self: { node: string; incarnation: number },
  mesh: ReturnType<typeof deriveKeys>['mesh'],
  world: Pick<ValveParts, 'clock' | 'random' | 'log'> & { readonly onReplaced: (latest: number) => void },
): Channel {
  const name = cluster.name ?? 'latchkey';
  return meshChannel({
    ...self,
    ...world,
    ...defined({ advertise: cluster.advertise, dns: cluster.dns, tls: cluster.tls }),
    cluster: name,
    listen: cluster.listen,
    nodes: cluster.nodes ?? [],
    keys: (node) => mesh(name, node),
    fingerprint: fingerprintOf(settings),
  });
}

/** Nodes that judge sign-ons by different limits would disagree about who is signed on: they do not join. */
function fingerprintOf({ lifeMs, idleMs, maxEmptyLifeMs }: Settings): string {
  return `lifeMs ${lifeMs}, idleMs ${idleMs}, maxEmptyLife ${maxEmptyLifeMs / 1000} s`;
}

/** Where the others reach this node, as far as it knows itself. */
function addressOf(cluster: Settings['cluster']): string {
  const { advertise, listen = '' } = cluster ?? {};
  return advertise ?? (/^(0\.0\.0\.0|\[::\]|\*):|:0$/.test(listen) ? '' : listen);
}

function nodeOf(life: string): string {
  return life.slice(0, life.lastIndexOf(':'));
}

/** Without the fields that are undefined: defaults take their place. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Says what an operator must know where no log was given. */
const consoleLog: Log = {
  ...silentLog,
  warn: (fields, message) => console.warn(`latchkey: ${message}`, fields),
  error: (fields, message) => console.error(`latchkey: ${message}`, fields),
};
