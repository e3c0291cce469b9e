/**
 * The conductor: connects the core (what to do) with a channel, a clock and chance (when and to whom),
 * and calls the listeners. Here are the timers, the promises and the order of things; what the copies
 * become is decided in core.ts alone. A node without a channel has one slow timer, that of forgetting.
 */

import { type Channel, maxFrameBytes, type Peer } from '../channel/channel.ts';
import type { Clock } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';
import type { Random } from '../random.ts';
import { Asking } from './asking.ts';
import type { CompactableCopies, Gossip, Stored } from './copies.ts';
import { Core } from './core.ts';
import { Counters } from './counters.ts';
import { Departures } from './departures.ts';
import { Joining } from './joining.ts';
import type { Lattice } from './lattice.ts';
import { Listeners } from './listeners.ts';
import { type Member, type MemberState, memberLattice } from './members.ts';
import { Membership, type Self } from './membership.ts';
import { firstTalk, type Items, isTalk } from './message.ts';
import { Pulse } from './pulse.ts';
import type { Replica } from './replica.ts';
import { Rooms } from './rooms.ts';
import { type MemberView, Roster } from './roster.ts';
import { Standstill } from './standstill.ts';
import type { Moment, Step } from './steps.ts';
import type { Listener, Talk } from './talk.ts';
import { Unshared } from './unshared.ts';
import { Waits } from './waits.ts';

export type { MemberView };

export interface GossipOptions {
  /** Between rounds, milliseconds. Smaller: a missed change is repaired sooner. Larger: less idle traffic (some 3 KB a round). */
  readonly intervalMs: number;
  /** The longest that `ask` waits for answers, milliseconds. Smaller: a slow member counts as one that did not answer. Larger: a hung one delays a request. */
  readonly askMs: number;
  /** How long a joining node tries to reach the configured addresses, milliseconds. Smaller: it may miss one that is slow to start. Larger: a dead machine delays the start. */
  readonly joinMs: number;
  /** After so long out of everybody's reach a member is lost, milliseconds. Smaller: a pause ends its links. Larger: sign-ons without sessions live on. */
  readonly lostAfterMs: number;
  /** The longest that `drain` and `leave` wait for the members' confirmations, milliseconds. */
  readonly leaveMs: number;
}

export const gossipDefaults: GossipOptions = {
  intervalMs: 1_000,
  askMs: 250,
  joinMs: 3_000,
  lostAfterMs: 10_000,
  leaveMs: 1_000,
};

/** What became of the values that only a draining node held. */
export interface HandedOver {
  readonly handedOver: number;
  /** Nobody confirmed them in time. */
  readonly lost: number;
}

export interface GossipParts {
  readonly self: Self;
  /** Left out: a node alone. */
  readonly channel?: Channel | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether every configured node has been met, in this life: one that was not may hold what nobody else does. Default: the channel's word alone. */
  readonly hasMetAll?: () => boolean;
  /** By which clock values are forgotten, and whether they may be now. Default: `clock`, always. */
  readonly forgetting?: { now(): number; may(): boolean };
  readonly log?: Log;
  readonly options?: Partial<GossipOptions>;
}

export class GossipNode implements Gossip, Talk {
  readonly #parts: GossipParts;
  readonly #log: Log;
  readonly #options: GossipOptions;
  readonly #counters = new Counters();
  readonly #core: Core;
  readonly #waits: Waits;
  readonly #departures: Departures;
  readonly #members: Replica<Member>;
  readonly #membership: Membership;
  readonly #roster: Roster;
  readonly #listeners: Listeners;
  readonly #unshared = new Unshared();
  readonly #asking: Asking;
  readonly #pulse: Pulse;
  readonly #standstill: Standstill;
  #joining: Joining | undefined;
  #joined: () => void = () => {};
  #running = false;
  #known = '';
  #onReplaced: (latest: number) => void = () => {};
  readonly #rooms = new Rooms();
  readonly #forgetting: { now(): number; may(): boolean };

  constructor(parts: GossipParts) {
    const { clock } = parts;
    this.#parts = parts;
    this.#forgetting = parts.forgetting ?? { now: () => clock.now(), may: () => true };
    this.#log = parts.log ?? silentLog;
    this.#options = { ...gossipDefaults, ...parts.options };
    const { node } = parts.self;
    this.#listeners = new Listeners(this.#counters, this.#log);
    this.#core = new Core(
      node,
      this.#counters,
      () => this.#rooms.mark(),
      () => (this.#forgetting.may() ? clock.now() : Number.POSITIVE_INFINITY),
    );
    this.#members = this.#core.declare(memberLattice);
    this.#membership = new Membership(parts.self, this.#members, this.#options.lostAfterMs);
    this.#roster = new Roster({ node, replica: this.#members, reachable: () => this.#core.reachable });
    this.#listeners.onChange<Member>(memberLattice.name, ({ key, after }) => this.#memberChanged(key, after));
    this.#listeners.onForget(memberLattice.name, (name) => {
      this.#roster.note(name, undefined);
      this.#core.forgetPeer(name);
    });
    this.#pulse = new Pulse({
      clock: parts.clock,
      round: (late) => this.#round(late),
      wake: () => this.#do(this.#core.wake(this.#moment())),
      sweep: () => this.#sweep(),
    });
    this.#standstill = new Standstill({
      clock: parts.clock,
      intervalMs: this.#options.intervalMs,
      mostMs: this.#options.joinMs,
      beatAt: () => this.#pulse.beatAt,
      hasOthers: () => this.#running && this.#roster.expected().length > 0,
    });
    this.#asking = new Asking({
      clock: parts.clock,
      core: this.#core,
      roster: this.#roster,
      counters: this.#counters,
      mostMs: this.#options.askMs,
      hasMetAll: () => this.#hasMetAll,
      run: (step) => this.#do(step),
    });
    this.#waits = new Waits({
      node,
      clock: parts.clock,
      expected: () => this.#roster.expected(),
      peers: () => this.#core.peers,
      remind: (number) => this.#do(this.#core.confirm(number)),
      late: () => this.#counters.count('confirmations-late'),
    });
    this.#departures = new Departures({
      clock: parts.clock,
      leave: () => this.#flush(),
      isConfirmed: (number) => {
        const { reachable } = this.#core;
        return reachable.length === 0 || reachable.some(({ acked }) => acked >= number);
      },
    });
  }

  get state(): MemberState {
    return this.#membership.state;
  }

  map<V>(lattice: Lattice<V>): CompactableCopies<V> {
    if (this.#running) throw new Error('maps are declared before the start');
    const core = this.#core;
    const { name } = lattice;
    const replica = core.declare(lattice);
    const now = () => this.#forgetting.now();
    return {
      get size() {
        return replica.size;
      },
      get: (key) => replica.get(key),
      entries: () => replica.entries(),
      bucket: (index) => replica.bucket(index),
      compacted: (form) => replica.compacted(form),
      put: (key, value, told, alone) => this.#put(replica, key, value, told, alone),
      settle: (key, value, own = false) => {
        const change = replica.merge(key, value, now(), own);
        if (change !== undefined) this.#listeners.changed(name, change);
        return replica.get(key);
      },
      restore: (key, value) => {
        const change = replica.merge(key, value, Number.NEGATIVE_INFINITY, false);
        if (change !== undefined) this.#listeners.changed(name, change);
        return replica.get(key);
      },
      shed: (key, value) => {
        const change = replica.shed(key, value);
        if (change !== undefined) this.#listeners.changed(name, change);
        return change !== undefined;
      },
      refuses: (key, value) => core.refuses(replica, key, value, now()),
      onChange: (listener) => this.#listeners.onChange(name, listener),
      onForget: (listener) => this.#listeners.onForget(name, listener),
      ask: (keys) => this.#asking.ask(replica, keys),
    };
  }

  /** Joins: resolves when this node has compared with every configured peer that can be reached. @throws SsoError ERR_CHANNEL_FAILED */
  async start(): Promise<void> {
    const { clock, channel, random } = this.#parts;
    this.#running = true;
    this.#say('joining');
    if (channel === undefined) {
      this.#say('up');
      this.#pulse.startAlone();
      return;
    }
    await channel.open({
      up: (peer) => this.#up(peer),
      down: (peer) => this.#down(peer),
      frame: (from, frame) => this.#frame(from, frame),
      gap: (peer) => this.#running && this.#do(this.#core.gap(peer, this.#moment())),
    });
    if (!this.#running) return;
    this.#pulse.start(this.#options.intervalMs, random.fraction());
    const { joinMs } = this.#options;
    await new Promise<void>((resolve) => {
      this.#joined = resolve;
      const joined = () => {
        this.#say('up');
        resolve();
      };
      this.#joining = new Joining({ core: this.#core, channel, clock, joinMs, joined });
    });
  }

  stored(copies: number | 'all', ms: number): Promise<Stored> {
    return this.#waits.wait(copies, ms, this.#core.isWaiting ? undefined : this.#core.number);
  }

  /** All members, this node first, then by name. */
  members(): readonly MemberView[] {
    return this.#roster.views();
  }

  /** Called when a member comes, changes its state or its applications, or is another life than before. */
  onMember(listener: (before: MemberView | undefined, after: MemberView) => void): void {
    this.#listeners.onChange<Member>(memberLattice.name, ({ key, before, after }) => {
      listener(before && this.#roster.view(key, before), this.#roster.view(key, after));
    });
  }

  /** Called when a later life of this node's own name is met: this process is to end itself. */
  onReplaced(listener: (latest: number) => void): void {
    this.#onReplaced = listener;
  }

  /** Names the applications that run here, for the other nodes to see. */
  setApplications(applications: readonly string[]): void {
    const { clock, self } = this.#parts;
    const record = this.#membership.runs(applications, clock.now());
    if (record !== undefined) this.#put(this.#members, self.node, record);
  }

  /** When the links of a life (`node:incarnation`) count as gone, milliseconds; `undefined` while it goes on or is unknown. */
  lifeEndedAt(life: string): number | undefined {
    return this.#roster.lifeEndedAt(life);
  }

  /** Says that this node is about to leave, and hands over what only it holds, within `leaveMs`. */
  async drain(): Promise<HandedOver> {
    // What requests that are under way put from now on is handed over by `leave`.
    const last = this.#core.number + 1;
    const held = this.#unshared.upTo(last);
    if (this.#running && this.state !== 'draining' && this.state !== 'left') {
      this.#say('draining');
      await this.stored('all', this.#options.leaveMs);
    }
    const lost = this.#unshared.upTo(last);
    return { handedOver: Math.max(0, held - lost), lost };
  }

  /** Drains, then says that this life is over, so that nobody waits for it. Goes on carrying frames until `stop`. */
  async leave(): Promise<void> {
    if (!this.#running || this.state === 'left') return;
    await this.drain();
    this.#say('left');
    await this.stored('all', this.#options.leaveMs);
  }

  /** Ends every timer and closes the channel. Tells nobody: `leave` first, or it looks like a crash. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#standstill.end();
    this.#departures.stop();
    this.#pulse.stop();
    this.#joining?.close();
    this.#joined();
    for (const { peer } of this.#core.reachable) this.#core.down(peer, this.#moment());
    this.#waits.close();
    this.#asking.close();
    await this.#parts.channel?.close();
  }

  listen(listener: Listener, firstType = firstTalk): void {
    this.#rooms.add(listener, firstType);
  }

  say(to: Peer | 'all', frame: Uint8Array): void {
    const { channel } = this.#parts;
    if (channel === undefined || !this.#running) return;
    if (frame.length > maxFrameBytes) this.#counters.count('frame-too-large');
    else if (to === 'all') channel.broadcast(frame);
    else channel.send(to, frame);
  }

  peers(): readonly Peer[] {
    return this.#core.reachable.map(({ peer }) => peer);
  }

  compare(peer: Peer): void {
    if (this.#running) this.#do(this.#core.compare(peer, this.#moment()));
  }

  take(map: string, items: Items): void {
    this.#do(this.#core.take(map, items, this.#moment()));
  }

  told(map: string, key: string): string {
    return this.#core.told(map, key);
  }

  /**
   * Whether this process stood still for so long that others may have gone on without it, and has compared with none of them since:
   * resolves when it has, at the latest after `joinMs`.
   */
  catchingUp(): Promise<void> | undefined {
    return this.#standstill.caughtUp();
  }

  /** When the last round ran, by the monotonic clock; `undefined` before the first, and for a node alone. */
  get beatAt(): number | undefined {
    return this.#pulse.beatAt;
  }

  /** What was counted here and on the channel. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#parts.channel?.counters(), ...this.#counters.all() };
  }

  #up(peer: Peer): void {
    if (!this.#running) return;
    this.#do(this.#core.up(peer, this.#moment()));
    this.#do(this.#core.tell(peer, this.#members, [this.#parts.self.node]));
    this.#check();
    for (const room of this.#rooms.all) room.up(peer);
  }

  #down(peer: Peer): void {
    if (!this.#running) return;
    this.#do(this.#core.down(peer, this.#moment()));
    this.#check();
    this.#joining?.check();
    for (const room of this.#rooms.all) room.down(peer);
  }

  /** Returns whether it was a frame that a member may send. */
  #frame(from: Peer, frame: Uint8Array): boolean {
    if (!this.#running) return true;
    try {
      const room = isTalk(frame) ? this.#rooms.of(frame[1]!) : undefined;
      if (room !== undefined) {
        if (room.frame(from, frame)) return true;
        this.#counters.count('frame-shape');
        return false;
      }
      const step = this.#core.receive(from, frame, this.#moment());
      this.#do(step);
      return !step.bogus;
    } catch (error) {
      this.#counters.count('frame-failed');
      this.#log.error({ error, node: from.node }, 'a frame could not be handled: this is a bug');
      return true;
    }
  }

  #put<V>(replica: Replica<V>, key: string, value: V, told?: V, alone = false): V | undefined {
    const { change, noted } = this.#core.put(replica, key, value, this.#forgetting.now(), told, alone);
    if (change === undefined && !noted) return this.#refused(replica, key, value);
    if (replica !== (this.#members as Replica<unknown>) && replica.lattice.isPassing !== true)
      this.#unshared.put(this.#core.number + 1);
    if (this.#core.reachable.length === 0) this.#do(this.#core.flush(false));
    else if (replica.lattice.isPatient === true && !alone) this.#departures.patiently();
    else this.#departures.soon();
    if (change !== undefined) this.#listeners.changed(replica.lattice.name, change);
    return replica.get(key);
  }

  /** Nothing changed: what is held, unless the value is one that is refused. */
  #refused<V>(replica: Replica<V>, key: string, value: V): V | undefined {
    const held = replica.get(key);
    return held === undefined || this.#core.refuses(replica, key, value, this.#forgetting.now()) !== undefined
      ? undefined
      : held;
  }

  /** A confirmation came, or a member came or went. */
  #check(): void {
    this.#waits.check();
    this.#departures.check();
  }

  #flush(): { readonly isAsking: boolean; readonly number: number } {
    const isAsking = this.#waits.isWaiting;
    this.#do(this.#core.flush(isAsking));
    const { number } = this.#core;
    this.#waits.sent(number);
    return { isAsking, number };
  }

  /** What a step asks for: the listeners first, so that a confirmation that is sent says that they have acted. */
  #do(step: Step): void {
    const { channel, clock } = this.#parts;
    this.#listeners.allChanged(step.changes);
    if (step.sees.length > 0) this.#membership.heard(step.sees, clock.monotonic());
    if (channel !== undefined && this.#running) {
      for (const { to, frame } of step.send) {
        if (frame.length > maxFrameBytes) this.#counters.count('frame-too-large');
        else if (to === 'all') channel.broadcast(frame);
        else channel.send(to, frame);
      }
      this.#pulse.wakeAt(this.#core.wakeAt);
    }
    if (step.acked) {
      for (const { acked } of this.#core.peers) this.#unshared.confirmed(acked);
      this.#check();
    }
    for (const id of step.settled) this.#asking.settle(id);
    for (const { peer, mark, begunAt } of step.compared) {
      for (const room of this.#rooms.all) room.compared?.(peer, mark);
      this.#standstill.compared(begunAt);
    }
    if (step.compared.length > 0) this.#joining?.check();
  }

  get #hasMetAll(): boolean {
    const { channel, hasMetAll = () => true } = this.#parts;
    return (channel?.pending().length ?? 0) === 0 && hasMetAll();
  }

  #say(state: MemberState): void {
    this.#put(this.#members, this.#parts.self.node, this.#membership.become(state, this.#parts.clock.now()));
  }

  #memberChanged(node: string, member: Member): void {
    const { self, clock, channel } = this.#parts;
    this.#roster.note(node, member);
    if (node === self.node) {
      const record = this.#membership.correct(member, clock.now());
      if (record === 'replaced') {
        this.#log.error(
          { node, incarnation: member.incarnation },
          'another process goes by the name of this node and is later',
        );
        this.#listeners.guard(() => this.#onReplaced(member.incarnation));
      } else if (record !== undefined) this.#put(this.#members, node, record);
      return;
    }
    const addresses = this.#roster.addresses();
    if (addresses.join() === this.#known) return;
    this.#known = addresses.join();
    channel?.know(addresses);
  }

  #round(late: boolean): void {
    const { random } = this.#parts;
    const moment = this.#moment();
    const reached = this.#core.reachable.map(({ peer }) => peer.node);
    this.#membership.heard(reached, moment.monotonic);
    if (late) {
      this.#counters.count('stalls');
      this.#standstill.noticed(moment.monotonic);
      this.#membership.excuse(moment.monotonic);
      for (const room of this.#rooms.all) room.stalled();
      this.#do(this.#core.compareAll(moment));
    } else this.#do(this.#core.round(moment, random.fraction));
    for (const [node, member] of this.#membership.lost(this.#roster.staying, moment.now, moment.monotonic)) {
      this.#counters.count('members-lost');
      this.#put(this.#members, node, member);
    }
  }

  #sweep(): boolean {
    if (!this.#forgetting.may()) return false;
    let unfinished = false;
    for (const replica of this.#core.replicas) {
      const { freed, more } = replica.forget(this.#forgetting.now());
      for (const { key, last } of freed) this.#listeners.forgotten(replica.lattice.name, key, last);
      this.#counters.count('values-forgotten', freed.length);
      unfinished ||= more;
    }
    return unfinished;
  }

  #moment(): Moment {
    return { now: this.#forgetting.now(), monotonic: this.#parts.clock.monotonic() };
  }
}
