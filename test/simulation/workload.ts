/**
 * What browsers and applications do, by chance: sign on, use, sign off, and keep asking for ids that
 * ended long ago, since mistakes show there first. Every answer goes to the checkers.
 */

import type { SsoError } from '../../sso/errors.ts';
import { pick, type Random } from '../../sso/random.ts';
import type { Receipt } from '../../sso/receipt.ts';
import { registryLimits } from '../../sso/registry.ts';
import type { SsoId } from '../../sso/token.ts';
import { type Checkers, short } from './checkers.ts';
import { type Climate, waitOf } from './climate.ts';
import type { Cluster, SimulatedNode } from './cluster.ts';
import type { History } from './history.ts';
import type { AppSession, Life, Model, SubjectEnd } from './model.ts';
import type { Plant } from './plants.ts';
import type { Schedule } from './schedule.ts';

export interface WorkloadParts {
  readonly cluster: Cluster;
  readonly climate: Climate;
  readonly model: Model;
  readonly checkers: Checkers;
  readonly history: History;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly plant: Plant;
}

const apps = ['shop', 'news', 'mail'] as const;
/** Ids that are asked for besides, at every operation. */
const probes = 3;

export class Workload {
  readonly #parts: WorkloadParts;
  readonly #operations: readonly (readonly [weight: number, run: (node: SimulatedNode) => void])[] = [
    [22, (node) => this.#signOn(node)],
    [30, (node) => this.#use(node)],
    [10, (node) => this.#signOff(node)],
    [2, (node) => this.#endSubject(node)],
    [3, (node) => this.#setRoles(node)],
    [10, (node) => this.#makeSession(node)],
    [12, (node) => this.#writeSession(node)],
    [8, (node) => this.#touchSession(node)],
    [3, (node) => this.#endSession(node)],
    [1, (node) => node.parts.table.release(pick(this.#parts.random, apps)!)],
    [2, (node) => void node.parts.registry.sweep()],
  ];
  readonly #weight = this.#operations.reduce((sum, [weight]) => sum + weight, 0);
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
    const { registry } = node.parts;
    this.#parts.checkers.looked(node.life, id, registry.look(id), (entry) => registry.rolesOf(entry));
  }

  probeSession(node: SimulatedNode, key: string): void {
    this.#parts.checkers.sessionLooked(node.life, key, node.parts.table.look(key));
  }

  #operate(): void {
    const { random, cluster } = this.#parts;
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
    for (let i = 0; i < probes; i++) {
      const asked = pick(random, cluster.reachable);
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
    const mark = node.parts.registry.mark();
    const replaces = random.fraction() < 0.1 ? this.#anyId() : undefined;
    schedule.after(
      random.fraction() * 500,
      () => {
        if (node.up) this.#open(node, name, plant.marksLate ? node.parts.registry.mark() : mark, began, replaces);
      },
      node.host,
    );
  }

  #open(node: SimulatedNode, name: string, mark: number, checkBeganAt: number, replaces: SsoId | undefined): void {
    const { model, checkers, schedule } = this.#parts;
    const { registry } = node.parts;
    const principal = { name, roles: [`role-${++this.#count}`] };
    const began = schedule.now;
    model.checkBeganAt = checkBeganAt;
    if (replaces !== undefined) model.signOns.get(replaces)?.endsAsked.add('replaced');
    this.#note(name, () => `${node.name} checked the credentials of ${name}`);
    void registry
      .open({ principal, how: 'form', mark, ...(replaces === undefined ? {} : { replaces }) })
      .then((opened) => {
        const signOn = opened && model.signOns.get(opened.id);
        if (signOn === undefined) return;
        signOn.acknowledged = true;
        signOn.usedThrough.set(node.life, began);
        this.#note(signOn.id, () => `${node.name} opened ${short(signOn.id)} for ${name}`);
        checkers.acknowledged(signOn.id, this.#isInTime(node, began));
      });
  }

  #use(node: SimulatedNode): void {
    const { checkers, random, schedule } = this.#parts;
    const { registry } = node.parts;
    const id = this.#anyId();
    if (id === undefined) return;
    const look = registry.look(id);
    this.#note(id, () => `${node.name} is asked for ${short(id)}: ${look.state}`);
    this.probe(node, id);
    if (look.state === 'open') this.#used(node, id);
    if (look.state === 'open' || look.state === 'over' || random.fraction() < 0.5) return;
    const began = schedule.now;
    void registry.inquire(id).then((answer) => {
      this.#note(id, () => `${node.name} asked the others for ${short(id)}: ${answer.state}`);
      checkers.looked(node.life, id, answer, (entry) => registry.rolesOf(entry));
      checkers.inquired(node.life, id, answer, began, node.parts.gossip.members());
      if (answer.state === 'open') this.#used(node, id);
    });
  }

  #used(node: SimulatedNode, id: SsoId): void {
    node.parts.registry.touch(id, true);
    this.#parts.model.signOns.get(id)?.usedThrough.set(node.life, this.#parts.schedule.now);
  }

  #signOff(node: SimulatedNode): void {
    const { model, checkers } = this.#parts;
    const id = this.#anyId();
    const signOn = id && model.signOns.get(id);
    if (id === undefined || signOn === undefined) return;
    const wasOpen = node.parts.registry.look(id).state === 'open';
    const lives = this.#livesNow();
    signOn.endsAsked.add('logout');
    this.#note(id, () => `${node.name} is told to end ${short(id)}${wasOpen ? '' : ', which is not open there'}`);
    const ended = node.parts.registry.close(id, 'logout');
    const refused = ({ code }: SsoError) => this.#note(id, () => `${node.name} does not end ${short(id)}: ${code}`);
    void ended.then((receipt) => {
      this.#note(
        id,
        () => `${node.name} ended ${short(id)}: ${receipt.state}, confirmed by ${receipt.nodes.confirmed.join(' ')}`,
      );
      if (wasOpen) checkers.confirmed(short(id), confirming(receipt, lives), (life) => life.closed.has(id), [id]);
    }, refused);
  }

  #endSubject(node: SimulatedNode): void {
    const { model, checkers, climate, random, schedule } = this.#parts;
    const name = pick(random, climate.users)!;
    const { life } = node;
    const lives = this.#livesNow();
    const end: SubjectEnd = { name, life, count: Number.POSITIVE_INFINITY, at: schedule.now };
    model.subjectEnds.push(end);
    this.#note(name, () => `${node.name} ends all sign-ons of ${name}`);
    const ended = node.parts.registry.endSubject(name);
    end.count = life.ends.get(name)?.[life.name] ?? end.count;
    void ended.then((receipt) => {
      this.#note(
        name,
        () => `${node.name} ended ${name}: ${receipt.state}, confirmed by ${receipt.nodes.confirmed.join(' ')}`,
      );
      checkers.confirmed(
        name,
        confirming(receipt, lives),
        (one) => (one.ends.get(name)?.[life.name] ?? 0) >= end.count,
        [name],
      );
    });
  }

  #setRoles(node: SimulatedNode): void {
    const { model, climate, random } = this.#parts;
    const name = pick(random, climate.users)!;
    const roles = [`role-${++this.#count}`];
    void node.parts.registry.setRoles(name, roles);
    const stamp = node.life.rolesStamps.get(name) ?? 0;
    model.rolesSet.push({ name, roles, stamp });
    this.#note(name, () => `${node.name} gives ${name} ${roles[0]}`);
  }

  #makeSession(node: SimulatedNode): void {
    const { model, random, climate } = this.#parts;
    const id = random.fraction() < 0.8 ? this.#anyId() : undefined;
    if (id !== undefined && node.parts.registry.look(id).state !== 'open') return;
    const app = pick(random, apps)!;
    const name = id === undefined ? 'nobody' : model.signOns.get(id)!.name;
    const key = node.parts.table.key(app, `${++this.#count}`);
    const session: AppSession = {
      key,
      app,
      name,
      signOn: id,
      idleMs: random.fraction() < 0.5 ? 0 : 12 * climate.intervalMs,
      acknowledged: undefined,
    };
    model.sessions.set(key, session);
    model.keys.push(key);
    this.#save(node, session);
  }

  /** Saves as a request does that is done now: also one whose session, or sign-on, has ended meanwhile. */
  #writeSession(node: SimulatedNode): void {
    const { model } = this.#parts;
    const key = this.#anyKey();
    const session = key === undefined ? undefined : model.sessions.get(key);
    if (session === undefined) return;
    if (node.parts.sessions.get(session.key) !== undefined) {
      this.#save(node, session);
      return;
    }
    void node.parts.table.inquire(session.key).then((look) => {
      this.#parts.checkers.sessionLooked(node.life, session.key, look);
      if (look.state === 'live') this.#save(node, session);
    });
  }

  #save(node: SimulatedNode, session: AppSession): void {
    const { checkers, schedule } = this.#parts;
    const { key, app, signOn, idleMs, name } = session;
    const { life, parts } = node;
    const began = schedule.now;
    const data = `${name} ${++this.#count}`;
    const written = parts.table.write(key, { app, signOn, idleMs, data });
    this.#note(
      key,
      () =>
        `${node.name} saves session ${short(key)}: ${written === undefined ? 'refused' : `version ${written.version}`}`,
    );
    if (written === undefined) return;
    checkers.saved(life, session, written.data === data);
    void parts.table.stored().then(() => {
      checkers.sessionAcknowledged(session, written.version, this.#isInTime(node, began));
    });
  }

  #touchSession(node: SimulatedNode): void {
    const key = this.#anyKey();
    if (key !== undefined && node.parts.table.look(key).state === 'live') node.parts.table.touch(key);
  }

  #endSession(node: SimulatedNode): void {
    const key = this.#anyKey();
    if (key === undefined) return;
    const ended = node.parts.table.end(key, 'destroyed');
    this.#note(
      key,
      () => `${node.name} is told to end session ${short(key)}${ended ? '' : ', which is not live there'}`,
    );
  }

  /** A recent one or, as often, any that ever was. */
  #anyId(): SsoId | undefined {
    return anyOf(this.#parts.model.ids, this.#parts.random);
  }

  #anyKey(): string | undefined {
    return anyOf(this.#parts.model.keys, this.#parts.random);
  }

  /** Whether a wait that began then ended before its bound, with another member in reach all the while. */
  #isInTime(node: SimulatedNode, began: number): boolean {
    return this.#parts.schedule.now - began < registryLimits.copyMs && node.channel.aloneUntil < began;
  }

  #livesNow(): ReadonlyMap<string, Life> {
    return new Map(this.#parts.cluster.running.map(({ name, life }) => [name, life]));
  }

  #note(about: string, text: () => string): void {
    this.#parts.history.note(this.#parts.schedule.now, about, text);
  }
}

function anyOf<T>(items: readonly T[], random: Random): T | undefined {
  const recent = random.fraction() < 0.5 ? Math.max(0, items.length - 12) : 0;
  return items[recent + Math.floor(random.fraction() * (items.length - recent))];
}

/** The lives that a receipt names. */
function confirming(receipt: Receipt, lives: ReadonlyMap<string, Life>): readonly Life[] {
  return receipt.nodes.confirmed.flatMap((node) => lives.get(node) ?? []);
}
