/**
 * Which connection of which member is in use. It hears the greetings of all of them, decides by
 * `judgeHello`, and tells the channel's user who is up, who is down, and what may be missing.
 *
 * Of several connections of a pair both ends keep the same, and never end both: only the member with the
 * lesser name accepts, and numbers its accepts; the other keeps the one with the greatest number. While
 * one is in use the next is held: if both had dialled, the other end drops it as soon as it hears of the
 * first; if the other end has lost the first, it is taken when that ends here too, or after a heartbeat.
 */

import type { TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ChannelEvents, Peer, RefusalView } from './channel.ts';
import type { Complaints } from './complaints.ts';
import { type Hello, judgeHello, type Refusal } from './hello.ts';
import { Link, type LinkEvents } from './link.ts';
import type { MeshLimits } from './mesh-options.ts';
import { Refused } from './refused.ts';

export interface LinksParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: MeshLimits;
  readonly complaints: Complaints;
  /** This node's hello. */
  hello(): Hello;
  /** Whether the other end of a connection may call itself `node`. */
  vouches(link: Link, node: string): boolean;
  /** `node` was reached at `address`, or says that it listens there. */
  met(address: string, node: string): void;
  /** This node met itself at `address`. */
  metSelf(address: string): void;
  /** The member's connection has lasted. */
  settled(node: string): void;
  lost(node: string): void;
  /** A connection that we dialled is over. */
  over(address: string): void;
  /** A later process with this node's name is known. */
  replaced(latest: number): void;
}

/** Nodes whose latest incarnation is remembered. */
const latestAtMost = 10_000;

export class Links implements LinkEvents {
  readonly #parts: LinksParts;
  /** The connection in use, by node. */
  readonly #inUse = new Map<string, Link>();
  /** Connections that wait whether the one in use is alive, and for how many heartbeats. */
  readonly #held = new Map<Link, number>();
  /** Every secured connection, in use or not. */
  readonly #all = new Set<Link>();
  /** The latest incarnation that was up, by node. */
  readonly #latest = new Map<string, number>();
  #listener: ChannelEvents | undefined;
  readonly #refused: Refused;
  #accepts = 0;

  constructor(parts: LinksParts) {
    this.#parts = parts;
    this.#refused = new Refused(parts.clock);
  }

  /** From now on `listener` hears of members. */
  open(listener: ChannelEvents): void {
    this.#listener = listener;
  }

  /** Takes a connection whose handshake is done. */
  add(socket: TLSSocket, dialled: string | undefined, deadline: Cancel): void {
    const { clock, limits } = this.#parts;
    const link = new Link(socket, { ...limits, clock, events: this, dialled, deadline });
    this.#all.add(link);
    if (dialled === undefined) link.sayHello(this.#parts.hello());
  }

  connected(node: string): boolean {
    return this.#inUse.has(node);
  }

  peers(): readonly Peer[] {
    return [...this.#inUse.values()].map((link) => link.peer!);
  }

  refusals(): readonly RefusalView[] {
    return this.#refused.view();
  }

  /** The connections in use: of this life of a node, or of everybody. */
  inUse(to?: Peer): Iterable<Link> {
    if (to === undefined) return this.#inUse.values();
    const link = this.#inUse.get(to.node);
    return link?.peer?.incarnation === to.incarnation ? [link] : [];
  }

  beat(): void {
    const { limits, settled } = this.#parts;
    const silentBeatsAtMost = Math.ceil(limits.silenceMs / limits.pingMs);
    for (const link of this.#all) {
      link.beat(silentBeatsAtMost);
      if (link.state === 'up' && link.age === silentBeatsAtMost) settled(link.peer!.node);
    }
    for (const [link, beats] of this.#held) {
      if (beats === 1) this.#accept(link);
      else this.#held.set(link, beats + 1);
    }
  }

  /** Nobody hears anything from now on. Resolves once no connection is left; those who do not take what was sent are cut off. */
  async close(): Promise<void> {
    this.#listener = undefined;
    const { clock, limits } = this.#parts;
    const closed = [...this.#all].map((link) => link.closed());
    for (const link of this.#all) link.retire('this node leaves');
    const cancel = clock.after(limits.closeMs, () => {
      for (const link of this.#all) link.destroy('this node leaves');
    });
    await Promise.all(closed);
    cancel();
  }

  hello(link: Link, hello: Hello): void {
    const { limits, vouches, met } = this.#parts;
    const own = this.#parts.hello();
    const refusal = judgeHello(hello, {
      own,
      vouched: (node) => vouches(link, node),
      latest: (node) => this.#latest.get(node),
    });
    if (refusal !== undefined) return void this.#refuse(link, hello.node, refusal);
    if (hello.node === own.node) return void this.#meetNamesake(link, hello, own);
    const { node, incarnation } = hello;
    const used = this.#inUse.get(node);
    if (used === undefined && this.#inUse.size >= limits.maxPeers) {
      return void this.#refuse(link, node, {
        code: 'full',
        text: `node "${own.node}" takes at most ${limits.maxPeers} members`,
      });
    }
    link.peer = { node, incarnation };
    met(hello.address, node);
    if (link.dialled !== undefined) {
      met(link.dialled, node);
      if (used?.peer?.incarnation === incarnation) return void link.retire('a second connection of the pair');
      link.sayHello(own);
    }
    if (own.node > node) return;
    if (used?.peer?.incarnation === incarnation) this.#held.set(link, 0);
    else this.#accept(link);
  }

  accepted(link: Link, number: number): void {
    const { node, incarnation } = link.peer!;
    if (this.#parts.hello().node < node) return void link.destroy('accepted what is not its to accept');
    const used = this.#inUse.get(node);
    const late =
      used?.peer?.incarnation === incarnation ? used.number > number : (this.#latest.get(node) ?? 0) > incarnation;
    if (late) return void link.destroy('superseded');
    link.raise(number);
    this.#use(link);
  }

  refused(link: Link, refusal: Refusal): void {
    const { complaints, replaced } = this.#parts;
    const { node, incarnation } = this.#parts.hello();
    const by = link.peer?.node ?? link.dialled;
    complaints.count('refused-by-member');
    if (by !== undefined && refusal.code !== 'replaced') this.#refused.note(by, refusal);
    complaints.once(
      `by ${by ?? refusal.text.slice(0, 200)}`,
      'warn',
      { node, by, reason: refusal.code, why: refusal.text },
      'a member refuses this node',
    );
    if (refusal.code === 'replaced' && refusal.incarnation !== undefined && refusal.incarnation > incarnation)
      replaced(refusal.incarnation);
    link.retire(refusal.code);
  }

  data(link: Link, payload: Uint8Array): boolean {
    if (this.#inUse.get(link.peer!.node) !== link) return true;
    return this.#tell((listener) => listener.frame(link.peer!, payload)) !== false;
  }

  gap(link: Link): void {
    if (this.#inUse.get(link.peer!.node) === link) this.#tell((listener) => listener.gap(link.peer!));
  }

  ended(link: Link): void {
    const { complaints, log, lost, over } = this.#parts;
    this.#all.delete(link);
    this.#held.delete(link);
    const { peer, dialled, why } = link;
    if (link.faulty) {
      complaints.count('frame');
      complaints.once(`frame ${peer?.node}`, 'warn', { node: peer?.node, why }, 'ended the connection of a member');
    }
    if (peer !== undefined && this.#inUse.get(peer.node) === link) {
      this.#inUse.delete(peer.node);
      log.info({ ...peer, why }, 'member is down');
      this.#tell((listener) => listener.down(peer));
      lost(peer.node);
      for (const held of this.#held.keys()) if (held.peer?.node === peer.node) this.#accept(held);
    }
    if (dialled === undefined) return;
    if (!link.greeted && this.#listener !== undefined)
      complaints.once(
        `at ${dialled}`,
        'warn',
        { address: dialled, why },
        'a node ended the connection before its hello: its log says why',
      );
    over(dialled);
  }

  #accept(link: Link): void {
    const { node, incarnation } = link.peer!;
    this.#held.delete(link);
    if ((this.#latest.get(node) ?? 0) > incarnation) return void link.destroy('superseded');
    link.accept((this.#accepts += 1));
    this.#use(link);
  }

  /** From now on this connection is the member's. */
  #use(link: Link): void {
    const { log, complaints } = this.#parts;
    const peer = link.peer!;
    const { node, incarnation } = peer;
    const old = this.#inUse.get(node);
    const again = this.#latest.get(node) === incarnation;
    this.#inUse.set(node, link);
    if (this.#latest.size >= latestAtMost) this.#latest.clear();
    this.#latest.set(node, incarnation);
    this.#dropRivals(link);
    if (old?.peer?.incarnation === incarnation) {
      if (this.#parts.hello().node < node) old.supersede();
      else old.destroy('superseded');
      if (old.carried) this.gap(link);
      return;
    }
    if (old !== undefined) {
      old.refuse({ code: 'replaced', text: `a later process with the name "${node}" is known`, incarnation });
      this.#tell((listener) => listener.down(old.peer!));
    }
    for (const topic of ['by', 'frame', 'refused']) complaints.settle(`${topic} ${node}`);
    this.#refused.settle(node, link.dialled);
    log.info({ ...peer }, 'member is up');
    this.#tell((listener) => listener.up(peer));
    if (again) this.gap(link);
  }

  /** Those that we dialled and that the other end has not taken; what it dialled is its own to drop. */
  #dropRivals({ peer }: Link): void {
    for (const one of this.#all) {
      const rival = one.state === 'greeting' && one.dialled !== undefined && one.peer?.node === peer!.node;
      if (rival) one.retire('a second connection of the pair');
    }
  }

  #refuse(link: Link, node: string, refusal: Refusal): void {
    const { complaints } = this.#parts;
    complaints.count(`refused-${refusal.code}`);
    if (refusal.code !== 'replaced') this.#refused.note(node, refusal);
    complaints.once(`refused ${node}`, 'warn', { node, reason: refusal.code, why: refusal.text }, 'refused a node');
    link.refuse(refusal);
  }

  /** Our own address, or a second process with our name: the later one stays. */
  #meetNamesake(link: Link, hello: Hello, own: Hello): void {
    if (hello.incarnation === own.incarnation) {
      if (link.dialled !== undefined) this.#parts.metSelf(link.dialled);
      return void link.retire('this node itself');
    }
    const latest = Math.max(hello.incarnation, own.incarnation);
    this.#refuse(link, hello.node, {
      code: 'replaced',
      text: `two processes have the name "${own.node}": the later one stays`,
      incarnation: latest,
    });
    if (latest > own.incarnation) this.#parts.replaced(latest);
  }

  /** What the user's own code throws is no peer's fault: it is logged, and the connection stays. */
  #tell<T>(event: (listener: ChannelEvents) => T): T | undefined {
    if (this.#listener === undefined) return undefined;
    try {
      return event(this.#listener);
    } catch (error) {
      this.#parts.complaints.count('event');
      this.#parts.log.error({ err: error }, 'an event of the channel was not handled');
      return undefined;
    }
  }
}
