/**
 * What applications want to be told when a session of theirs ends, on the node that served it. A handler
 * that throws fails alone: the session has ended, all others end too, and the receipt of the logout
 * names the application (V68).
 */

import type { Cause } from '../entry.ts';
import { type Log, silentLog } from '../log.ts';
import type { EndedApp } from '../logout/finality.ts';
import type { SsoId } from '../token.ts';
import { Classes } from './graph/classes.ts';
import { readAll } from './graph/tracker.ts';
import type { LiveSession, SessionCause } from './record.ts';

/** One session that ended. */
export interface SessionEnd {
  readonly app: string;
  /** SHA-256 of application and session id: it cannot be used as a cookie. */
  readonly session: string;
  /** The sign-on it lived off, a hash as well; `undefined`: it had none. */
  readonly signOn: string | undefined;
  /** `sign-on`: it ended with its sign-on, and `signOnCause` says why that did. */
  readonly cause: SessionCause;
  readonly signOnCause: Cause | undefined;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
  /** What the application had put into it, a copy. */
  readonly attributes: Record<string, unknown>;
}

/** Called once at the end of each session, after the fact: it can prevent nothing. */
export type EndHandler = (ended: SessionEnd) => void;

/** An end, as the table sees it. */
export interface EndSeen {
  readonly key: string;
  readonly session: LiveSession;
  readonly cause: SessionCause;
  readonly signOnCause?: Cause | undefined;
  readonly endedAt: number;
}

const noClasses = new Classes([]);
/** The most that is told of a failure, characters. */
const failureLength = 200;

export class EndHandlers {
  readonly #handlers = new Map<string, Map<EndHandler, Classes>>();
  readonly #log: Log;

  constructor(log: Log = silentLog) {
    this.#log = log;
  }

  /**
   * The same handler of the same application is called once, however often it is added.
   * @param classes whose instances it finds in the attributes
   */
  add(app: string, handler: EndHandler, classes = noClasses): void {
    const known = this.#handlers.get(app);
    if (known === undefined) this.#handlers.set(app, new Map([[handler, classes]]));
    else known.set(handler, classes);
  }

  /** The application has stopped here: whatever it closed over is let go of. */
  remove(app: string): void {
    this.#handlers.delete(app);
  }

  /** Tells the application. Returns what went wrong, in words. */
  run({ key, session, cause, signOnCause, endedAt }: EndSeen): string | undefined {
    const { app, signOn, data } = session;
    const handlers = this.#handlers.get(app);
    if (handlers === undefined) return undefined;
    let failure: string | undefined;
    for (const [handler, classes] of handlers) {
      try {
        const attributes = readAll(data, { classes });
        const end: SessionEnd = { app, session: key, signOn, cause, signOnCause, endedAt, attributes };
        const given: unknown = handler(end);
        if (given instanceof Promise) given.catch((error: unknown) => this.#failed(app, signOn, error));
      } catch (error) {
        failure ??= this.#failed(app, signOn, error);
      }
    }
    return failure;
  }

  #failed(app: string, signOn: SsoId | undefined, error: unknown): string {
    this.#log.error({ err: error, app, signOn }, 'the handler of the end of a session failed; the session has ended');
    const message = error instanceof Error ? error.message || error.name : String(error);
    return message.slice(0, failureLength) || 'failed';
  }
}

/** Sums up what ended, by application. */
export class EndedApps {
  readonly #apps = new Map<string, { sessions: number; failures: number; first: string | undefined }>();

  note(app: string, failure: string | undefined): void {
    const known = this.#apps.get(app) ?? { sessions: 0, failures: 0, first: undefined };
    known.sessions++;
    if (failure !== undefined) known.failures++;
    known.first ??= failure;
    this.#apps.set(app, known);
  }

  all(): readonly EndedApp[] {
    return [...this.#apps].map(([app, { sessions, failures, first }]) => ({
      app,
      sessions,
      failure: first !== undefined && failures > 1 ? `${first} (and ${failures - 1} more)` : first,
    }));
  }
}
