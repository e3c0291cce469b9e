/**
 * What browsers and applications do, by chance: sign on, use, sign off, and keep asking for ids that
 * ended long ago, since mistakes show there first. Every answer goes to the checkers.
 */

import type { SsoError } from '../../sso/errors.ts';
import { pick, type Random } from '../../sso/random.ts';
import type { Receipt } from '../../sso/receipt.ts';
import { registryLimits } from '../../sso/registry.ts';
import type { SessionData } from '../../sso/session/data/session-data.ts';
import type { LiveSession } from '../../sso/session/record.ts';
import { type SessionLook, type SessionWrite, sessionOf } from '../../sso/session/table-parts.ts';
import type { SsoId } from '../../sso/token.ts';
import { type Checkers, short } from './checkers.ts';
import { type Climate, isCalm, waitOf } from './climate.ts';
import { accepts, type Cluster, canAnswer, type SimulatedNode } from './cluster.ts';
import { type FieldWrite, fieldNames, fieldPart, shownIn } from './fields.ts';
import type { History } from './history.ts';
import { type AppSession, type Life, type Model, newSession, type SignOn, type SubjectEnd } from './model.ts';
import { type App, apps, tellingOf } from './placement.ts';
import type { Plant } from './plants.ts';
import type { Promises } from './promises.ts';
import { leaseWaitMs, type Reach } from './reach.ts';
import { type Schedule, startAt } from './schedule.ts';

export interface WorkloadParts {
  readonly cluster: Cluster;
  readonly climate: Climate;
  readonly model: Model;
  readonly checkers: Checkers;
  readonly promises: Promises;
  readonly reach: Reach;
  readonly history: History;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly plant: Plant;
}

/** An end whose receipt somebody still asks for. */
export interface Awaited {
  /** Given to whoever asked for the end. */
  readonly receipt: string;
  readonly of: SignOn | SubjectEnd;
}

/** L2: after T, and what frames take. */
const completeMs = 1_000 + 300;
/** A bound may end so much early: the host's clock runs faster, and counts whole milliseconds. */
const timerErrorMs = 2;
/** Receipts that are asked for after every operation. */
const receiptsAsked = 4;

/** How long ago the last telling of a use may be, milliseconds. */
const toldAfter = [0, 0, 0, 3_000, Number.POSITIVE_INFINITY] as const;
/** What comes together, comes within so many milliseconds. */
const togetherMs = 40;
/** How long a request with a session may take that has buddies, milliseconds. */
const requestMs = 1_500;
/** Sessions of which each is asked for on a node by chance, when all is healed. */
const movedAtEnd = 40;
/** Ids that are asked for besides, at every operation. */
const probes = 3;

export class Workload {
  readonly #parts: WorkloadParts;
  readonly #operations: readonly (readonly [weight: number, run: (node: SimulatedNode) => void])[] = [
    [24, (node) => this.#signOn(node)],
    [24, (node) => this.#use(node)],
    [20, (node) => this.#signOff(node)],
    [3, (node) => this.#endSubject(node)],
    [3, (node) => this.#setRoles(node)],
    [8, (node) => this.#makeSession(node)],
    [6, (node) => this.#writeSession(node)],
    [12, () => this.#writeTogether()],
    [8, (node) => this.#touchSession(node)],
    [2, (node) => this.#endSession(node)],
    [1, (node) => node.heart.table.release(pick(this.#parts.random, apps)!)],
    [2, (node) => void node.heart.registry.sweep()],
  ];
  readonly #weight = this.#operations.reduce((sum, [weight]) => sum + weight, 0);
  /** Ends that are not complete as far as anybody said. */
  #awaited: Awaited[] = [];
  #count = 0;
  #over = false;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { schedule, random, climate } = this.#parts;
    schedule.after(waitOf(random, climate.operationMs), () => {
      if (this.#over) return;
      this.#operate();
      this.begin();
    });
  }

  end(): void {
    this.#over = true;
  }

  /** Asks this node for a sign-on, as a request would, without using it. */
  probe(node: SimulatedNode, id: SsoId): void {
    const { registry } = node.heart;
    const { checkers, promises, schedule } = this.#parts;
    const look = registry.look(id);
    const isAccepted = promises.judge(node, id, schedule.now);
    checkers.looked(node.life, id, look, isAccepted, (entry) => registry.rolesOf(entry));
  }

  /** After a fault, or its end: asks for all that must not be accepted, and for some more at random. */
  probeAll(): void {
    const { promises, reach, cluster } = this.#parts;
    promises.probe();
    reach.judge();
    for (const node of cluster.running) {
      const id = this.#anyId();
      if (id !== undefined && canAnswer(node)) this.probe(node, id);
    }
  }

  probeSession(node: SimulatedNode, key: string): void {
    this.#parts.checkers.sessionLooked(node, key, node.heart.table.look(key));
  }

  #operate(): void {
    const { random, cluster, promises, reach } = this.#parts;
    const node = pick(random, cluster.reachable);
    if (node === undefined) return;
    let at = random.fraction() * this.#weight;
    for (const [weight, run] of this.#operations) {
      at -= weight;
      if (at < 0) {
        run(node);
        break;
      }
    }
    promises.probe();
    reach.judge();
    this.askForReceipts();
    const able = cluster.running.filter(canAnswer);
    for (let i = 0; i < probes; i++) {
      const asked = pick(random, able);
      const id = this.#anyId();
      const key = this.#anyKey();
      if (asked !== undefined && id !== undefined) this.probe(asked, id);
      if (asked !== undefined && key !== undefined) this.probeSession(asked, key);
    }
  }

  #signOn(node: SimulatedNode): void {
    const { random, schedule, climate, plant } = this.#parts;
    const name = pick(random, climate.users)!;
    const began = schedule.now;
    const mark = node.heart.registry.mark();
    const replaces = random.fraction() < 0.1 ? this.#anyId() : undefined;
    schedule.after(
      random.fraction() * 500,
      () => {
        if (node.up) this.#open(node, name, plant.marksLate ? node.heart.registry.mark() : mark, began, replaces);
      },
      node.host,
    );
  }

  #open(node: SimulatedNode, name: string, mark: number, checkBeganAt: number, replaces: SsoId | undefined): void {
    const { model, checkers, schedule } = this.#parts;
    const { registry } = node.heart;
    const principal = { name, roles: [`role-${++this.#count}`] };
    const began = schedule.now;
    model.checkBeganAt = checkBeganAt;
    if (replaces !== undefined) model.signOns.get(replaces)?.endsAsked.add('replaced');
    this.#note(name, () => `${node.name} checked the credentials of ${name}`);
    void registry.open({ principal, how: 'form', mark, ...(replaces === undefined ? {} : { replaces }) }).then(
      (opened) => {
        const signOn = opened && model.signOns.get(opened.id);
        if (signOn === undefined) return;
        signOn.acknowledged = true;
        signOn.usedThrough.set(node.life, began);
        this.#note(signOn.id, () => `${node.name} opened ${short(signOn.id)} for ${name}`);
        checkers.acknowledged(signOn.id, this.#isInTime(node, began));
      },
      this.#refused(name, () => `${node.name} opens nothing for ${name}`),
    );
  }

  #use(node: SimulatedNode): void {
    const { random, schedule } = this.#parts;
    const { registry, finality } = node.heart;
    const id = this.#anyId();
    if (id === undefined) return;
    const look = registry.look(id);
    this.#note(
      id,
      () => `${node.name} is asked for ${short(id)}: ${look.state}${finality.mayAccept() ? '' : ', without leases'}`,
    );
    this.probe(node, id);
    if (look.state === 'over') return;
    if (look.state !== 'open') {
      if (random.fraction() < 0.5) this.#inquire(node, id);
    } else if (finality.mayAccept()) this.#used(node, id);
    else {
      const began = schedule.now;
      void finality.waitToAccept(leaseWaitMs).then((may) => {
        if (!may || !this.#parts.promises.judge(node, id, began)) return;
        this.#note(id, () => `${node.name} accepts ${short(id)} after a wait`);
        this.#used(node, id);
      });
    }
  }

  #inquire(node: SimulatedNode, id: SsoId): void {
    const { checkers, promises, schedule } = this.#parts;
    const { registry, gossip } = node.heart;
    const began = schedule.now;
    void registry.inquire(id).then((answer) => {
      this.#note(id, () => `${node.name} asked the others for ${short(id)}: ${answer.state}`);
      const isAccepted = answer.state === 'open' && promises.judge(node, id, began);
      checkers.looked(node.life, id, answer, isAccepted, (entry) => registry.rolesOf(entry));
      checkers.inquired(node.life, id, answer, began, gossip.members());
      if (isAccepted) this.#used(node, id);
    });
  }

  #used(node: SimulatedNode, id: SsoId): void {
    node.heart.registry.touch(id, true);
    this.#parts.model.signOns.get(id)?.usedThrough.set(node.life, this.#parts.schedule.now);
  }

  #signOff(node: SimulatedNode): void {
    const signOn = this.#anySignOn(({ endsAsked }) => endsAsked.size === 0) ?? this.#anySignOn(() => true);
    if (signOn !== undefined) void this.logOut(node, signOn);
  }

  /** Ends a sign-on through this node and follows its receipt. */
  logOut(node: SimulatedNode, signOn: SignOn): Promise<Receipt | undefined> {
    const { checkers, promises, schedule } = this.#parts;
    const { id } = signOn;
    const wasOpen = node.heart.registry.look(id).state === 'open';
    const lives = this.#livesNow();
    const began = schedule.now;
    signOn.endsAsked.add('logout');
    this.#note(id, () => `${node.name} is told to end ${short(id)}${wasOpen ? '' : ', which is not open there'}`);
    const ended = node.heart.registry.close(id, 'logout');
    return ended.then(
      (receipt) => {
        this.#note(id, () => `${node.name} ended ${short(id)}: ${textOf(receipt)}`);
        if (node.life.alive) promises.told(node, signOn, receipt);
        if (receipt.state === 'pending') this.#awaited.push({ receipt: receipt.id, of: signOn });
        if (wasOpen) {
          checkers.confirmed(short(id), confirming(receipt, lives), (life) => life.closed.has(id), [id]);
          this.#judgeInTime(node, receipt, began, id);
        }
        return receipt;
      },
      this.#refused(id, () => `${node.name} does not end ${short(id)}`),
    );
  }

  #endSubject(node: SimulatedNode): void {
    const { climate, random } = this.#parts;
    void this.endSubject(node, pick(random, climate.users)!);
  }

  /** Ends all sign-ons of a user through this node, and follows the receipt. */
  endSubject(node: SimulatedNode, name: string): Promise<Receipt | undefined> {
    const { model, checkers, promises, schedule } = this.#parts;
    const { life } = node;
    const lives = this.#livesNow();
    const end: SubjectEnd = { name, life, count: Number.POSITIVE_INFINITY, at: schedule.now, final: undefined };
    model.subjectEnds.push(end);
    this.#note(name, () => `${node.name} ends all sign-ons of ${name}`);
    const ended = node.heart.registry.endSubject(name);
    end.count = life.ends.get(name)?.[life.name] ?? end.count;
    return ended.then(
      (receipt) => {
        this.#note(name, () => `${node.name} ended ${name}: ${textOf(receipt)}`);
        if (life.alive) promises.toldOfSubject(node, end, receipt);
        if (receipt.state === 'pending') this.#awaited.push({ receipt: receipt.id, of: end });
        checkers.confirmed(
          name,
          confirming(receipt, lives),
          (one) => (one.ends.get(name)?.[life.name] ?? 0) >= end.count,
          [name],
        );
        this.#judgeInTime(node, receipt, end.at, name);
        return receipt;
      },
      this.#refused(name, () => `${node.name} does not end ${name}`),
    );
  }

  /** Asks nodes by chance for receipts that were pending. */
  askForReceipts(): void {
    const { random, cluster } = this.#parts;
    for (let i = 0; i < receiptsAsked && this.#awaited.length > 0; i++) {
      const node = pick(random, cluster.reachable);
      const awaited = pick(random, this.#awaited);
      if (node !== undefined && awaited !== undefined) void this.#askForReceipt(node, awaited);
    }
  }

  /** What this node, and those that it asks, say of a receipt. */
  async #askForReceipt(node: SimulatedNode, awaited: Awaited): Promise<void> {
    const { promises } = this.#parts;
    const { of } = awaited;
    const receipt = await node.heart.receipts.find(awaited.receipt).catch(() => undefined);
    if (receipt === undefined || !canAnswer(node)) return;
    if ('id' in of) promises.told(node, of, receipt);
    else promises.toldOfSubject(node, of, receipt);
    if (receipt.state !== 'complete') return;
    const about = 'id' in of ? of.id : of.name;
    this.#note(about, () => `${node.name} shows receipt ${short(receipt.id)}: ${textOf(receipt)}`);
    this.#awaited = this.#awaited.filter((one) => one !== awaited);
  }

  /** L2: in a calm network a logout completes within T + 1 s, where a quorum could be reached all the while. */
  #judgeInTime(node: SimulatedNode, { state, id }: Receipt, began: number, about: string): void {
    const { climate, schedule, reach, checkers } = this.#parts;
    if (state === 'complete' || !isCalm(climate)) return;
    const until = began + climate.leaseMs + completeMs;
    schedule.after(until - schedule.now, () => {
      if (reach.wellFor(node) < schedule.now - began) return;
      void node.heart.receipts.find(id).then((receipt) => {
        if (receipt?.state === 'pending')
          checkers.fail('L2', `${node.life.name} has not completed an end in T + 1 s: ${textOf(receipt)}`, [about]);
      });
    });
  }

  /** L2: long after the last fault every receipt that anybody still has is complete. Asks; the answers come soon. */
  judgeReceipts(): void {
    const { cluster, checkers } = this.#parts;
    for (const { receipt, of } of this.#awaited) {
      for (const node of cluster.reachable)
        void node.heart.receipts.find(receipt).then(
          (found) => {
            if (found?.state === 'pending')
              checkers.fail(
                'L2',
                `${node.life.name} has a receipt that is pending though all is well: ${textOf(found)}`,
                ['id' in of ? of.id : of.name],
              );
          },
          () => {},
        );
    }
  }

  #setRoles(node: SimulatedNode): void {
    const { model, climate, random } = this.#parts;
    const name = pick(random, climate.users)!;
    const roles = [`role-${++this.#count}`];
    void node.heart.registry.setRoles(name, roles);
    const stamp = node.life.rolesStamps.get(name) ?? 0;
    model.rolesSet.push({ name, roles, stamp });
    this.#note(name, () => `${node.name} gives ${name} ${roles[0]}`);
  }

  #makeSession(node: SimulatedNode): void {
    const { model, random, climate } = this.#parts;
    const id = random.fraction() < 0.8 ? this.#anyId() : undefined;
    if (id !== undefined && !accepts(node, id)) return;
    const app = pick(random, apps)!;
    const name = id === undefined ? 'nobody' : model.signOns.get(id)!.name;
    const key = node.heart.table.key(app, `${++this.#count}`);
    const idleMs = random.fraction() < 0.5 ? 0 : 12 * climate.intervalMs;
    const session = newSession({ key, app, name, signOn: id, idleMs, telling: tellingOf(climate, app) });
    model.sessions.set(key, session);
    model.keys.push(key);
    this.#save(node, session);
  }

  /** As a request does; one in two is done only now, and saves though its session, or sign-on, may have ended meanwhile. */
  #writeSession(node: SimulatedNode): void {
    const { model, random } = this.#parts;
    const key = this.#anyKey();
    const session = key === undefined ? undefined : model.sessions.get(key);
    if (session === undefined) return;
    if (this.#isPlaced(session)) {
      this.#request(this.#through(node, session), session);
      return;
    }
    const { state } = node.heart.table.look(session.key);
    const isKnown = node.heart.sessions.get(session.key) !== undefined;
    if (state === 'live' || (isKnown && random.fraction() < 0.5)) this.#save(node, session);
    else if (state === 'unknown' || state === 'doubtful') this.#inquireSession(node, session);
  }

  /** Several requests of one browser at nearly the same time, on any nodes that have the session: without stickiness, or after a failover. */
  #writeTogether(): void {
    const { cluster, model, random, schedule } = this.#parts;
    const key = this.#anyKey();
    const session = key === undefined ? undefined : model.sessions.get(key);
    if (session === undefined) return;
    let node = pick(random, cluster.reachable);
    for (let count = 2 + Math.floor(random.fraction() * 4); count > 0; count--) {
      if (random.fraction() < 0.5) node = pick(random, cluster.reachable);
      if (node === undefined) return;
      const at = node;
      const save = () => {
        if (!at.up || at.leaving) return;
        if (this.#isPlaced(session)) this.#request(at, session, false);
        else if (at.heart.table.look(session.key).state === 'live') this.#save(at, session);
      };
      schedule.after(random.fraction() * togetherMs, save, at.host);
    }
  }

  /** A session of nobody's sign-on, made on this node. */
  sessionOn(node: SimulatedNode, app: App): AppSession {
    const { model, climate } = this.#parts;
    const key = node.heart.table.key(app, `${++this.#count}`);
    const session = newSession({
      key,
      app,
      name: 'nobody',
      signOn: undefined,
      idleMs: 0,
      telling: tellingOf(climate, app),
    });
    model.sessions.set(key, session);
    model.keys.push(key);
    this.#save(node, session);
    return session;
  }

  /** What a request on this node is answered. It saves if the session is live: what it did, on whatever it `seen` before. */
  async requestOn(node: SimulatedNode, session: AppSession, seen?: SessionData): Promise<SessionLook> {
    const { checkers } = this.#parts;
    const { key } = session;
    const { table } = node.heart;
    session.named.add(node.name);
    const before = table.look(key);
    const look =
      seen !== undefined || before.state === 'live' || before.state === 'ended'
        ? before
        : await table.inquire(key, session.telling.buddies);
    this.#note(key, () => `${node.name} is asked for session ${short(key)}: ${before.state}, ${look.state}`);
    checkers.sessionLooked(node, key, look);
    if (look.state === 'live' || seen !== undefined) this.#save(node, session, seen ?? sessionOf(look)?.data);
    return look;
  }

  /** Whether only some nodes have its data. */
  #isPlaced({ telling }: AppSession): boolean {
    return telling.buddies !== 'total';
  }

  /** Most requests of a browser go where the last one was answered, while that node can be reached. */
  #through(node: SimulatedNode, { lastThrough }: AppSession): SimulatedNode {
    const { cluster, random } = this.#parts;
    const usual = random.fraction() < 0.6 ? cluster.reachable.find(({ name }) => name === lastThrough) : undefined;
    return usual ?? node;
  }

  /** As a request does with a session that another node may serve: it sees what is there, and saves at once or at its end, whoever serves it then. */
  #request(node: SimulatedNode, session: AppSession, mayLast = true): void {
    const { random, schedule, checkers } = this.#parts;
    const { key } = session;
    const look = node.heart.table.look(key);
    checkers.sessionLooked(node, key, look);
    const held = node.heart.sessions.get(key);
    if (look.state === 'live' || (held?.state === 'live' && random.fraction() < 0.3)) {
      const seen = look.state === 'live' ? look.session.data : node.life.seenSessions.get(key);
      if (seen === undefined) return;
      node.life.seenSessions.set(key, seen);
      session.lastThrough = node.name;
      const save = () => {
        if (node.up && !node.leaving) this.#save(node, session, seen);
      };
      if (mayLast && random.fraction() < 0.3) schedule.after(random.fraction() * requestMs, save, node.host);
      else save();
    } else if (look.state !== 'ended' && look.state !== 'elsewhere') this.#inquireSession(node, session);
  }

  /** All is healed: whatever some node has can be had on any other, all of it. */
  gatherAll(): void {
    const placed = [...this.#parts.model.sessions.values()].filter((session) => this.#isPlaced(session));
    for (const session of placed.slice(-movedAtEnd)) void this.#gather(session);
  }

  async #gather(session: AppSession): Promise<void> {
    const { random, cluster, checkers } = this.#parts;
    const { key } = session;
    const node = pick(random, cluster.reachable);
    if (node?.heart.sessions.get(key)?.state !== 'live' || session.idleMs > 0) return;
    const isHeld = cluster.running.some(({ life }) => (life.heldSessions.get(key)?.data.latest ?? 0) > 0);
    session.named.add(node.name);
    const before = node.heart.table.look(key);
    const look = before.state === 'live' ? before : await node.heart.table.inquire(key, session.telling.buddies);
    this.#note(key, () => `${node.name} is asked for session ${short(key)} in peace: ${before.state}, ${look.state}`);
    checkers.sessionLooked(node, key, look);
    if (isHeld) checkers.places.gathered(node, session, look);
  }

  #inquireSession(node: SimulatedNode, session: AppSession): void {
    const { checkers, schedule } = this.#parts;
    const { key } = session;
    const began = schedule.now;
    session.named.add(node.name);
    void node.heart.table.inquire(key, session.telling.buddies).then((look) => {
      this.#note(key, () => `${node.name} asked the others for session ${short(key)}: ${look.state}`);
      checkers.sessionLooked(node, key, look);
      checkers.sessionInquired(node.life, session, look, began, node.heart.gossip.members());
      if (look.state !== 'live') return;
      session.lastThrough = node.name;
      node.life.seenSessions.set(key, look.session.data);
      this.#save(node, session);
    });
  }

  #save(node: SimulatedNode, session: AppSession, seen?: SessionData): void {
    const { checkers, schedule, model } = this.#parts;
    const { key, app, signOn, idleMs, telling } = session;
    const { life, heart } = node;
    const began = schedule.now;
    const writes = this.#changesOf(node, session, seen);
    session.writes.push(...writes);
    const fields = writes.map(({ field, text }) => ({ part: fieldPart, field, text }));
    const written = this.#write(node, key, { app, signOn, idleMs, telling, changes: { fields, gone: [] }, seen });
    const words = () => writes.map(({ field, text }) => `${field} ${text ?? 'taken away'}`).join(', ');
    this.#note(key, () => `${node.name} saves ${words()} in session ${short(key)}${written ? '' : ': refused'}`);
    if (written === undefined) {
      session.writes = session.writes.filter((write) => !writes.includes(write));
      return;
    }
    session.usedThrough.set(life, began);
    for (const [index, write] of writes.entries()) {
      // Each that goes by itself has a stamp of its own.
      write.stamp = written.data.latest - (telling.alone ? writes.length - 1 - index : 0);
      write.data = written.data;
      write.holders = [life];
    }
    checkers.saved(life, session, writes);
    if (telling.stays || telling.afterMs > 0) return;
    void heart.table.stored(key).then(() => {
      const holders = model.lives.filter((one) => holds(one, key, written.data));
      for (const write of writes) write.holders = holders;
      // What has ended meanwhile nobody waits for any longer; how it ended travels by gossip.
      if (this.#isPlaced(session) && life.endedSessions.has(key)) return;
      checkers.sessionAcknowledged(key, holders, this.#isInTime(node, began));
    });
  }

  /** One field or two that get a text of their own, or are emptied. */
  #changesOf(node: SimulatedNode, session: AppSession, compared?: SessionData): FieldWrite[] {
    const { random } = this.#parts;
    const held = node.heart.sessions.get(session.key);
    const present = held?.state === 'live' ? held.data : undefined;
    const data = compared ?? present;
    // What a request has not seen it does not take away, and what it then shows is not its own.
    const sawAll = present === undefined || present.latest === 0 || data?.version === present.version;
    const first = Math.floor(random.fraction() * fieldNames.length);
    const count = random.fraction() < 0.7 ? 1 : 2;
    return Array.from({ length: count }, (_, index) => {
      const field = fieldNames[(first + index) % fieldNames.length]!;
      const shown = data && shownIn(session, data, field);
      const seen = shown === 'foreign' ? undefined : shown;
      const text =
        seen !== undefined && sawAll && random.fraction() < 0.2 ? undefined : `"${session.name} ${++this.#count}"`;
      const write: FieldWrite = {
        at: this.#parts.schedule.now,
        field,
        text,
        life: node.life,
        stamp: Number.POSITIVE_INFINITY,
        seen,
        data: undefined,
        holders: [],
      };
      if (text !== undefined) session.byText.set(text, write);
      return write;
    });
  }

  #touchSession(node: SimulatedNode): void {
    const { model, schedule, random, checkers, climate, cluster } = this.#parts;
    const key = this.#anyKey();
    const session = key === undefined ? undefined : model.sessions.get(key);
    if (session === undefined || node.heart.table.look(session.key).state !== 'live') return;
    const began = schedule.now;
    const afterMs = pick(random, toldAfter)!;
    node.heart.table.touch(session.key, { afterMs, buddies: session.telling.buddies });
    session.usedThrough.set(node.life, began);
    const usedAt = node.heart.clock.now();
    // Nobody repairs a use that was lost on its way: it is told again. Nor is it in a comparison, which confirms the change of whoever
    // comes after it was told, or is reached by it late.
    const told = new Set(node.heart.gossip.peers().map((peer) => `${peer.node}:${peer.incarnation}`));
    const isTold = ({ life }: SimulatedNode) => life === node.life || told.has(life.name);
    const arrives = () =>
      climate.loss === 0 && climate.late.part === 0 && cluster.isWhole && cluster.running.every(isTold);
    if (afterMs > 0 || climate.leaps || !arrives()) return;
    void node.heart.table.stored().then(() => {
      const holders = model.lives.filter(
        (life) =>
          life.endedSessions.has(session.key) || (life.heldSessions.get(session.key)?.lastAccessAt ?? 0) >= usedAt,
      );
      checkers.useAcknowledged(session.key, holders, arrives() && this.#isInTime(node, began));
    });
  }

  /** A request that a node answers just before it goes: into a session whose changes are told later. */
  leaving(node: SimulatedNode): void {
    for (const session of [...this.#parts.model.sessions.values()].slice(-12))
      if (session.telling.afterMs > 0 && node.heart.table.look(session.key).state === 'live') this.#save(node, session);
  }

  /** A node handed over what only it had, and nothing of it was lost: what it wrote last is somewhere else, too (V88). */
  left(node: SimulatedNode, lost: number, began: number): void {
    const { model, checkers } = this.#parts;
    if (lost > 0) return;
    checkers.places.handedOver(node, began);
    for (const session of model.sessions.values()) {
      if (session.telling.stays) continue;
      for (const write of session.writes) {
        if (write.life !== node.life || write.data === undefined || write.at > began) continue;
        const { data } = write;
        const holders = model.lives.filter((life) => holds(life, session.key, data));
        checkers.handedOver(node.life, session.key, holders);
        write.holders = holders;
      }
    }
  }

  #endSession(node: SimulatedNode): void {
    const key = this.#anyKey();
    if (key === undefined) return;
    const ended = node.heart.table.end(key, 'destroyed');
    this.#note(
      key,
      () => `${node.name} is told to end session ${short(key)}${ended ? '' : ', which is not live there'}`,
    );
  }

  /** A recent one or, as often, any that ever was. */
  #anyId(): SsoId | undefined {
    return anyOf(this.#parts.model.ids, this.#parts.random);
  }

  /** One that is as wanted, if a few tries find it. */
  #anySignOn(isWanted: (signOn: SignOn) => boolean): SignOn | undefined {
    for (let tries = 0; tries < 4; tries++) {
      const signOn = this.#parts.model.signOns.get(this.#anyId() ?? '');
      if (signOn !== undefined && isWanted(signOn)) return signOn;
    }
    return undefined;
  }

  #anyKey(): string | undefined {
    return anyOf(this.#parts.model.keys, this.#parts.random);
  }

  /** Whether a wait that began then ended before its bound, with another member in reach all the while. */
  /** What comes to a node that has stopped since it was asked is refused. */
  #write({ heart, leaving }: SimulatedNode, key: string, what: SessionWrite): LiveSession | undefined {
    try {
      return heart.table.write(key, what);
    } catch (error) {
      if (leaving && (error as SsoError).code === 'ERR_UNAVAILABLE') return undefined;
      throw error;
    }
  }

  #isInTime(node: SimulatedNode, began: number): boolean {
    return this.#parts.schedule.now - began < registryLimits.copyMs - timerErrorMs && node.channel.aloneUntil < began;
  }

  #livesNow(): ReadonlyMap<string, Life> {
    return new Map(this.#parts.cluster.running.map(({ name, life }) => [name, life]));
  }

  #refused(about: string, text: () => string): (error: SsoError) => undefined {
    return ({ code, message }) => {
      this.#note(about, () => `${text()}: ${code ?? message}`);
      return undefined;
    };
  }

  #note(about: string, text: () => string): void {
    this.#parts.history.note(this.#parts.schedule.now, about, text);
  }
}

function anyOf<T>(items: readonly T[], random: Random): T | undefined {
  const recent = random.fraction() < 0.5 ? Math.max(0, items.length - 12) : 0;
  return items[recent + Math.floor(random.fraction() * (items.length - recent))];
}

/** Whether a life ever had this much of a session, or its end. */
function holds(life: Life, key: string, data: SessionData): boolean {
  return life.endedSessions.has(key) || life.heldSessions.get(key)?.data.includes(data) === true;
}

function textOf({ state, finalAt, nodes }: Receipt): string {
  const until = finalAt === undefined ? '' : `, final at ${((finalAt - startAt) / 1_000).toFixed(3)} s`;
  return `${state}${until}, confirmed by ${nodes.confirmed.join(' ')}, outstanding ${nodes.outstanding.join(' ') || 'nobody'}`;
}

/** The lives that a receipt names. */
function confirming(receipt: Receipt, lives: ReadonlyMap<string, Life>): readonly Life[] {
  return receipt.nodes.confirmed.flatMap((node) => lives.get(node) ?? []);
}
