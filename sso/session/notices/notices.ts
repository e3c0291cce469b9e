/**
 * Tells applications what happens to their sessions on this node. It follows the replicated records by
 * itself, so that no request, merge or sweep can forget to say something; only what never leaves a node,
 * passivation, is said by who does it. Where no application listens, a change costs one look; attributes
 * are compared only for a listener that may hear of them.
 */

import type { Clock } from '../../clock.ts';
import type { Cause } from '../../entry.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Change } from '../../gossip/lattice.ts';
import { type Log, silentLog } from '../../log.ts';
import type { SsoId } from '../../token.ts';
import type { Classes } from '../graph/classes.ts';
import type { LiveSession, SessionRecord } from '../record.ts';
import { differences } from './differences.ts';
import { type Event, forgotten, found, type Here, type Meaning, meaningOf } from './meaning.ts';
import type { SessionNotice } from './notice.ts';
import type { NoticeSettings } from './policy.ts';

export interface NoticesParts {
  readonly copies: Pick<Copies<SessionRecord>, 'get' | 'entries' | 'onChange' | 'onForget'>;
  readonly clock: Pick<Clock, 'soon'>;
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

interface Listener extends Listening {
  /** Sessions that were here before it, and that it has not been told of yet. */
  readonly found: Set<string>;
}

/** Sessions that one turn tells a new listener of. */
const foundAtOnce = 200;

export class SessionNotices {
  readonly #parts: NoticesParts;
  readonly #log: Log;
  readonly #byApp = new Map<string, Listener[]>();

  /** Before whoever settles ends within a change: so a beginning is told before its end. */
  constructor(parts: NoticesParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLog;
    parts.copies.onChange((change) => this.#changed(change));
    parts.copies.onForget((key, last) => this.#forgotten(key, last));
  }

  /**
   * The same listener of the same application is called once, however often it is given; the latest policy counts. One that hears
   * of copies is told of those that are here already, some at a time.
   */
  listen(app: string, listening: Listening): void {
    const known = this.#byApp.get(app) ?? [];
    const same = known.find(({ onEvent }) => onEvent === listening.onEvent);
    const listener: Listener = { ...listening, found: same?.found ?? new Set() };
    this.#byApp.set(app, [...known.filter((one) => one !== same), listener]);
    if (same !== undefined || !listening.policy.isForCopies) return;
    for (const [key, session] of this.#parts.copies.entries())
      if (session.state === 'live' && session.app === app) listener.found.add(key);
    if (listener.found.size > 0) this.#parts.clock.soon(() => this.#showFound(listener));
  }

  /** The application has stopped here: nobody listens any more, until it begins again. */
  forget(app: string): void {
    for (const { found } of this.#byApp.get(app) ?? []) found.clear();
    this.#byApp.delete(app);
  }

  #showFound(listener: Listener): void {
    let shown = 0;
    for (const key of listener.found) {
      if (++shown > foundAtOnce) {
        this.#parts.clock.soon(() => this.#showFound(listener));
        return;
      }
      const session = this.#parts.copies.get(key);
      if (session?.state === 'live') this.#show(key, session, listener);
      else listener.found.delete(key);
    }
  }

  /** Before anything else is told of it. */
  #show(key: string, session: LiveSession, listener: Listener): void {
    if (listener.found.delete(key)) this.#tellOne(key, found(session, this.#here(session)), listener);
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
    if (session.state === 'live') this.#tell(key, session, () => meaningOf(change, this.#here(session)));
  }

  #forgotten(key: string, last: SessionRecord): void {
    if (last.state === 'live') this.#tell(key, last, () => forgotten(last, this.#here(last)));
  }

  #here({ signOn }: LiveSession): Here {
    const { life, signOnCause } = this.#parts;
    return { life, signOnCause: () => (signOn === undefined ? undefined : signOnCause(signOn)) };
  }

  /** @param known the session as it was until now, or as it came */
  #tell(key: string, known: LiveSession, meant: () => Meaning | undefined): void {
    const listeners = this.#byApp.get(known.app);
    const meaning = listeners && meant();
    if (meaning === undefined) return;
    for (const listener of listeners ?? []) {
      this.#show(key, known, listener);
      this.#tellOne(key, meaning, listener);
    }
  }

  #tellOne(key: string, { session, events, data, end, signOnCause }: Meaning, listener: Listener): void {
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
