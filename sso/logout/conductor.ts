/**
 * Final logout on one node: asks the voters for leases and lends its own, recovers after a start, and
 * takes closings to everybody until all have confirmed them. What is decided stands in the files beside
 * it; here are the frames and the order of things.
 */

import type { Peer } from '../channel/channel.ts';
import type { Clock } from '../clock.ts';
import type { ClosedEntry, SsoEntry } from '../entry.ts';
import type { Copies } from '../gossip/copies.ts';
import type { Listener, Talk } from '../gossip/talk.ts';
import { type Log, silentLog } from '../log.ts';
import type { Random } from '../random.ts';
import type { Subject } from '../subject.ts';
import { Accepting } from './accepting.ts';
import type { Acquaintance } from './acquaintance.ts';
import { Acquaintances, type Member } from './acquaintances.ts';
import { Asker } from './asker.ts';
import { nameOf } from './closings.ts';
import type { Confirmation } from './confirmations.ts';
import { EndedHere } from './ended-here.ts';
import { type Epoch, epochKey, nextEpoch } from './epoch.ts';
import type { Closing, EndedApp, Finality, FinalityView, Seal } from './finality.ts';
import { closingsIn, mapsOf, take } from './frames.ts';
import { instantOf } from './instant.ts';
import { Leases } from './leases.ts';
import { Lender } from './lender.ts';
import { type Message, parseMessage, sealedFrame, sealFrame } from './message.ts';
import { type Durable, Recovering } from './recovering.ts';
import type { Pair } from './recovery.ts';
import type { Voters } from './voters.ts';
import { Waves } from './waves.ts';

export interface ConductorParts {
  readonly self: Peer;
  readonly voters: Voters;
  /** The raw clock: leases trust neither of its readings alone. */
  readonly clock: Clock;
  /** Decisions about time: corrected by the voters' clocks, which are told to it. */
  readonly corrected: {
    now(): number;
    heard(voter: string, theirNow: number, sentAt: number, receivedAt: number): boolean;
  };
  readonly random: Random;
  readonly talk: Talk;
  readonly members: () => readonly Member[];
  readonly epochs: Copies<Epoch>;
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly log?: Log;
}

/** Until it tries again to have its life on the disk, milliseconds. */
const notedAgainMs = 250;

export class Conductor implements Finality, Listener {
  readonly #parts: ConductorParts;
  readonly #log: Log;
  readonly #lender: Lender;
  readonly #leases: Leases;
  readonly #asker: Asker;
  readonly #accepting: Accepting;
  readonly #recovering: Recovering;
  readonly #waves: Waves;
  readonly #peers: Acquaintances;
  readonly #ended: EndedHere;
  readonly #epochListeners: ((epoch: number) => void)[] = [];
  #epoch = 0;
  /** Its life is on the disk, if there is one: before, it neither lends nor confirms. */
  #isNoted = false;
  #isStarted = false;
  #closed = false;

  constructor(parts: ConductorParts) {
    const { voters, clock, corrected, talk, self, log = silentLog } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#peers = new Acquaintances(self, voters, parts.members);
    this.#lender = new Lender(talk, self, voters);
    this.#leases = new Leases(voters);
    this.#recovering = new Recovering({
      self,
      voters,
      monotonic: () => clock.monotonic(),
      number: () => this.#lender.number,
      answers: () => this.#peers.answers(),
      onUp: () => this.#cameUp(),
      onRaise: (lives) => this.#raise(lives),
      log,
    });
    this.#asker = new Asker({ talk, voters, clock, peers: this.#peers, recovering: this.#recovering });
    this.#accepting = new Accepting({
      clock,
      leases: this.#leases,
      quorum: voters.quorum,
      hasRecovered: () => this.#recovering.standing === 'up',
      onWait: () => this.#asker.askHastily(),
      log: this.#log,
    });
    this.#ended = new EndedHere(clock);
    this.#waves = new Waves({
      node: self.node,
      voters,
      clock,
      now: () => corrected.now(),
      expected: () => this.#peers.expected(),
      lives: () => this.#peers.lives(),
      peers: () => talk.peers(),
      ask: (to, id, closings) => talk.say(to, sealFrame(id, mapsOf(talk, closings))),
      own: (closings) => this.#confirm(closings),
      endedHere: (closing) => this.#ended.of(closing),
    });
    talk.listen(this);
    parts.epochs.onChange(({ after }) => this.#epochChanged(after));
    parts.subjects.onChange(({ key, before, after }) => {
      if (after.ends !== before?.ends) this.#note({ map: 'subjects', key });
    });
    parts.entries.onChange(({ key, before, after }) => {
      if (after.state === 'open' && after.epoch > this.#epoch) this.#learnEpoch(after.epoch);
      if (after.state === 'closed' && before?.state !== 'closed' && !isConcluded(after))
        this.#note({ map: 'entries', key });
    });
  }

  /** Begins to recover; to be called once, before the channel opens, with what the disk holds already merged. */
  async start(durable?: Durable): Promise<void> {
    const { voters, self, entries, subjects } = this.#parts;
    const hasState = entries.size + subjects.size > 0 || this.#epoch > 0;
    this.#lender.began(instantOf(this.#parts.clock), { hasState, forgot: voters.own !== undefined });
    this.#leases.raised(this.#epoch);
    this.#isStarted = true;
    await this.#recovering.begin(durable);
    if (this.#closed) return;
    const { list, own = 'none', mode, leaseMs } = voters;
    const state = this.#recovering.standing === 'disk' ? 'from the data directory' : 'none';
    this.#log.info({ voters: list, vote: own, whenCutOff: mode, leaseMs, state }, `node ${self.node} starts`);
    this.#recovering.judge();
    this.#asker.beat();
  }

  mayAccept(): boolean {
    return this.#accepting.may();
  }

  waitToAccept(ms: number): Promise<boolean> {
    return this.#accepting.wait(ms);
  }

  get epoch(): number {
    return this.#epoch;
  }

  onEpoch(listener: (epoch: number) => void): void {
    this.#epochListeners.push(listener);
  }

  onChange(listener: () => void): void {
    this.#accepting.onChange(listener);
  }

  seal(closing: Closing, epoch?: number): Seal {
    return this.#waves.seal(closing, epoch);
  }

  ended(closing: Closing, apps: readonly EndedApp[]): void {
    this.#ended.note(closing, apps);
  }

  view(): FinalityView {
    const { voters } = this.#parts;
    return {
      mode: voters.mode,
      leaseMs: voters.leaseMs,
      voters: voters.list,
      quorum: voters.quorum,
      vote: voters.own,
      standing: this.#recovering.standing,
      waitsFor: this.#recovering.waitsFor,
      leases: this.#leases.running(instantOf(this.#parts.clock)),
      accepting: this.mayAccept(),
      epoch: this.epoch,
      outstanding: this.#waves.size,
    };
  }

  /** Whether every other voter has been met in this life. */
  get hasMetAll(): boolean {
    return this.#peers.hasMetAll;
  }

  /** Whether so many nodes can be reached that leases, or an epoch, are a matter of moments. */
  canReachQuorum(): boolean {
    const { talk, voters } = this.#parts;
    return talk.peers().length + (voters.own === undefined ? 0 : 1) >= voters.quorum;
  }

  /** Ends all timers; nothing is accepted any more. */
  close(): void {
    this.#closed = true;
    this.#asker.close();
    this.#waves.close();
    this.#accepting.close();
  }

  up(peer: Peer): void {
    if (this.#closed) return;
    this.#asker.ask(this.#peers.meet(peer));
    this.#waves.up(peer);
    this.#waves.recount();
  }

  down(): void {
    this.#recovering.judge();
  }

  /** A life has said that it is over. */
  left({ node, incarnation }: Peer): void {
    this.#lender.left(node, incarnation);
  }

  compared(peer: Peer, mark: number): void {
    this.#peers.get(peer)?.compared(mark);
    this.#recovering.judge();
  }

  mark(): number {
    return this.#lender.number;
  }

  stalled(): void {
    this.#asker.askAll();
    this.#waves.recount();
  }

  frame(from: Peer, frame: Uint8Array): boolean {
    const message = parseMessage(frame);
    if (message === undefined) return false;
    const known = this.#peers.get(from);
    if (message === 'unknown' || this.#closed || known === undefined) return true;
    switch (message.type) {
      case 'lease':
        this.#lend(known, message);
        return true;
      case 'grant':
        this.#granted(known, message);
        return true;
      case 'seal':
        void this.#sealHere(from, message);
        return true;
      case 'sealed':
        this.#sealed(known, message);
        return true;
      default:
        return message satisfies never;
    }
  }

  #lend(known: Acquaintance, asked: Extract<Message, { type: 'lease' }>): void {
    const standpoint = {
      voter: this.#parts.voters.own,
      standing: this.#recovering.standing,
      checked: this.#recovering.isChecked,
      epoch: this.#epoch,
      pair: this.#ownPair,
      remembers: this.#recovering.remembers(asked.voter),
    };
    this.#lender.answer(known.peer, asked, standpoint, this.#mayVouch, instantOf(this.#parts.clock));
  }

  /** Whether it may lend leases and confirm closings as a voter. */
  get #mayVouch(): boolean {
    const hasRecovered = this.#recovering.standing === 'up' && this.#isNoted;
    return hasRecovered && this.#parts.voters.own !== undefined && !this.#closed;
  }

  get #ownPair(): Pair | undefined {
    return this.#mayVouch ? [this.#parts.self.incarnation, this.#recovering.flushed] : undefined;
  }

  #granted(known: Acquaintance, said: Extract<Message, { type: 'grant' }>): void {
    const { self, corrected, talk, clock } = this.#parts;
    take(talk, said.maps);
    if (said.incarnation !== self.incarnation) return;
    const askedAt = known.answered(said, clock.monotonic());
    if (said.compare) talk.compare(known.peer);
    const voter = this.#peers.voteOf(known, said.voter);
    if (askedAt !== undefined && voter !== undefined) {
      // A lease from an answer that was too late to tell the time would let this node judge by a clock of its own.
      const isTimely = corrected.heard(voter, said.wall, askedAt.monotonic, clock.monotonic());
      if (said.granted) this.#recovering.remember(voter, said.pair);
      if (isTimely && said.granted && known.have >= said.number && said.epoch === this.#epoch) {
        this.#leases.note(voter, askedAt, said.epoch);
        this.#accepting.look();
      }
    }
    this.#recovering.judge();
  }

  /** Stores what a member asks about, and confirms it once it is durable. */
  async #sealHere(from: Peer, { id, maps }: Extract<Message, { type: 'seal' }>): Promise<void> {
    const { talk } = this.#parts;
    take(talk, maps);
    const closings = closingsIn(maps);
    const confirmation = await this.#confirm(closings);
    if (confirmation === undefined) return;
    const { voter, restMs, restEpoch, running, lives } = confirmation;
    const ended = closings.flatMap((closing) => this.#ended.of(closing).map((app) => [nameOf(closing), app] as const));
    const pair = this.#ownPair;
    talk.say(from, sealedFrame({ type: 'sealed', id, voter, restMs, restEpoch, pair, running, lives, ended }));
  }

  #sealed(known: Acquaintance, said: Extract<Message, { type: 'sealed' }>): void {
    const voter = this.#peers.voteOf(known, said.voter);
    if (voter !== undefined) this.#recovering.remember(voter, said.pair);
    this.#waves.sealed(known.peer, { ...said, voter });
  }

  /** What this node says of closings that it has stored, once they are durable; `undefined` while it may not say so. */
  async #confirm(closings: readonly Closing[]): Promise<Confirmation | undefined> {
    const { self, voters } = this.#parts;
    if (!(await this.#recovering.flush())) return undefined;
    if (this.#closed || (voters.own !== undefined && !this.#mayVouch)) return undefined;
    if (!closings.every((closing) => this.#holds(closing))) return undefined;
    for (const closing of closings) this.#noteConcluded(closing);
    const now = instantOf(this.#parts.clock);
    return {
      ...self,
      voter: voters.own,
      running: this.#lender.running(closings, now),
      restMs: this.#lender.restMs(now),
      restEpoch: this.#recovering.raisedIn,
      lives: this.#peers.lives(),
    };
  }

  #raise(lives: readonly (readonly [voter: string, incarnation: number])[]): void {
    const { epochs, corrected, voters, random } = this.#parts;
    const place = voters.list.indexOf(voters.own!);
    const number = nextEpoch(this.#epoch, corrected.now(), place, random.fraction());
    epochs.put(epochKey, { number, raisedBy: lives });
  }

  #epochChanged({ number, raisedBy }: Epoch): void {
    const former = this.#epoch;
    this.#epoch = number;
    if (!this.#isStarted) return;
    const about = { epoch: number, former, voters: raisedBy };
    if (number === former || former === 0 || this.#parts.entries.size === 0) this.#log.info(about, 'an epoch begins');
    else this.#log.warn(about, 'a majority of voters has lost its state: a new epoch begins, everybody signs in anew');
    this.#note({ map: 'epochs', key: epochKey });
    this.#leases.raised(number);
    for (const listener of this.#epochListeners) listener(number);
    this.#peers.forgetAnswers(raisedBy.map(([voter]) => voter));
    this.#recovering.raised(number, raisedBy);
    this.#accepting.look();
    this.#asker.askAll();
  }

  /** A sign-on of an epoch that is not known here proves that it was raised: leases of the one before do not count for it. */
  #learnEpoch(number: number): void {
    this.#parts.epochs.settle(epochKey, { number, raisedBy: [] });
  }

  #cameUp(): void {
    const { self, voters } = this.#parts;
    this.#log.info({ epoch: this.#epoch, vote: voters.own ?? 'none' }, `node ${self.node} has recovered`);
    void this.#noteLife();
    this.#accepting.look();
    this.#asker.askAll();
  }

  /** A life is on the disk before it lends or confirms, so that the next one knows that there was a later one than its copy. */
  async #noteLife(): Promise<void> {
    if (await this.#recovering.flush()) {
      this.#isNoted = true;
      this.#waves.recount();
    } else if (!this.#closed) this.#parts.clock.after(notedAgainMs, () => void this.#noteLife());
  }

  /** Whether it is stored here: one that could not be read, or was refused, is not. An entry that is unknown is over. */
  #holds({ map, key }: Closing): boolean {
    const { subjects, entries } = this.#parts;
    return map === 'subjects' ? subjects.get(key) !== undefined : entries.get(key)?.state !== 'open';
  }

  /** An end that every node concludes by itself gets a number only when somebody asks for it: grants given before may lack it. */
  #noteConcluded(closing: Closing): void {
    if (closing.map !== 'entries' || this.#lender.has(closing)) return;
    const entry = this.#parts.entries.get(closing.key);
    if (entry?.state === 'closed' && isConcluded(entry)) this.#note(closing);
  }

  #note(closing: Closing): void {
    if (this.#isStarted) this.#lender.note(closing, instantOf(this.#parts.clock));
  }
}

function isConcluded({ cause }: ClosedEntry): boolean {
  return cause === 'expired' || cause === 'epoch';
}
