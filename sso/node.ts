/**
 * Puts the parts together by hand: one call starts a node, and what it returns is all that an
 * application needs. Nothing here decides anything; the rooms below do.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Request, RequestHandler } from 'express';
import { ajpOf } from './ajp/ajp-of.ts';
import { Audit } from './audit/audit.ts';
import { Balanced } from './balancer/balanced.ts';
import type { StickyRouteOptions } from './balancer/sticky-route.ts';
import type { Channel } from './channel/channel.ts';
import { type Cancel, type Clock, every, systemClock } from './clock.ts';
import { LmdbDisk } from './disk/lmdb-disk.ts';
import { LmdbShelf } from './disk/lmdb-shelf.ts';
import type { Cause, OpenEntry } from './entry.ts';
import { SsoError } from './errors.ts';
import type { HandedOver, MemberView } from './gossip/gossip.ts';
import { Metrics, type MetricsOptions } from './health/metrics.ts';
import { livez, type ReadyzOptions, readyz } from './health/pages.ts';
import { readiness } from './health/readiness.ts';
import type { HealthSnapshot, HealthSource } from './health/snapshot.ts';
import { Heart } from './heart.ts';
import { ownHost } from './http/own-host.ts';
import { returnAddressInQuery, safeReturnAddress } from './http/return-address.ts';
import { deriveKeys } from './keys.ts';
import { type Log, silentLog } from './log.ts';
import type { FinalityView, WhenCutOff } from './logout/finality.ts';
import { addressOf, channelOf, defined, voteAdvice } from './node-channel.ts';
import { type NodeOptions, resolveOptions, type Settings } from './options.ts';
import { parseRoles } from './principal.ts';
import { systemRandom } from './random.ts';
import type { Receipt } from './receipt.ts';
import type { Closed, EntryView } from './registry.ts';
import { Placement } from './session/options/placement.ts';
import { RequestContext } from './session/request-context.ts';
import { type SessionOptions, type SessionParts, sessions } from './session/sessions.ts';
import { type SessionStore, type StoreOptions, store } from './session/store.ts';
import { Throttle } from './throttle/throttle.ts';
import type { SsoId } from './token.ts';
import { type KeySet, keySet } from './valve/assertion.ts';
import type { BasicOptions } from './valve/basic.ts';
import type { LongLivedConnection } from './valve/closable.ts';
import { inspector } from './valve/inspect.ts';
import { type AskedByBasic, type BasicAnswer, basicInspector } from './valve/inspect-basic.ts';
import { type Authenticate, type LoginOptions, login } from './valve/login.ts';
import { LongLived } from './valve/long-lived.ts';
import { type ProtectOptions, protect, roleMapping } from './valve/protect.ts';
import { Realms } from './valve/realms.ts';
import { receiptPage } from './valve/receipt-page.ts';
import type { MapRoles } from './valve/role-mapping.ts';
import type { ValveParts } from './valve/settings.ts';
import { type LogoutOptions, logout } from './valve/sign-off.ts';
import type { Sso } from './valve/sso.ts';
import { upgradeReader } from './valve/upgrade.ts';
import { signOnView, valve } from './valve/valve.ts';

/**
 * Starts a node: reads its data directory, joins the cluster, and compares with the members that it reaches. It may resolve
 * before the node accepts anybody, where too few voters can be reached: `finality()` and `readyz` say so, and for what it waits.
 * A voter that is alone in its list and has no state waits for T (`cluster.leaseMs`).
 * @throws SsoError ERR_CONFIG_INVALID, ERR_CHANNEL_FAILED, ERR_DISK_FAILED
 */
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

/** What `startNode` would make of these options, as far as it can be said without starting anything. */
export interface CheckedOptions {
  /** The node's name. */
  readonly route: string;
  /** The voters' addresses, and what happens without a majority of them; `undefined`: a node without a cluster. */
  readonly cluster:
    | { readonly voters: readonly string[]; readonly hasVote: boolean; readonly whenCutOff: WhenCutOff }
    | undefined;
  /** What would be logged as a warning: it works, and is probably not meant. */
  readonly warnings: readonly string[];
}

/**
 * Everything that `startNode` checks before it starts: fields, secrets, addresses, certificates, what does not go together. Opens
 * no port, no file and no connection. @throws SsoError ERR_CONFIG_INVALID
 */
export function checkOptions(options: NodeOptions): CheckedOptions {
  const settings = resolveOptions(options);
  // Its parts check what is theirs when they are made; nothing of it runs before `start`.
  new SsoNode({ ...settings, log: silentLog });
  const { route, voters } = settings;
  return {
    route,
    cluster: voters && { voters: voters.list, hasVote: voters.own !== undefined, whenCutOff: voters.mode },
    warnings: [...settings.advice, ...voteAdvice(settings)],
  };
}

/** How often a starting node takes a later incarnation, because its clock was set back or another process bears its name. */
const mostLives = 5;

export interface Opened {
  readonly id: SsoId;
  readonly entry: OpenEntry;
  /** Whether it was opened through this node. */
  readonly own: boolean;
}

/** Who does an administrative act, for the audit. */
interface Actor {
  readonly by?: string | undefined;
}

/** Why a node is told to end, for the audit. */
interface Ended extends Actor {
  /** In a word: the signal that was sent. Left out: `call`, since the application called. */
  readonly cause?: string | undefined;
}

interface NodeEvents {
  opened: [Opened];
  closed: [Closed];
  member: [MemberView];
  /** Whether this node accepts sign-ons has become another: at the start, when it is cut off, when it is back. */
  accepting: [boolean];
  /** Another process has started under this node's name; this one has stopped. */
  replaced: [];
}

/** A node, running. All its middleware may be mounted on any number of applications. */
export class SsoNode {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #heart: Heart;
  readonly #channel: Channel | undefined;
  readonly #valveParts: ValveParts;
  readonly #sessionParts: SessionParts;
  readonly #keySet: KeySet;
  readonly #upgrades: (req: IncomingMessage) => Promise<Sso>;
  readonly #inspected: (req: IncomingMessage) => Sso | Promise<Sso>;
  readonly #longLived: LongLived;
  readonly #health: HealthSource;
  readonly #metrics: Metrics;
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #events = new EventEmitter<NodeEvents>();
  readonly #apps = new Set<string>();
  readonly #balanced: Balanced;
  #timers: Cancel[] = [];
  #drained: Promise<HandedOver> = Promise.resolve({ handedOver: 0, lost: 0 });
  #stopped: Promise<void> | undefined;
  #latest = 0;
  #ended: Promise<void> = Promise.resolve();
  #state: 'starting' | 'up' | 'draining' | 'stopped' = 'starting';

  /** Use `startNode`. `after`: the incarnation of this node that another one has met, which this life must exceed. */
  constructor(settings: Settings, after = 0) {
    const { world, cluster, route, limits } = settings;
    const clock = world.clock ?? systemClock;
    const random = world.random ?? systemRandom;
    const keys = deriveKeys(settings.secret, settings.retiredSecrets);
    this.#settings = settings;
    this.#clock = clock;
    this.#log = settings.log ?? consoleLog;
    const chance = Math.floor(random.fraction() * 512);
    const incarnation = Math.max(Math.floor(clock.now()) * 512, after + 1) + chance;
    const self = { node: route, incarnation };
    const onReplaced = (latest: number) => void this.#replaced(latest);
    const channel =
      world.channel?.({ ...self, onReplaced }) ??
      (cluster === undefined
        ? undefined
        : channelOf(settings, cluster, self, keys, {
            clock,
            random,
            log: this.#log,
            onReplaced,
          }));
    this.#channel = channel;
    this.#health = { clock, snapshot: () => this.#snapshot(), beatAt: () => this.#heart.gossip.beatAt };
    this.#metrics = new Metrics(this.#health);
    this.#heart = new Heart({
      onAnswered: (state) => this.#metrics.answered(state),
      onComplete: (afterMs) => this.#metrics.completed(afterMs),
      self,
      route,
      address: addressOf(cluster, route),
      buddyPool: settings.buddyPool,
      host: settings.host,
      channel,
      voters: settings.voters,
      clock,
      random,
      keys,
      disk:
        world.disk ??
        (settings.dataDir === undefined
          ? undefined
          : new LmdbDisk({ directory: settings.dataDir, clock, log: this.#log })),
      shelf: world.shelf ?? (settings.dataDir === undefined ? undefined : new LmdbShelf(settings.dataDir)),
      restored: settings.restored,
      accepting: () => this.#state === 'up',
      gossip: defined({
        intervalMs: cluster?.intervalMs,
        askMs: cluster?.askMs,
        joinMs: cluster?.joinMs,
        lostAfterMs: cluster?.lostAfterMs,
      }),
      registry: defined({
        lifeMs: settings.lifeMs,
        idleMs: settings.idleMs,
        maxEmptyLifeMs: settings.maxEmptyLifeMs,
        entries: limits.entries,
        rememberMs: settings.rememberMs,
        entriesPerSubject: limits.entriesPerUser,
        copies: cluster?.copies,
        copyMs: cluster?.copyMs,
        logoutMs: cluster?.logoutMs,
      }),
      sessions: defined({
        sessions: limits.sessions,
        sessionsPerSignOn: limits.sessionsPerSignOn,
        copies: cluster?.copies,
        waitMs: cluster?.copyMs,
      }),
      log: this.#log,
    });
    const { registry, gossip, finality } = this.#heart;
    this.#audit = new Audit({ log: this.#log, node: route, speaks: () => this.#speaks() });
    const context = new RequestContext();
    this.#keySet = keySet(keys);
    this.#valveParts = {
      onRefused: (reason) => this.#metrics.refused(reason),
      registry,
      finality: this.#heart.finality,
      settings,
      keys,
      context,
      clock: this.#heart.clock,
      random,
      log: this.#log,
      route,
      accepting: () => this.#heart.mayOpen(),
      takesNew: () => this.#balanced.takesNew(),
      throttle:
        settings.throttle &&
        new Throttle({
          cells: this.#heart.attempts,
          gossip,
          clock: this.#heart.clock,
          random,
          keys,
          life: this.#heart.life,
          limits: settings.throttle,
          allowInsecureCookie: settings.allowInsecureCookie,
          log: this.#log,
        }),
      realms: new Realms(this.#log),
    };
    this.#upgrades = upgradeReader(this.#valveParts);
    this.#inspected = inspector(this.#valveParts);
    this.#longLived = new LongLived({
      registry,
      clock: this.#heart.clock,
      log: this.#log,
      mayAccept: () => finality.mayAccept(),
    });
    finality.onChange(() => this.#longLived.check());
    finality.onChange(() => this.#events.emit('accepting', finality.mayAccept()));
    finality.onEpoch(() => this.#longLived.check());
    this.#sessionParts = {
      table: this.#heart.table,
      notices: this.#heart.notices,
      passivation: this.#heart.passivation,
      takesNew: () => this.#balanced.takesNew(),
      signOns: signOnView(this.#valveParts),
      keys,
      route,
      context,
      random,
      clock: this.#heart.clock,
      log: this.#log,
      allowInsecureCookie: settings.allowInsecureCookie,
      placement: new Placement({
        clock: this.#heart.clock,
        log: this.#log,
        nodes: () => this.#nodesKnown(),
        buddyPool: settings.buddyPool,
      }),
      onMounted: (cookie) => this.#balanced.noteSessions(cookie),
    };
    this.#balanced = new Balanced({
      ...{ keys, clock, route, ajpOf, cookie: this.cookie, settings },
      mayOpen: () => this.#heart.mayOpen(),
      standing: () => {
        const snapshot = this.#snapshot();
        const { ready, why } = readiness(snapshot);
        return { state: snapshot.state, ready, why };
      },
      members: () =>
        this.members().map(({ node, state, address, reachable }) => ({
          ...{ node, state, reachable },
          ...(address !== '' && { address }),
        })),
      onRest: (forMs, by) => this.#audit.administered({ act: 'rest', forMs, by }),
    });
    registry.onOpened((opened) => {
      this.#metrics.opened(opened.own);
      this.#events.emit('opened', opened);
    });
    registry.onClosed((closed) => {
      // One that was never known open here is history that is copied, as at a start.
      if (closed.principal !== undefined) this.#metrics.ended(closed.cause, closed.own);
      // One that was never known open here is told by who closed it.
      if (closed.own || closed.principal !== undefined) this.#audit.signedOff(closed);
      this.#events.emit('closed', closed);
    });
    gossip.onReplaced(onReplaced);
    gossip.onMember((_before, after) => this.#events.emit('member', after));
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
    for (const advice of this.#settings.advice) this.#log.warn({}, advice);
    this.#warnOfVote();
    await this.#heart.start();
    if (this.#state !== 'starting') {
      // The next life opens the same data directory.
      await this.#ended;
      return this.#latest;
    }
    this.#state = 'up';
    this.#warnOfWaiting();
    this.#timers = [every(this.#clock, this.#settings.sweepMs, () => void this.#heart.registry.sweep())];
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

  /**
   * The sign-on of a request that is only asked about, as a proxy does that answers the browser itself (forward authentication):
   * read as the valve reads it, and a use of the sign-on; no cookie is set or deleted. Unlike `fromUpgrade` it has no rule about
   * origins: who may ask, and from which page, is for the caller to judge. At once, unless somebody must be asked.
   */
  inspect(req: IncomingMessage): Sso | Promise<Sso> {
    return this.#inspected(req);
  }

  /**
   * HTTP Basic for requests that are only asked about, beside `inspect`: the credentials are checked as `protect({ basic })` checks
   * them, and open a sign-on that the user's programs of one address share. The function resolves with `undefined` where
   * `authorization` is of another scheme.
   * @throws SsoError ERR_CONFIG_INVALID the realm cannot be sent
   */
  inspectBasic(options: BasicOptions): (asked: AskedByBasic) => Promise<BasicAnswer | undefined> {
    return basicInspector(this.#valveParts, options);
  }

  /**
   * Closes a connection that outlives its request with the sign-on under which it was opened, wherever that ends: a WebSocket
   * of `ws` with 4401 and the cause, an event stream with a last event `signed-off`, an AbortController, or anything with
   * `close(code, cause)`. Also when this node may not serve sign-ons (4503) or stops (1012): the other side connects again, to
   * another node. At once, if it is so already. Returns what lets go of it.
   * @throws SsoError ERR_CONFIG_INVALID this is no sign-on of a request or an upgrade
   */
  closeWith(signOn: Sso, connection: LongLivedConnection): () => void {
    return this.#longLived.closeWith(signOn, connection);
  }

  /** For supervisors: 200 as long as the node runs, 503 when only a new start helps. */
  livez(): RequestHandler {
    return livez(this.#health);
  }

  /** For balancers: 200 when this node may be sent requests, 503 with the reasons and Retry-After when not. */
  readyz(options?: ReadyzOptions): RequestHandler {
    return readyz(this.#health, options);
  }

  /** What `readyz` says now, for whoever asks another way: `ajpServer({ isReady: () => node.ready })`. */
  get ready(): boolean {
    return readiness(this.#snapshot()).ready;
  }

  /**
   * Gives every visitor the sticky cookie of this node, signed on or not, so that a balancer keeps them here; mount it where that is
   * wished, before or after the valve. An answer that sets a cookie is kept by no cache. `stickyRoute()` does it for sign-ons alone.
   * @throws SsoError ERR_CONFIG_INVALID
   */
  keepRoute(options: StickyRouteOptions = {}): RequestHandler {
    return this.#balanced.keepRoute(options);
  }

  /**
   * For programs that have the cluster's secret (`latchkey doctor`, `latchkey balancer --from`): how requests arrive here and how
   * the node stands, and a rest of up to a minute in which `readyz` says no. Whoever has no pass gets what comes next, a 404.
   * Mount it before the valve: `host.use('/latchkey-probe', sso.probe())`.
   */
  probe(): RequestHandler {
    return this.#balanced.probe();
  }

  /** The probe of a WebSocket's upgrade, for a server's `upgrade` event: `true`, it was one, and is answered. */
  probeUpgrade(req: IncomingMessage, socket: Duplex): boolean {
    return this.#balanced.probeUpgrade(req, socket);
  }

  /** For a scraper, in Prometheus' text format. It names nobody; mount it where only the scraper comes. */
  metrics(options?: MetricsOptions): RequestHandler {
    return this.#metrics.handler(options);
  }

  /** An application's sessions: `req.session`, as express-session has it, linked to the sign-on. */
  sessions(options: SessionOptions): RequestHandler {
    this.#noteApp(options.app);
    return sessions(this.#sessionParts, options);
  }

  /** A store for an application that stays with express-session. */
  store(options: StoreOptions): SessionStore {
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

  /**
   * For pages that anybody may see, what `protect({ mapRoles })` does for others: from here on `req.sso` shows the roles that this
   * application derives from those of the principal. @throws SsoError ERR_CONFIG_INVALID it is no function
   */
  mapRoles(map: MapRoles): RequestHandler {
    return roleMapping(map);
  }

  /** Answers a posted sign-off, and asks first when it is only visited. */
  logout(options?: LogoutOptions): RequestHandler {
    return logout(this.#valveParts, options);
  }

  /**
   * Where a page of the application's own may lead a browser after signing on or off: `address`, by default the `return_to` of
   * the query, in a form that is safe in a Location header, or `undefined` if it leads neither here nor to one of the `origins`.
   */
  returnAddress(req: Request, address: unknown = returnAddressInQuery(req)): string | undefined {
    return safeReturnAddress(address, this.#settings.origins, ownHost(req));
  }

  /** The SSO cookie as browsers get it. `domain` undefined: of the issuing host alone. */
  get cookie(): { readonly name: string; readonly domain: string | undefined; readonly secure: boolean } {
    const { cookieName, cookieDomain, allowInsecureCookie } = this.#settings;
    return { name: cookieName, domain: cookieDomain, secure: !allowInsecureCookie };
  }

  /** Serves the public keys of identity assertions as a JSON Web Key Set (RFC 7517). */
  keySet(): RequestHandler {
    return this.#keySet.handler();
  }

  /** Ends all sign-ons of a user, those being checked at this moment included: a password changed, an account was closed. */
  endSubject(
    name: string,
    {
      cause = 'subject-ended',
      by,
    }: { readonly cause?: Extract<Cause, 'subject-ended' | 'administrator'> } & Actor = {},
  ): Promise<Receipt> {
    this.#audit.subjectEnded({ user: name, cause, by });
    return this.#heart.registry.endSubject(name, cause);
  }

  /** Ends one sign-on, by the id that `entries` shows. */
  endEntry(
    id: SsoId,
    { cause = 'administrator', by }: { readonly cause?: Extract<Cause, 'logout' | 'administrator'> } & Actor = {},
  ): Promise<Receipt> {
    this.#audit.administered({ act: 'end-entry', signOn: id, by });
    return this.#heart.registry.close(id, cause);
  }

  /** Gives a user other roles; the next request on every node sees them. @throws SsoError ERR_PRINCIPAL_INVALID */
  async setRoles(name: string, roles: readonly string[], { by }: Actor = {}): Promise<void> {
    const parsed = parseRoles(roles);
    if (parsed === undefined) throw new SsoError('ERR_PRINCIPAL_INVALID', 'roles must be a list of names');
    this.#audit.rolesSet({ user: name, roles: parsed, by });
    await this.#heart.registry.setRoles(name, parsed);
  }

  /** The open sign-ons of a user, oldest first; without a name those of all. */
  entries(name?: string): readonly EntryView[] {
    return name === undefined ? [...this.#heart.registry.openEntries()] : this.#heart.registry.entriesOf(name);
  }

  /** The names of all who have open sign-ons, in no particular order: made as you read it. */
  users(): Iterable<string> {
    return this.#heart.registry.users();
  }

  /** The nodes of the cluster as this one sees them, this one first. */
  members(): readonly MemberView[] {
    return this.#heart.gossip.members();
  }

  /**
   * An application stops on this node: its sessions' links go, the sign-ons and the data stay (V44), and its `onEvent` and `onEnd`
   * hear nothing after that of this. It begins again with a new `sessions()` or `store()` of its name.
   */
  stopApplication(app: string): void {
    this.#audit.administered({ act: 'stop-application', app });
    this.#heart.table.release(app);
    this.#heart.notices.forget(app);
    this.#balanced.forgetSessions(app);
    this.#apps.delete(app);
    this.#heart.gossip.setApplications([...this.#apps]);
  }

  get state(): 'starting' | 'up' | 'draining' | 'stopped' {
    return this.#state;
  }

  get name(): string {
    return this.#settings.route;
  }

  /**
   * A receipt of a logout as it stands now, by its id, at any node. `undefined`: nobody knows it.
   * @throws SsoError ERR_UNAVAILABLE it is unknown here, and not every node could be asked
   */
  receipt(id: string): Promise<Receipt | undefined> {
    return this.#heart.receipts.find(id);
  }

  /**
   * Answers GET with a receipt as JSON, as `receipt()` finds it: 200; 400 for what is no number of one, 404 where nobody knows it,
   * 503 with Retry-After where not every node could be asked. Mount it at a path of its own: `host.use('/receipts', sso.receipts())`.
   */
  receipts(): RequestHandler {
    return receiptPage((id) => this.receipt(id));
  }

  /** How final logout stands on this node: leases, quorum, recovery. */
  finality(): FinalityView {
    return this.#heart.finality.view();
  }

  /** What has been counted: frames dropped by reason, values repaired, and so on. */
  counters(): Readonly<Record<string, number>> {
    const { gossip, passivation, courier, sessionConflicts } = this.#heart;
    const sessions = { ...passivation.counters(), ...courier.counters(), 'session-conflicts': sessionConflicts };
    return { ...gossip.counters(), ...sessions };
  }

  on<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    (this.#events as EventEmitter).on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /**
   * Takes no sign-ons any more and hands over what only this node holds; `readyz` says so. Requests that are signed on are
   * still served. Resolves with the number of values handed over, and of those that nobody confirmed in time.
   */
  drain(why: Ended = {}): Promise<HandedOver> {
    if (this.#state === 'up') {
      this.#state = 'draining';
      this.#audit.nodeEnds({ act: 'drain', ...why });
      this.#longLived.restart();
      this.#drained = this.#heart.drain();
    }
    return this.#drained;
  }

  /**
   * For so long `readyz` says 503, "resting", and by itself no longer; everything else goes on as ever, sign-ons too. So a balancer
   * has the time to notice that this node is about to drain, or it can be seen what it does. Milliseconds; 0 ends it.
   * @throws SsoError ERR_CONFIG_INVALID
   */
  rest(forMs: number, { by }: Actor = {}): void {
    this.#balanced.rest(forMs, by);
  }

  /** Drains, leaves the cluster, and ends every timer, socket and file. The sign-ons live on in the other nodes. */
  stop(why: Ended = {}): Promise<void> {
    return (this.#stopped ??= this.drain(why)
      .then(() => this.#audit.nodeEnds({ act: 'stop', ...why }))
      .then(() => this.#heart.leave())
      .then(() => this.kill()));
  }

  /** Ends at once, telling nobody, as a crash would: for tests of failover. */
  async kill(): Promise<void> {
    this.#state = 'stopped';
    for (const cancel of this.#timers) cancel();
    this.#longLived.abandon();
    await this.#heart.kill();
  }

  /** A later process goes by this node's name: two of one name must not both answer. */
  async #replaced(latest: number): Promise<void> {
    const wasUp = this.#state !== 'starting';
    if (this.#state === 'stopped') return;
    this.#latest = latest;
    this.#longLived.restart();
    this.#ended = this.kill();
    await this.#ended;
    if (wasUp) this.#events.emit('replaced');
  }

  /** An address of all interfaces says nothing of itself: a node that should have a vote would never get one. */
  #warnOfVote(): void {
    const { voters, cluster } = this.#settings;
    for (const advice of voteAdvice(this.#settings))
      this.#log.warn({ listen: cluster?.listen, voters: voters?.list }, advice);
  }

  /** Says once what a node that accepts nobody waits for, and when it accepts. */
  #warnOfWaiting(): void {
    const { finality } = this.#heart;
    if (finality.mayAccept()) return;
    const { waitsFor = 'a quorum of leases', voters, quorum } = finality.view();
    this.#log.warn({ waitsFor, voters, quorum }, `this node accepts nobody yet: it waits for ${waitsFor}`);
    let told = false;
    finality.onChange(() => {
      if (told || !finality.mayAccept()) return;
      told = true;
      this.#log.warn({}, 'this node accepts sign-ons now');
    });
  }

  /** Of the living nodes the first by name says what all conclude by themselves. */
  #speaks(): boolean {
    return this.members().every(({ node, state }) => node >= this.name || (state !== 'up' && state !== 'draining'));
  }

  #snapshot(): HealthSnapshot {
    const {
      registry,
      table,
      passivation,
      courier,
      entries,
      finality,
      diskFailure,
      unwritten,
      clockOffsetMs,
      isClockFarOff,
    } = this.#heart;
    const view = finality.view();
    const { unconfirmed, fetching, ...placed } = courier.view();
    return {
      state: this.#state,
      restsForMs: this.#balanced.restsForMs,
      finality: view,
      members: this.members(),
      refusals: this.#channel?.refusals?.() ?? [],
      signOns: { open: registry.openCount, closed: entries.size - registry.openCount },
      sessions: { live: table.liveCount, passivated: passivation.view.passivated, placed },
      counters: this.counters(),
      queues: {
        closings: view.outstanding,
        'disk-writes': unwritten,
        receipts: this.#heart.receipts.underWay,
        buddies: unconfirmed,
        'session-fetches': fetching,
      },
      clock: { offsetMs: clockOffsetMs, isWrong: isClockFarOff },
      diskFailure,
      longLived: this.#longLived.view(),
    };
  }

  /** The cluster's nodes as far as they are named or met; who else will come where they are found otherwise nobody knows. */
  #nodesKnown(): number {
    const { cluster, voters } = this.#settings;
    if (cluster === undefined) return 1;
    if (cluster.dns !== undefined || (voters?.list.length ?? 1) === 1) return Number.POSITIVE_INFINITY;
    const met = this.members().filter(({ state }) => state !== 'left');
    return Math.max(voters?.list.length ?? 1, met.length);
  }

  #noteApp(app: string): void {
    this.#apps.add(app);
    this.#heart.gossip.setApplications([...this.#apps]);
  }
}

/** Says what an operator must know where no log was given. */
const consoleLog: Log = {
  ...silentLog,
  warn: (fields, message) => console.warn(`latchkey: ${message}`, fields),
  error: (fields, message) => console.error(`latchkey: ${message}`, fields),
};
