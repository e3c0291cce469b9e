/**
 * Tells applications what happens to their sessions on this node. It follows the replicated records by
 * itself, so that no request, merge or sweep can forget to say something; only what never leaves a node,
 * passivation, is said by who does it. Where no application listens, a change costs one look; attributes
 * are compared only for a listener that may hear of them.
 */

import { BucketedMap } from '../../bucketed-map.ts';
import type { Clock } from '../../clock.ts';
import type { Cause } from '../../entry.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Change } from '../../gossip/lattice.ts';
import { nodeOf } from '../../life.ts';
import { type Log, silentLog } from '../../log.ts';
import type { SsoId } from '../../token.ts';
import type { Classes } from '../graph/classes.ts';
import { isAbsent, type LiveSession, type SessionRecord } from '../record.ts';
import { Turns } from '../turns.ts';
import { differences } from './differences.ts';
import { type Event, forgotten, found, type Here, type Meaning, meaningOf } from './meaning.ts';
import type { SessionListener, SessionNotice } from './notice.ts';
import type { NoticeSettings } from './policy.ts';

export interface NoticesParts {
  readonly copies: Pick<Copies<SessionRecord>, 'get' | 'entries' | 'onChange' | 'onForget'>;
  readonly clock: Pick<Clock, 'soon' | 'monotonic'>;
  /** Where long work of others goes on as well. Left out: of its own. */
  readonly turns?: Turns | undefined;
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** Why a sign-on ended with which a session ends now; `undefined` where it is not known. */
  readonly signOnCause: (signOn: SsoId) => Cause | undefined;
  readonly log?: Log | undefined;
}

/** One application's listener. */
export interface Listening extends NoticeSettings {
  /** To make values again as the application has them. */
  readonly classes: Classes;
}

interface Listener {
  listening: Listening;
  /** While those are gone through that were here before it: whose beginning it has been told of already. */
  told: BucketedMap<true> | undefined;
  isGone: boolean;
}

/** Who listened to an application when it stopped. */
interface Leaving {
  readonly listeners: readonly Listener[];
  /** What is nothing to them any more: what has come since, or is used here anew since, and what they have heard go. */
  readonly past: BucketedMap<true>;
}

/** Sessions that one turn looks at for a new listener, and tells it of; fewer if that takes long. */
const foundAtOnce = 200;

export class SessionNotices {
  readonly #parts: NoticesParts;
  readonly #log: Log;
  readonly #turns: Turns;
  readonly #byApp = new Map<string, readonly Listener[]>();
  /** Of applications that are stopping, for each stop. */
  readonly #leaving = new Map<string, readonly Leaving[]>();
  /** Sessions that began on another node and whose data is to be here and has not come, by key; with the stamp of that owner and its buddies. */
  readonly #beginning = new BucketedMap<number>();

  /** Before whoever settles ends within a change: so a beginning is told before its end. */
  constructor(parts: NoticesParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLog;
    this.#turns = parts.turns ?? new Turns({ clock: parts.clock });
    parts.copies.onChange((change) => this.#changed(change));
    parts.copies.onForget((key, last) => this.#forgotten(key, last));
  }

  /**
   * The same listener of the same application is called once, however often it is given; the latest policy counts. One that hears
   * of copies is told of those that are here already, from the next turn on and some at a time: of each once, and before anything
   * else is told of it, whatever becomes of it meanwhile.
   */
  listen(app: string, listening: Listening): void {
    const known = this.#byApp.get(app) ?? [];
    const same = known.find((one) => one.listening.onEvent === listening.onEvent);
    const listener = same ?? { listening, told: undefined, isGone: false };
    listener.listening = listening;
    this.#byApp.set(app, [...known.filter((one) => one !== same), listener]);
    if (same !== undefined || !listening.policy.isForCopies) return;
    listener.told = new BucketedMap();
    const done = () => {
      if (!listener.isGone) listener.told = undefined;
    };
    this.#parts.clock.soon(() => this.#turns.run(this.#showAll(app, listener), foundAtOnce, done));
  }

  /**
   * The application stops here: who listens until now hears from now on only that its sessions go, of each once: let go of
   * (`undeploy`), taken over by another node, or ended as at any time. Of what begins or is used here anew from now on it hears
   * nothing. Who begins to listen meanwhile hears of an `undeploy` only where it has been told that the session is here: such a
   * beginning will be told once more. To be called back once they have gone: then nobody of those who leave hears anything any more.
   */
  leave(app: string): () => void {
    const leaving: Leaving = { listeners: this.#byApp.get(app) ?? [], past: new BucketedMap() };
    this.#byApp.delete(app);
    for (const listener of leaving.listeners) listener.isGone = true;
    this.#leaving.set(app, [...(this.#leaving.get(app) ?? []), leaving]);
    return () => {
      const left = this.#leaving.get(app)?.filter((one) => one !== leaving) ?? [];
      if (left.length > 0) this.#leaving.set(app, left);
      else this.#leaving.delete(app);
    };
  }

  *#showAll(app: string, listener: Listener): Generator<undefined> {
    for (const [key, session] of this.#parts.copies.entries()) {
      if (listener.isGone) return;
      if (session.state === 'live' && session.app === app) this.#show(key, session, listener);
      yield;
    }
  }

  /** Before anything else is told of it. */
  #show(key: string, session: LiveSession, listener: Listener): void {
    if (listener.told === undefined || listener.told.has(key)) return;
    listener.told.set(key, true);
    this.#tellOne(key, found(session, this.#here(session)), listener.listening);
  }

  /** The data of a session is about to go to this node's disk. */
  passivated(key: string, session: LiveSession): void {
    this.#moved(key, session, { kind: 'passivated', cause: 'passivation', used: this.#isUsed(session) });
  }

  /** It is back: a listener may read it. */
  activated(key: string, session: LiveSession): void {
    this.#moved(key, session, { kind: 'activated', cause: 'activation', used: this.#isUsed(session) });
  }

  #isUsed({ owner }: LiveSession): boolean {
    return owner === this.#parts.life;
  }

  #moved(key: string, session: LiveSession, event: Event): void {
    const meaning = { session, events: [event], data: undefined, end: undefined, signOnCause: undefined };
    this.#tell(key, session, () => meaning);
  }

  #changed(change: Change<SessionRecord>): void {
    const { before, after, key } = change;
    const session = before?.state === 'live' ? before : after;
    if (session.state !== 'live') return;
    if (before === undefined) for (const { told } of this.#byApp.get(session.app) ?? []) told?.set(key, true);
    const isBeginning = this.#isBeginning(change);
    this.#tell(key, session, () => meaningOf(change, { ...this.#here(session), isBeginning }));
  }

  /**
   * Where only some nodes have the data, it comes by itself, after the record: the first time to the buddies that were chosen at the
   * beginning. To any node that is named later it comes as it was.
   */
  #isBeginning({ key, before, after }: Change<SessionRecord>): boolean {
    if (before === undefined) {
      if (after.state === 'live' && this.#isAwaited(after)) this.#beginning.set(key, after.ownerStamp);
      return false;
    }
    const began = this.#beginning.size > 0 ? this.#beginning.get(key) : undefined;
    if (began === undefined) return false;
    const isSame = after.state === 'live' && after.ownerStamp === began;
    if (!isSame || !isAbsent(after)) this.#beginning.delete(key);
    return isSame;
  }

  #isAwaited(session: LiveSession): boolean {
    if (!isAbsent(session) || session.buddies?.includes(nodeOf(this.#parts.life)) !== true) return false;
    return this.#byApp.get(session.app)?.some(({ listening }) => listening.policy.isForCopies) === true;
  }

  #forgotten(key: string, last: SessionRecord): void {
    if (this.#beginning.size > 0) this.#beginning.delete(key);
    if (last.state === 'live') this.#tell(key, last, () => forgotten(last, this.#here(last)));
  }

  #here({ signOn }: LiveSession): Here {
    const { life, signOnCause } = this.#parts;
    return { life, isBeginning: false, signOnCause: () => (signOn === undefined ? undefined : signOnCause(signOn)) };
  }

  /** @param known the session as it was until now, or as it came */
  #tell(key: string, known: LiveSession, meant: () => Meaning | undefined): void {
    const listeners = this.#byApp.get(known.app);
    const leaving = this.#leaving.get(known.app);
    const meaning = (listeners ?? leaving) && meant();
    if (meaning === undefined) return;
    const heard = leaving === undefined ? [] : this.#tellLeaving(key, meaning, leaving);
    const isUndeploy = leaving !== undefined && meaning.events.some(({ cause }) => cause === 'undeploy');
    for (const listener of listeners ?? []) {
      if (isUndeploy ? !isTold(listener, key) : isSame(listener, heard)) continue;
      this.#show(key, known, listener);
      this.#tellOne(key, meaning, listener.listening);
    }
  }

  /** Returns who has been told. */
  #tellLeaving(key: string, meaning: Meaning, leaving: readonly Leaving[]): readonly SessionListener[] {
    const heard: SessionListener[] = [];
    const isBeginning = meaning.events.some(({ kind }) => kind === 'created');
    const isGoing = meaning.events.some(({ kind }) => kind === 'destroyed');
    if (!isBeginning && !isGoing) return heard;
    // Of a session that goes on, what was changed with it is the next node's.
    const going = meaning.data?.after === undefined ? meaning : { ...meaning, data: undefined };
    for (const { listeners, past } of leaving) {
      if (listeners.length === 0 || past.has(key)) continue;
      past.set(key, true);
      if (isBeginning) continue;
      for (const listener of listeners) {
        if (listener.told?.has(key) === false || isSame(listener, heard)) continue;
        this.#tellOne(key, going, listener.listening);
        heard.push(listener.listening.onEvent);
      }
    }
    return heard;
  }

  #tellOne(key: string, { session, events, data, end, signOnCause }: Meaning, listener: Listening): void {
    const { app, signOn } = session;
    const about = { app, session: key, signOn, end, signOnCause };
    for (const { kind, cause, used } of events) {
      const whole = { attribute: undefined, value: undefined, previous: undefined };
      this.#give(listener, { kind, cause, used, ...about, ...whole });
    }
    if (data === undefined || !(data.used || listener.policy.isForCopies)) return;
    const { cause, used } = data;
    for (const difference of this.#differences(app, data, listener))
      this.#give(listener, { cause, used, ...about, ...difference });
  }

  /** A listener gets values of its own: what it does to them concerns nobody else. */
  #differences(app: string, { before, after }: NonNullable<Meaning['data']>, { classes }: Listening) {
    try {
      return differences(before, after, classes);
    } catch (error) {
      this.#failed(app, error);
      return [];
    }
  }

  #give({ onEvent, policy }: Listening, notice: SessionNotice): void {
    try {
      if (!policy.allows(notice)) return;
      const given: unknown = onEvent(notice);
      if (given instanceof Promise) given.catch((error: unknown) => this.#failed(notice.app, error));
    } catch (error) {
      this.#failed(notice.app, error);
    }
  }

  #failed(app: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#log.error({ err: error, app }, `telling the application of its sessions failed: ${message}`);
  }
}

/** Whether it knows of the session by its beginning. Who hears of no copies is told of none that was there before it. */
function isTold({ told, listening }: Listener, key: string): boolean {
  return listening.policy.isForCopies && (told === undefined || told.has(key));
}

/** The same function, which an application that has begun again listens by: it has heard of this, and of its beginning once. */
function isSame({ listening: { onEvent, policy } }: Listener, heard: readonly SessionListener[]): boolean {
  return !policy.isForCopies && heard.includes(onEvent);
}
