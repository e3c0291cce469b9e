/**
 * A node as an application sees it: the public surface, where each door leads into one of the rooms below.
 * Its constructor puts the parts together by hand; nothing here decides anything.
 */

import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Request, RequestHandler } from 'express';
import { ajpOf } from './ajp/ajp-of.ts';
import { Audit } from './audit/audit.ts';
import { Balanced } from './balancer/balanced.ts';
import type { StickyRouteOptions } from './balancer/sticky-route.ts';
import type { Cause } from './entry.ts';
import { SsoError } from './errors.ts';
import type { HandedOver, MemberView } from './gossip/gossip.ts';
import { Metrics, type MetricsOptions } from './health/metrics.ts';
import { livez, type ReadyzOptions, readyz } from './health/pages.ts';
import { readiness } from './health/readiness.ts';
import type { HealthSnapshot, HealthSource } from './health/snapshot.ts';
import { Heart } from './heart.ts';
import { ownHost } from './http/own-host.ts';
import { returnAddressInQuery, safeReturnAddress } from './http/return-address.ts';
import type { FinalityView } from './logout/finality.ts';
import type { Actor, Ended } from './node/actor.ts';
import { adviseAtStart, tellOfWaiting } from './node/advice.ts';
import { type NodeEvents, nodeEvents } from './node/events.ts';
import { heartOptions } from './node/heart-options.ts';
import { Lifecycle } from './node/lifecycle.ts';
import { Middleware } from './node/middleware.ts';
import { countersOf, pictureOf } from './node/picture.ts';
import { type NodeWorld, worldOf } from './node/world.ts';
import type { Settings } from './options.ts';
import { parseRoles } from './principal.ts';
import type { Receipt } from './receipt.ts';
import type { EntryView } from './registry.ts';
import { type SessionOptions, sessions } from './session/sessions.ts';
import { type SessionStore, type StoreOptions, store } from './session/store.ts';
import type { SsoId } from './token.ts';
import { type KeySet, keySet } from './valve/assertion.ts';
import type { BasicOptions } from './valve/basic.ts';
import type { LongLivedConnection } from './valve/closable.ts';
import { type AskedByBasic, type BasicAnswer, basicInspector } from './valve/inspect-basic.ts';
import { type Authenticate, type LoginOptions, login } from './valve/login.ts';
import { type ProtectOptions, protect, roleMapping } from './valve/protect.ts';
import { receiptPage } from './valve/receipt-page.ts';
import type { MapRoles } from './valve/role-mapping.ts';
import { type LogoutOptions, logout } from './valve/sign-off.ts';
import type { Sso } from './valve/sso.ts';
import { valve } from './valve/valve.ts';

export type { Opened } from './node/events.ts';

/** A node, running. All its middleware may be mounted on any number of applications. */
export class SsoNode {
  readonly #settings: Settings;
  readonly #world: NodeWorld;
  readonly #heart: Heart;
  readonly #health: HealthSource;
  readonly #metrics: Metrics;
  readonly #audit: Audit;
  readonly #middleware: Middleware;
  readonly #keySet: KeySet;
  readonly #balanced: Balanced;
  readonly #events: EventEmitter<NodeEvents>;
  readonly #lifecycle: Lifecycle;
  readonly #apps = new Set<string>();

  /** Use `startNode`. `after`: the incarnation of this node that another one has met, which this life must exceed. */
  constructor(settings: Settings, after = 0) {
    const giveWay = (latest: number) => void this.#lifecycle.giveWay(latest);
    const world = worldOf(settings, after, giveWay);
    const { route } = settings;
    const { clock, random, keys, log, self, channel, disk, shelf } = world;
    this.#settings = settings;
    this.#world = world;
    this.#health = { clock, snapshot: () => this.#snapshot(), beatAt: () => this.#heart.gossip.beatAt };
    this.#metrics = new Metrics(this.#health);
    this.#heart = new Heart({
      ...heartOptions(settings),
      ...{ self, channel, clock, random, keys, disk, shelf, log },
      accepting: () => this.state === 'up',
      onAnswered: (state) => this.#metrics.answered(state),
      onComplete: (afterMs) => this.#metrics.completed(afterMs),
    });
    this.#audit = new Audit({ log, node: route, speaks: () => this.#speaks() });
    this.#keySet = keySet(keys);
    this.#middleware = new Middleware({
      ...{ settings, world, heart: this.#heart },
      takesNew: () => this.#balanced.takesNew(),
      onRefused: (reason) => this.#metrics.refused(reason),
      onSessions: (cookie) => this.#balanced.noteSessions(cookie),
    });
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
    this.#events = nodeEvents(this.#heart, this.#metrics, this.#audit);
    this.#lifecycle = new Lifecycle({
      ...{ heart: this.#heart, longLived: this.#middleware.longLived, audit: this.#audit },
      ...{ clock, sweepMs: settings.sweepMs },
      onReplaced: () => this.#events.emit('replaced'),
    });
    this.#heart.gossip.onReplaced(giveWay);
  }

  /** Joins the cluster; `startNode` has done it. Resolves with an incarnation if a later life of this node is known: this one has stopped. */
  async start(): Promise<number | undefined> {
    const { log } = this.#world;
    adviseAtStart(this.#settings, log);
    const later = await this.#lifecycle.start();
    if (later === undefined) tellOfWaiting(this.#heart.finality, log);
    return later;
  }

  /** The middleware of the virtual host: gives every application below it `req.sso`. Mount it once, before them. */
  valve(): RequestHandler {
    return valve(this.#middleware.valve);
  }

  /**
   * The sign-on of a WebSocket's upgrade request, as `req.sso` is of others. A page of another origin than this host's and
   * the configured ones gets nobody's: browsers let any page open a socket to any host.
   */
  fromUpgrade(req: IncomingMessage): Promise<Sso> {
    return this.#middleware.fromUpgrade(req);
  }

  /**
   * The sign-on of a request that is only asked about, as a proxy does that answers the browser itself (forward authentication):
   * read as the valve reads it, and a use of the sign-on; no cookie is set or deleted. Unlike `fromUpgrade` it has no rule about
   * origins: who may ask, and from which page, is for the caller to judge. At once, unless somebody must be asked.
   */
  inspect(req: IncomingMessage): Sso | Promise<Sso> {
    return this.#middleware.inspect(req);
  }

  /**
   * HTTP Basic for requests that are only asked about, beside `inspect`: the credentials are checked as `protect({ basic })` checks
   * them, and open a sign-on that the user's programs of one address share. The function resolves with `undefined` where
   * `authorization` is of another scheme.
   * @throws SsoError ERR_CONFIG_INVALID the realm cannot be sent
   */
  inspectBasic(options: BasicOptions): (asked: AskedByBasic) => Promise<BasicAnswer | undefined> {
    return basicInspector(this.#middleware.valve, options);
  }

  /**
   * Closes a connection that outlives its request with the sign-on under which it was opened, wherever that ends: a WebSocket
   * of `ws` with 4401 and the cause, an event stream with a last event `signed-off`, an AbortController, or anything with
   * `close(code, cause)`. Also when this node may not serve sign-ons (4503) or stops (1012): the other side connects again, to
   * another node. At once, if it is so already. Returns what lets go of it.
   * @throws SsoError ERR_CONFIG_INVALID this is no sign-on of a request or an upgrade
   */
  closeWith(signOn: Sso, connection: LongLivedConnection): () => void {
    return this.#middleware.longLived.closeWith(signOn, connection);
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
    const handler = sessions(this.#middleware.sessions, options);
    this.#noteApp(options.app);
    return handler;
  }

  /** A store for an application that stays with express-session. */
  store(options: StoreOptions): SessionStore {
    const made = store(this.#middleware.sessions, options);
    this.#noteApp(options.app);
    return made;
  }

  /** Answers a posted sign-on form, or JSON: `authenticate` gets what was posted and gives a principal, or nothing. */
  login(authenticate: Authenticate, options?: LoginOptions): RequestHandler {
    return login(this.#middleware.valve, authenticate, options);
  }

  /** Lets a request pass that is signed on and has the roles; challenges it, or answers 403. */
  protect(options?: ProtectOptions): RequestHandler {
    return protect(this.#middleware.valve, options);
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
    return logout(this.#middleware.valve, options);
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
   * hear nothing after that of this. It begins again with a new `sessions()` or `store()` of its name. The links go in turns, with
   * requests in between: resolves once all have gone that were there at the call, or the node has stopped.
   */
  async stopApplication(app: string): Promise<void> {
    this.#audit.administered({ act: 'stop-application', app });
    const leave = this.#heart.notices.leave(app);
    const released = this.#heart.table.release(app);
    this.#balanced.forgetSessions(app);
    this.#middleware.mounts.forget(app);
    this.#apps.delete(app);
    this.#heart.gossip.setApplications([...this.#apps]);
    await released.finally(leave);
  }

  get state(): 'starting' | 'up' | 'draining' | 'stopped' {
    return this.#lifecycle.state;
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
    return countersOf(this.#heart);
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
    return this.#lifecycle.drain(why);
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
    return this.#lifecycle.stop(why);
  }

  /** Ends at once, telling nobody, as a crash would: for tests of failover. */
  kill(): Promise<void> {
    return this.#lifecycle.kill();
  }

  /** Of the living nodes the first by name says what all conclude by themselves. */
  #speaks(): boolean {
    return this.members().every(({ node, state }) => node >= this.name || (state !== 'up' && state !== 'draining'));
  }

  #snapshot(): HealthSnapshot {
    return pictureOf(this.#heart, {
      state: this.state,
      restsForMs: this.#balanced.restsForMs,
      refusals: this.#world.channel?.refusals?.() ?? [],
      longLived: this.#middleware.longLived.view(),
    });
  }

  #noteApp(app: string): void {
    this.#apps.add(app);
    this.#heart.gossip.setApplications([...this.#apps]);
  }
}
