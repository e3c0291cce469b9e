/**
 * Who is up over NATS. Every stay beats for everybody; whoever hears a beat of a stay that is not up says
 * hello to it, and whoever is said hello to answers. A hello names the salt of the stay it is for, so it
 * proves that its sender lives now; nothing else raises a member, and nothing at all is believed of a beat
 * but that somebody may be there. A stay's numbers only grow, and an earlier stay is never heard again, so
 * what was recorded, of this life or of an ended one, changes nothing (check 67).
 */

import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ChannelEvents, Peer, RefusalView } from './channel.ts';
import type { Complaints } from './complaints.ts';
import { following } from './frame.ts';
import { type Hello, judgeHello, parseRefusal, type Refusal } from './hello.ts';
import type { Envelope, NatsKind, Stay } from './nats-envelope.ts';
import { encodeNatsHello, parseNatsHello } from './nats-hello.ts';
import { NatsLives } from './nats-lives.ts';
import type { NatsLimits } from './nats-options.ts';
import { NatsRefusals } from './nats-refusals.ts';

/** A member that is up. */
export interface Member {
  readonly peer: Peer;
  readonly stay: Stay;
  /** The next data that it sends to everybody, and to us. */
  expectedOfAll: number;
  expected: number;
  /** The next data that we send to it alone. */
  next: number;
  /** Beats of ours since its last sign of life. */
  silentBeats: number;
  /** We dropped something that was for it. */
  owed: boolean;
}

export interface NatsMembersParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: NatsLimits;
  readonly complaints: Complaints;
  /** The configured nodes. */
  readonly nodes: readonly string[];
  hello(): Hello;
  /** The stay of this connection. */
  own(): Stay;
  /** The number of the next data for everybody. */
  nextOfAll(): number;
  send(kind: NatsKind, to: Stay, sequence: number, payload: Uint8Array): void;
  /** Begins a new stay: what was recorded of this one is worthless then. */
  renew(why: string): void;
  replaced(latest: number): void;
}

/** Strangers and newcomers that are answered between two beats. */
const greetedAtMost = 1_024;
const nothing = new Uint8Array(0);

export class NatsMembers {
  readonly #parts: NatsMembersParts;
  readonly #up = new Map<string, Member>();
  readonly #lives = new NatsLives();
  readonly #refusals: NatsRefusals;
  /** Salts of stays that were said hello to since the last beat: whoever plays recorded beats gets no more than one answer a beat. */
  readonly #greeted = new Set<string>();
  /** Configured nodes that were not reached yet, and met no refusal. */
  readonly #pending: Set<string>;
  #listener: ChannelEvents | undefined;

  constructor(parts: NatsMembersParts) {
    this.#parts = parts;
    this.#refusals = new NatsRefusals(parts);
    this.#pending = new Set(parts.nodes);
    this.#pending.delete(parts.own().node);
  }

  open(listener: ChannelEvents): void {
    this.#listener = listener;
  }

  /** Nobody hears anything from now on. */
  close(): void {
    this.#listener = undefined;
    this.#up.clear();
  }

  peers(): readonly Peer[] {
    return [...this.#up.values()].map(({ peer }) => peer);
  }

  /** All who are up. */
  all(): Iterable<Member> {
    return this.#up.values();
  }

  find({ node, incarnation }: Peer): Member | undefined {
    const member = this.#up.get(node);
    return member?.peer.incarnation === incarnation ? member : undefined;
  }

  pending(): readonly string[] {
    return [...this.#pending];
  }

  refusals(): readonly RefusalView[] {
    return this.#refusals.view();
  }

  /** Once a beat of ours. */
  beat(): void {
    const { limits } = this.#parts;
    const silentBeatsAtMost = Math.ceil(limits.silenceMs / limits.pingMs);
    for (const member of this.#up.values())
      if ((member.silentBeats += 1) > silentBeatsAtMost) this.#lower(member, 'silent for too long');
    this.#greeted.clear();
    this.#refusals.beat();
    if (this.#lives.size < limits.maxRemembered) return;
    this.#lives.clear();
    this.#parts.renew('many nodes have come and gone: they are forgotten, and so is what was sent before');
  }

  /** Our connection is gone: nobody is reached. */
  lower(why: string): void {
    for (const member of this.#up.values()) this.#lower(member, why);
  }

  /** There is room again after frames were dropped: both ends compare. */
  room(): void {
    for (const member of this.#up.values()) {
      if (!member.owed) continue;
      member.owed = false;
      this.#sayHello(member.stay, false, member.next);
      this.#tell((listener) => listener.gap(member.peer));
    }
  }

  isReplay(envelope: Envelope): boolean {
    return this.#lives.isReplay(envelope);
  }

  /** What a member sealed and nobody has heard before. */
  take(envelope: Envelope, payload: Buffer): void {
    const { stay } = envelope;
    this.#lives.hear(envelope);
    const found = this.#up.get(stay.node);
    const member = found?.stay.salt === stay.salt ? found : undefined;
    if (member !== undefined) member.silentBeats = 0;
    switch (envelope.kind) {
      case 'beat':
        if (member === undefined) this.#greet(stay);
        else this.#look(member, envelope);
        return;
      case 'hello':
        return void this.#hello(envelope, payload, member);
      case 'data':
        return void this.#data(envelope, payload, member);
      case 'refuse':
        return void this.#refusedBy(stay, payload);
      case 'reset':
        if (member !== undefined) this.#lower(member, 'it could not read what this node sent');
        return;
      case 'leave':
        if (member !== undefined) this.#lower(member, 'it leaves');
        return;
      default:
        envelope.kind satisfies never;
    }
  }

  /** Somebody may be there: the answer proves it. */
  #greet(stay: Stay): void {
    if (this.#refusals.isRecent(stay) || this.#greeted.has(stay.salt) || this.#greeted.size >= greetedAtMost) return;
    this.#greeted.add(stay.salt);
    this.#sayHello(stay, true, 0);
  }

  #sayHello(to: Stay, answer: boolean, sequence: number): void {
    const { hello, nextOfAll, send } = this.#parts;
    send('hello', to, sequence, encodeNatsHello({ answer, nextOfAll: nextOfAll(), hello: hello() }));
  }

  #hello(envelope: Envelope, payload: Buffer, member: Member | undefined): void {
    const { stay } = envelope;
    const { complaints } = this.#parts;
    const said = parseNatsHello(payload);
    if (said === undefined || said.hello.node !== stay.node || said.hello.incarnation !== stay.incarnation)
      return void complaints.count('frame');
    const own = this.#parts.hello();
    if (stay.node === own.node) return void this.#meetNamesake(stay);
    if (member !== undefined) return void this.#helloAgain(member, envelope, said.answer, said.nextOfAll);
    if (this.#refusals.isRecent(stay)) return;
    const refusal =
      judgeHello(said.hello, {
        own,
        vouched: () => true,
        latest: (node) => this.#lives.incarnationOf(node),
      }) ?? this.#judgeRoom(stay.node);
    if (refusal !== undefined) return void this.#refuse(stay, refusal);
    this.#raise(envelope, said.nextOfAll, said.answer);
  }

  #judgeRoom(node: string): Refusal | undefined {
    const { limits, hello } = this.#parts;
    if (this.#up.has(node) || this.#up.size < limits.maxPeers) return undefined;
    return { code: 'full', text: `node "${hello().node}" takes at most ${limits.maxPeers} members` };
  }

  /** A member that is up says hello: it has lost us, or it has dropped something. */
  #helloAgain(member: Member, envelope: Envelope, answer: boolean, nextOfAll: number): void {
    if (!answer) return void this.#look(member, envelope);
    member.expected = envelope.sequence;
    member.expectedOfAll = nextOfAll;
    this.#sayHello(member.stay, false, member.next);
    this.#tell((listener) => listener.gap(member.peer));
  }

  #raise({ stay, number, sequence }: Envelope, nextOfAll: number, answer: boolean): void {
    const { log, complaints } = this.#parts;
    const { node, incarnation } = stay;
    const peer = { node, incarnation };
    const again = this.#lives.incarnationOf(node) === incarnation;
    const old = this.#up.get(node);
    if (old !== undefined && old.peer.incarnation !== incarnation) {
      const text = `a later process with the name "${node}" is known`;
      this.#refusals.tell(old.stay, { code: 'replaced', text, incarnation });
    }
    if (old !== undefined) this.#lower(old, 'another connection took its place');
    const member = { peer, stay, expectedOfAll: nextOfAll, expected: sequence, next: 0, silentBeats: 0, owed: false };
    this.#lives.meet(stay, number);
    this.#up.set(node, member);
    this.#pending.delete(node);
    complaints.settle(`frame ${node}`);
    this.#refusals.settle(node);
    log.info({ ...peer }, 'member is up');
    // Before the listener may send anything: it would come to a node that does not know this one.
    if (answer) this.#sayHello(stay, false, 0);
    this.#tell((listener) => listener.up(peer));
    if (again) this.#tell((listener) => listener.gap(peer));
  }

  #lower(member: Member, why: string): void {
    const { peer } = member;
    if (this.#up.get(peer.node) !== member) return;
    this.#up.delete(peer.node);
    this.#parts.log.info({ ...peer, why }, 'member is down');
    this.#tell((listener) => listener.down(peer));
  }

  #data(envelope: Envelope, payload: Buffer, member: Member | undefined): void {
    const { complaints, send } = this.#parts;
    if (member === undefined) return void complaints.count('unproven');
    const missed = this.#missed(member, envelope, 1);
    if (this.#tell((listener) => listener.frame(member.peer, payload)) === false) {
      const { node } = member.peer;
      complaints.count('frame');
      complaints.once(`frame ${node}`, 'warn', { node }, 'a member sent what no member sends');
      send('reset', member.stay, 0, nothing);
      return void this.#lower(member, 'sent what no member sends');
    }
    if (missed) this.#tell((listener) => listener.gap(member.peer));
  }

  /** What carries no data shows which data should have come. */
  #look(member: Member, envelope: Envelope): void {
    if (this.#missed(member, envelope, 0)) this.#tell((listener) => listener.gap(member.peer));
  }

  #missed(member: Member, { to, sequence }: Envelope, count: 0 | 1): boolean {
    const which = to === undefined ? 'expectedOfAll' : 'expected';
    const missed = member[which] !== sequence;
    member[which] = count === 0 ? sequence : following(sequence);
    return missed;
  }

  #refuse(stay: Stay, refusal: Refusal): void {
    this.#pending.delete(stay.node);
    this.#refusals.refuse(stay, refusal);
  }

  #refusedBy(stay: Stay, payload: Buffer): void {
    const refusal = parseRefusal(payload);
    if (refusal === undefined) return void this.#parts.complaints.count('frame');
    this.#pending.delete(stay.node);
    this.#refusals.refusedBy(stay, refusal);
    const { code, incarnation: latest } = refusal;
    if (code === 'replaced' && latest !== undefined && latest > this.#parts.own().incarnation)
      this.#parts.replaced(latest);
  }

  /** A second process with our name: the later one stays; of two copies of one process, that with the greater salt. */
  #meetNamesake(stay: Stay): void {
    const own = this.#parts.own();
    if (stay.incarnation === own.incarnation && stay.salt === own.salt) return;
    const theirs = stay.incarnation === own.incarnation ? stay.salt > own.salt : stay.incarnation > own.incarnation;
    const latest = Math.max(stay.incarnation, own.incarnation);
    this.#refuse(stay, {
      code: 'replaced',
      text: `two processes have the name "${own.node}": the later one stays`,
      incarnation: theirs ? latest : latest + (stay.incarnation === own.incarnation ? 1 : 0),
    });
    if (theirs) this.#parts.replaced(latest);
  }

  /** What the user's own code throws is no peer's fault: it is logged, and the member stays. */
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
