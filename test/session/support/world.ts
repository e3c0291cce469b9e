/**
 * Sessions without valve, registry and gossip: real tables over copies that reach each other at once,
 * or later where a test says so, a clock that a test moves, and sign-ons that a request names in a
 * header.
 */

import type { IncomingMessage } from 'node:http';
import type { Cancel, Clock } from '../../../sso/clock.ts';
import type { Cause } from '../../../sso/entry.ts';
import type { CompactableCopies, Compacted } from '../../../sso/gossip/copies.ts';
import type { Change } from '../../../sso/gossip/lattice.ts';
import { fits } from '../../../sso/gossip/outbox.ts';
import { HybridClock } from '../../../sso/hybrid-clock.ts';
import { deriveKeys } from '../../../sso/keys.ts';
import type { Log } from '../../../sso/log.ts';
import { seededRandom } from '../../../sso/random.ts';
import { sessionHandle } from '../../../sso/session/handle.ts';
import { sessionLattice } from '../../../sso/session/lattice.ts';
import type { SessionRecord } from '../../../sso/session/record.ts';
import { RequestContext } from '../../../sso/session/request-context.ts';
import type { SessionParts } from '../../../sso/session/sessions.ts';
import { type SessionLimits, SessionTable } from '../../../sso/session/table.ts';
import type { SsoId } from '../../../sso/token.ts';
import { TestDepot } from './depot.ts';

export class TestClock implements Clock {
  #now = 1_700_000_000_000;
  now = () => this.#now;
  monotonic = () => this.#now;
  advance(ms: number): void {
    this.#now += ms;
  }
  after(): Cancel {
    return () => {};
  }
  soon(run: () => void): void {
    setImmediate(run);
  }
}

/** One node's copy. What is put arrives at the others at once, unless `lagging`; they can be asked for it in any case, unless `cutOff`. */
export class TestCopies implements CompactableCopies<SessionRecord> {
  readonly #values = new Map<string, SessionRecord>();
  readonly #listeners: ((change: Change<SessionRecord>) => void)[] = [];
  readonly peers: TestCopies[] = [];
  lagging = false;
  cutOff = false;
  /** Keys that this node asked the others for. */
  readonly asked: string[] = [];
  puts = 0;
  /** What was sent to the others, as it was sent. */
  readonly sent: { readonly key: string; readonly record: SessionRecord; readonly alone: boolean }[] = [];

  get size(): number {
    return this.#values.size;
  }
  get(key: string): SessionRecord | undefined {
    return this.#values.get(key);
  }
  entries(): IterableIterator<[string, SessionRecord]> {
    return this.#values.entries();
  }
  bucket(): undefined {}
  /** All stay values. */
  compacted(): Compacted<SessionRecord> {
    return { put: () => false, get: () => undefined, take: () => {} };
  }
  put(key: string, value: SessionRecord, told?: SessionRecord, alone = false): SessionRecord | undefined {
    if (this.refuses(key, value) !== undefined) return undefined;
    const before = this.#values.get(key);
    const after = this.settle(key, value, true)!;
    if (after === before && told === undefined) return after;
    this.puts++;
    const sent = this.#throughTheWire(told ?? after);
    this.sent.push({ key, record: sent, alone });
    if (!this.lagging) for (const peer of this.peers) peer.#receive(key, sent, after);
    return after;
  }
  settle(key: string, value: SessionRecord, own = false): SessionRecord | undefined {
    const before = this.#values.get(key);
    const after = before === undefined ? value : sessionLattice.merge(before, value);
    if (after === before) return after;
    this.#values.set(key, after);
    for (const listener of this.#listeners) listener({ key, before, after, own });
    return after;
  }
  restore(key: string, value: SessionRecord): SessionRecord | undefined {
    return this.settle(key, value, false);
  }
  shed(key: string, value: SessionRecord): boolean {
    const before = this.#values.get(key);
    const text = sessionLattice.digestText!;
    if (before === undefined || before === value || text(before) !== text(value)) return false;
    this.#values.set(key, value);
    for (const listener of this.#listeners) listener({ key, before, after: value, own: false });
    return true;
  }
  refuses(_key: string, value: SessionRecord): 'too-large' | undefined {
    return fits(JSON.stringify(sessionLattice.encode(value))) ? undefined : 'too-large';
  }
  onChange(listener: (change: Change<SessionRecord>) => void): void {
    this.#listeners.push(listener);
  }
  onForget(): void {}
  async ask(keys: readonly string[]): Promise<{ everybody: boolean; living: boolean }> {
    this.asked.push(...keys);
    for (const peer of this.peers) {
      for (const key of this.cutOff ? [] : keys) {
        const value = peer.get(key);
        if (value !== undefined) this.settle(key, this.#throughTheWire(value), false);
      }
    }
    return { everybody: !this.cutOff, living: !this.cutOff };
  }
  #receive(key: string, sent: SessionRecord, whole: SessionRecord): void {
    const lacks = sessionLattice.lacks?.(this.get(key), sent) === true;
    this.settle(key, lacks ? this.#throughTheWire(whole) : sent);
  }
  #throughTheWire(value: SessionRecord): SessionRecord {
    return sessionLattice.decode(JSON.parse(JSON.stringify(sessionLattice.encode(value))))!;
  }
  /** Everything that was put here reaches the others now. */
  catchUp(): void {
    this.lagging = false;
    for (const peer of this.peers)
      for (const [key, value] of this.#values) peer.#receive(key, this.#throughTheWire(value), value);
  }
}

export interface TestNode {
  readonly parts: SessionParts;
  readonly table: SessionTable;
  readonly copies: TestCopies;
  readonly depot: TestDepot | undefined;
  readonly catchingUp: CatchesUp;
  /** Resolves what `stored()` gave, if `holdStored` is set. */
  readonly waiting: (() => void)[];
  holdStored: boolean;
  /** How often an answer waited for a second member. */
  waits: number;
}

export interface WorldOptions {
  /** One node for each. */
  readonly routes?: readonly (string | undefined)[];
  readonly allowInsecureCookie?: boolean;
  readonly limits?: Partial<SessionLimits>;
  readonly seed?: number;
  /** Records may have buddies: those that each node's depot names, where a number is wanted. */
  readonly depots?: boolean;
}

export const signOnHeader = 'x-sign-on';
/** On a request of which the node may not say whether it is signed on. */
export const withheldHeader = 'x-withheld';

/** A node that stood still, if one says so, until one says that it has caught up. */
export class CatchesUp {
  #caughtUp: Promise<void> | undefined;
  #asked = () => {};
  #end = () => {};

  /** @param asked called when somebody is about to wait for it */
  begin(asked: () => void): void {
    this.#asked = asked;
    this.#caughtUp = new Promise((resolve) => (this.#end = resolve));
  }

  end(): void {
    this.#caughtUp = undefined;
    this.#end();
  }

  caughtUp(): Promise<void> | undefined {
    if (this.#caughtUp !== undefined) this.#asked();
    return this.#caughtUp;
  }
}

export class World {
  readonly clock = new TestClock();
  readonly log: { readonly level: string; readonly fields: object; readonly message: string }[] = [];
  readonly nodes: readonly TestNode[];
  readonly #signOns = new Map<
    SsoId,
    { readonly endsAt: number; closedAt: number | undefined; cause: Cause | undefined }
  >();
  #count = 0;
  /** What ending a sign-on waits for. */
  ending: () => Promise<unknown> = async () => {};

  constructor({
    routes = ['node1'],
    allowInsecureCookie = true,
    limits = {},
    seed = 1,
    depots = false,
  }: WorldOptions = {}) {
    const keys = deriveKeys('0123456789abcdefghijklmnopqrstuvwxyzABCDEF');
    const random = seededRandom(seed);
    const copiesByNode = new Map<string, TestCopies>();
    this.nodes = routes.map((route, i) => {
      const copies = new TestCopies();
      const life = `${route ?? i}:1`;
      const depot = depots ? new TestDepot(life, copies, copiesByNode) : undefined;
      copiesByNode.set(route ?? String(i), copies);
      const table = new SessionTable({
        copies,
        gossip: {
          stored: () => {
            node.waits++;
            const done = { nodes: [], outstanding: [] };
            return new Promise((resolve) => (node.holdStored ? node.waiting.push(() => resolve(done)) : resolve(done)));
          },
        },
        signOns: {
          stateOf: (id) => this.stateOf(id),
          endsAt: (id) => this.#signOns.get(id)?.endsAt,
          closedAt: (id) => this.#signOns.get(id)?.closedAt,
          fetch: async () => {},
          lived: () => {},
        },
        clock: this.clock,
        hybrid: new HybridClock(this.clock),
        life,
        lifeEndedAt: () => undefined,
        catchingUp: () => node.catchingUp.caughtUp(),
        limits,
        depot,
      });
      const parts: SessionParts = {
        table,
        signOns: {
          of: (req) => this.signOnOf(req),
          isWithheld: (req) => req.headers[withheldHeader] !== undefined,
          end: async (id, cause, req) => {
            this.close(id, cause);
            if (req !== undefined) sessionHandle(req)?.drop();
            await this.ending();
          },
          isOpen: (id) => this.stateOf(id) === 'open',
          endsAt: () => undefined,
        },
        keys,
        route,
        context: new RequestContext(),
        random,
        clock: this.clock,
        log: this.#logTo(),
        allowInsecureCookie,
      };
      const node: TestNode = {
        parts,
        table,
        copies,
        depot,
        catchingUp: new CatchesUp(),
        waiting: [],
        holdStored: false,
        waits: 0,
      };
      return node;
    });
    for (const node of this.nodes)
      node.copies.peers.push(...this.nodes.filter((other) => other !== node).map(({ copies }) => copies));
  }

  get node(): TestNode {
    return this.nodes[0]!;
  }

  /** A new sign-on. A request has it if it names it in its header. */
  open(): SsoId {
    const id = `signon${String(++this.#count)}`.padEnd(43, '-') as SsoId;
    this.#signOns.set(id, { endsAt: this.clock.now() + 30 * 86_400_000, closedAt: undefined, cause: undefined });
    return id;
  }

  close(id: SsoId, cause: Cause = 'logout'): void {
    const signOn = this.#signOns.get(id);
    if (signOn === undefined || signOn.closedAt !== undefined) return;
    signOn.closedAt = this.clock.now();
    signOn.cause = cause;
    for (const { table } of this.nodes) table.endLinked(id, { cause, closedAt: signOn.closedAt });
  }

  stateOf(id: SsoId): 'open' | 'over' | 'unknown' {
    const signOn = this.#signOns.get(id);
    return signOn === undefined ? 'unknown' : signOn.closedAt === undefined ? 'open' : 'over';
  }

  causeOf(id: SsoId): Cause | undefined {
    return this.#signOns.get(id)?.cause;
  }

  signOnOf(req: IncomingMessage): SsoId | undefined {
    const id = req.headers[signOnHeader] as SsoId | undefined;
    return id !== undefined && this.stateOf(id) === 'open' ? id : undefined;
  }

  #logTo(): Log {
    const line = (level: string) => (fields: object, message: string) => void this.log.push({ level, fields, message });
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  }
}
