/**
 * The rules, judged from outside the code (FINAL-LOGOUT.md, Invariants), while the history runs: S2, S3,
 * S7, the causes, receipts and copies as they are acknowledged. S1 and S8 are in promises.ts, S4, L1 and
 * L2 in reach.ts, epochs in losses.ts; what holds when all is healed, D1, D2 and S5, in verdict.ts.
 */

import type { SsoEntry } from '../../sso/entry.ts';
import type { Change } from '../../sso/gossip/lattice.ts';
import type { Maps } from '../../sso/heart.ts';
import type { Inquiry, Look, Registry } from '../../sso/registry.ts';
import type { SessionRecord } from '../../sso/session/record.ts';
import type { SessionLook } from '../../sso/session/table.ts';
import type { Subject } from '../../sso/subject.ts';
import type { SsoId } from '../../sso/token.ts';
import { type Climate, skewAtMostMs } from './climate.ts';
import type { SimulatedNode } from './cluster.ts';
import { type FieldWrite, faultOfChange, fieldPart } from './fields.ts';
import type { AppSession, Life, Model, SignOn } from './model.ts';
import { Places } from './places.ts';

export interface Breach {
  readonly rule: string;
  readonly message: string;
  /** Ids and names whose history explains it. */
  readonly about: readonly string[];
}

/** What a node says about another one. */
export interface Member {
  readonly node: string;
  readonly incarnation: number;
  readonly state: string;
}

const clockErrorMs = 2_000;

export class Checkers {
  readonly #model: Model;
  readonly #climate: Climate;
  readonly #now: () => number;
  readonly #places: Places;
  /** Hears of every open copy that a node takes. */
  onHeld: (node: SimulatedNode, signOn: SignOn) => void = () => {};
  /** Whether enough clocks were right, and in reach, to correct those that were not. */
  clocksAgree: () => boolean = () => true;
  /** The first rule that was broken. */
  breach: Breach | undefined;

  constructor(model: Model, climate: Climate, now: () => number) {
    this.#model = model;
    this.#climate = climate;
    this.#now = now;
    this.#places = new Places({ model, climate, now, fail: (...words) => this.fail(...words) });
  }

  /** What is judged of sessions whose data only some nodes have. */
  get places(): Places {
    return this.#places;
  }

  fail(rule: string, message: string, about: readonly string[]): void {
    this.breach ??= { rule, message, about };
  }

  /** Listens to a life's maps. */
  watch(node: () => SimulatedNode, maps: Maps): void {
    maps.entries.onChange((change) => this.#entryChanged(node(), change));
    maps.sessions.onChange((change) => this.#sessionChanged(node(), change));
    maps.subjects.onChange((change) => this.#subjectChanged(node().life, change));
  }

  /** What a node knows of a sign-on, and whether a request would be accepted with it. */
  looked(life: Life, id: SsoId, look: Look | Inquiry, isAccepted: boolean, rolesOf: Registry['rolesOf']): void {
    if (look.state !== 'open' && look.state !== 'doubtful') return;
    const signOn = this.#model.signOns.get(id);
    if (signOn === undefined) {
      this.fail('S0', `${life.name} accepts a sign-on that nobody opened`, [id]);
      return;
    }
    const about = [id, signOn.name];
    if (life.closed.has(id)) this.fail('S2', `${life.name} heard that ${short(id)} is closed, and accepts it`, about);
    if (isAccepted && this.#now() > signOn.endsAt + clockErrorMs && this.#knowsTheTime())
      this.fail('S3', `${life.name} accepts ${short(id)} after its end`, about);
    if (this.#model.mustEndWithItsSubject(signOn, life))
      this.fail('S8', `${life.name} heard that ${signOn.name} was ended, and accepts ${short(id)}`, about);
    if (look.entry.principal.name !== signOn.name) this.fail('S7', `${short(id)} changed its principal`, about);
    if (isAccepted && look.entry.epoch < life.epoch)
      this.fail('epoch', `${life.name} accepts ${short(id)} of an epoch that is over`, about);
    if (rolesOf(look.entry).length !== 1) this.fail('S5', `${signOn.name} has roles that nobody gave`, about);
  }

  sessionLooked(node: SimulatedNode, key: string, look: SessionLook): void {
    const { life } = node;
    this.#places.looked(node, key, look);
    if (look.state !== 'live' && look.state !== 'doubtful') return;
    if (life.endedSessions.has(key))
      this.fail('S2', `${life.name} heard that session ${short(key)} ended, and shows it`, [key]);
    const { signOn } = look.session;
    if (signOn !== undefined && life.closed.has(signOn)) {
      this.fail('V67', `${life.name} shows session ${short(key)} of the closed sign-on ${short(signOn)}`, [
        key,
        signOn,
      ]);
    }
  }

  /** `open` resolved; `isInTime`: before its bound, and another member could be reached all the while. */
  acknowledged(id: SsoId, isInTime: boolean): void {
    const holders = this.#model.lives.filter((life) => life.held.has(id));
    if (isInTime && holders.length < 2)
      this.fail('W', `${short(id)} was acknowledged by one copy, though another member was up and there was time`, [
        id,
      ]);
  }

  /** An id is only unknown to the cluster if no member that takes part holds it (V82). */
  inquired(
    life: Life,
    id: SsoId,
    answer: { readonly state: string },
    beganAt: number,
    members: readonly Member[],
  ): void {
    if (answer.state !== 'unknown') return;
    for (const holder of this.#model.lives) {
      const heldAt = holder.held.get(id);
      if (
        !holder.alive ||
        heldAt === undefined ||
        heldAt > beganAt ||
        this.#now() > this.#model.signOns.get(id)!.endsAt
      )
        continue;
      const known = members.find(({ node, incarnation }) => `${node}:${incarnation}` === holder.name);
      if (known !== undefined && known.state !== 'left') {
        this.fail(
          'V82',
          `${life.name} calls ${short(id)} unknown, which ${holder.name} holds: a member that has not left`,
          [id],
        );
      }
    }
  }

  /** A session was saved through this life: not one that ended, nor one of a sign-on that is closed (V67). */
  saved(life: Life, { key, signOn }: AppSession, writes: readonly FieldWrite[]): void {
    for (const { field, text, data } of writes)
      if (data?.get(fieldPart, field) !== text)
        this.fail('D1', `${life.name} saved ${field} ${text} in session ${short(key)}, and holds something else`, [
          key,
        ]);
    if (signOn !== undefined && life.closed.has(signOn))
      this.fail('V67', `${life.name} saved session ${short(key)} of the closed sign-on ${short(signOn)}`, [
        key,
        signOn,
      ]);
  }

  /** `stored` resolved for a change of a session. */
  sessionAcknowledged(key: string, holders: readonly Life[], isInTime: boolean): void {
    if (isInTime && holders.length < 2)
      this.fail(
        'W',
        `a change of session ${short(key)} was acknowledged by one copy, though another member was up and there was time`,
        [key],
      );
  }

  /** The same for a use that is to be told at once. */
  useAcknowledged(key: string, holders: readonly Life[], isInTime: boolean): void {
    if (isInTime && holders.length < 2)
      this.fail('W', `a use of session ${short(key)} is known to one node alone, though it was to be told`, [key]);
  }

  /** A node that left says that it handed over all that only it had. */
  handedOver(life: Life, key: string, holders: readonly Life[]): void {
    if (holders.every((one) => one === life))
      this.fail('V88', `${life.name} left, and nobody has what it wrote last into session ${short(key)}`, [
        key,
        life.node,
      ]);
  }

  /** Nobody calls a session over for want of use that was used through a member that it could have asked (V89). */
  sessionInquired(
    life: Life,
    session: AppSession,
    look: SessionLook,
    beganAt: number,
    members: readonly Member[],
  ): void {
    if (look.state !== 'ended' || look.cause !== 'timeout' || life.endedSessions.has(session.key)) return;
    for (const [through, usedAt] of session.usedThrough) {
      const unused = this.#now() - usedAt;
      if (!through.alive || usedAt >= beganAt || unused > session.idleMs * 0.95 - 2 * skewAtMostMs) continue;
      const known = members.find(({ node, incarnation }) => `${node}:${incarnation}` === through.name);
      if (known !== undefined && known.state !== 'lost' && known.state !== 'left')
        this.fail(
          'V89',
          `${life.name} calls session ${short(session.key)} over ${Math.round(unused)} ms after it was used through ${through.name}`,
          [session.key],
        );
    }
  }

  /** A receipt says that these nodes confirmed an end: then each of them must know it. */
  confirmed(what: string, lives: readonly Life[], knows: (life: Life) => boolean, about: readonly string[]): void {
    for (const life of lives) {
      if (life.alive && !knows(life))
        this.fail('receipt', `${life.name} confirmed the end of ${what}, and does not know it`, about);
    }
  }

  /** A node that goes on alone in `serve` mode knows only its own clock, which may have leapt. */
  #knowsTheTime(): boolean {
    return this.#climate.whenCutOff === 'refuse' || !this.#climate.leaps;
  }

  #entryChanged(node: SimulatedNode, { key, after, own }: Change<SsoEntry>): void {
    const { life } = node;
    const signOn = this.#model.signOns.get(key);
    if (!life.held.has(key)) life.held.set(key, this.#now());
    if (after.state === 'open') {
      if (signOn === undefined && own) this.#model.opened(key as SsoId, after, life, this.#now());
      if (life.closed.has(key)) this.fail('S2', `${life.name} takes ${short(key)} from closed back to open`, [key]);
      if (signOn !== undefined && after.endsAt !== signOn.endsAt)
        this.fail('S3', `${short(key)} changed its end`, [key]);
      if (signOn !== undefined) this.onHeld(node, signOn);
      return;
    }
    if (life.closed.has(key)) return;
    life.closed.set(key, this.#now());
    if (signOn === undefined) return;
    this.#judgeCause(node, signOn, after.cause);
    if (own && (after.cause === 'idle' || after.cause === 'empty'))
      this.#judgeIdleness(life, signOn, after.cause, after.closedAt, node.heart.gossip.members());
  }

  /** The cause is carried, never inferred. */
  #judgeCause({ life, heart }: SimulatedNode, signOn: SignOn, cause: string): void {
    const { id, name } = signOn;
    const about = [id, name];
    if (cause === 'idle' || cause === 'empty') return;
    if (cause === 'epoch') {
      if (Math.max(heart.finality.epoch, this.#model.epoch) <= signOn.epoch)
        this.fail(
          'cause',
          `${life.name} says ${short(id)} is of an epoch that is over, and there is no later one`,
          about,
        );
    } else if (cause === 'expired') {
      if (this.#now() < signOn.endsAt - clockErrorMs && this.clocksAgree())
        this.fail('cause', `${life.name} says ${short(id)} expired before its end`, about);
    } else if (cause === 'subject-ended') {
      if (!this.#model.mayEndWithItsSubject(signOn))
        this.fail('cause', `${short(id)} ended with its subject, which nobody ended since`, about);
    } else if (!([...signOn.endsAsked] as string[]).includes(cause)) {
      this.fail('cause', `${short(id)} ended as ${cause}, which nobody asked for`, about);
    }
  }

  /** Nobody ends as idle or empty what was used through a member that it does not hold for lost (V89). */
  #judgeIdleness(
    life: Life,
    signOn: SignOn,
    cause: 'idle' | 'empty',
    closedAt: number,
    members: readonly Member[],
  ): void {
    const limit = cause === 'idle' ? this.#climate.idleMs : this.#climate.maxEmptyLifeMs;
    for (const [through, usedAt] of signOn.usedThrough) {
      const unused = closedAt - usedAt;
      if (!through.alive || unused < 2 * clockErrorMs || unused > limit * 0.95 - 2 * skewAtMostMs) continue;
      const known = members.find(({ node, incarnation }) => `${node}:${incarnation}` === through.name);
      if (known !== undefined && known.state !== 'lost' && known.state !== 'left') {
        this.fail(
          'V89',
          `${life.name} ended ${short(signOn.id)} as ${cause} ${Math.round(unused)} ms after it was used through ${through.name}`,
          [signOn.id, signOn.name],
        );
      }
    }
  }

  #sessionChanged(node: SimulatedNode, { key, before, after, own }: Change<SessionRecord>): void {
    const { life } = node;
    const isShed = this.#places.changed(node, key, before, after, own);
    if (after.state === 'ended') {
      life.endedSessions.add(key);
      return;
    }
    if (life.endedSessions.has(key))
      this.fail('S2', `${life.name} takes session ${short(key)} from ended back to live`, [key]);
    if (after.state === 'changed') {
      this.fail('S7', `${life.name} holds a change of session ${short(key)} in the place of the session`, [key]);
      return;
    }
    if (before?.state === 'live' && before.version > after.version)
      this.fail('S7', `session ${short(key)} went back to an earlier version on ${life.name}`, [key]);
    const { data, lastAccessAt } = after;
    const held = life.heldSessions.get(key);
    life.heldSessions.set(key, { data, lastAccessAt, since: held?.data === data ? held.since : this.#now() });
    const session = this.#model.sessions.get(key);
    if (session === undefined) return;
    if (after.signOn !== session.signOn) this.fail('S7', `session ${short(key)} changed its sign-on`, [key]);
    const former = before?.state === 'live' ? before.data : undefined;
    if (former === after.data || isShed) return;
    if (session.telling.stays && session.writes.every((write) => write.life !== life) && after.data.latest > 0)
      this.fail('V84', `${life.name} was given the data of session ${short(key)}, which stays where it is`, [key]);
    const fault = faultOfChange(session, former, after.data);
    if (fault !== undefined)
      this.fail('S7', `session ${short(key)} of ${session.name} ${fault} on ${life.name}`, [key]);
  }

  #subjectChanged(life: Life, { key, after }: Change<Subject>): void {
    life.ends.set(key, after.ends);
    life.rolesStamps.set(key, Math.max(life.rolesStamps.get(key) ?? 0, after.rolesStamp));
  }
}

/** Enough of an id to tell it from others. */
export const short = (id: string) => id.slice(0, 8);
