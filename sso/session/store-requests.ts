/** What a store remembers of the requests that use it, for as long as each of them lives. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SsoId } from '../token.ts';
import type { SessionData } from './data/session-data.ts';
import type { Draft } from './draft.ts';

/** Express puts the response there. */
export type StoreRequest = IncomingMessage & { session?: object; sessionID: string; res?: ServerResponse };

/** What a request was given of a session, or has saved of it last: only what it changed is written, and what others changed meanwhile stays. */
export interface Given {
  readonly key: string;
  readonly draft: Draft;
  readonly seen: SessionData | undefined;
  /** The settings of its cookie. */
  readonly cookie: string | undefined;
}

/** An anonymous session's content, on its way to a new id in a request that is signed on. */
export interface Moving {
  readonly key: string;
  /** As the request was given it, until a session was made of it. */
  given: SessionData | undefined;
  /** The request's present session was made of this. */
  taken: SessionData | undefined;
}

interface Remembered {
  /** That of the request when its session was made: if it ends meanwhile, the session is not saved (V67). */
  signOn: SsoId | undefined;
  given: Given | undefined;
  moving: Moving | undefined;
  /** The key of a session that has ended for the one that the request has now, which takes no more room than that did. */
  replaced: string | undefined;
}

/** Outside a request nothing is remembered. */
export class StoreRequests {
  readonly #of = new WeakMap<object, Remembered>();

  /** The request's session was made, with this sign-on. */
  made(req: IncomingMessage, signOn: SsoId | undefined): void {
    this.#remembered(req).signOn = signOn;
  }

  signOnOf(req: IncomingMessage): SsoId | undefined {
    return this.#of.get(req)?.signOn;
  }

  gave(req: IncomingMessage, given: Given): void {
    this.#remembered(req).given = given;
  }

  /** What the request has of the session with this key. */
  givenTo(req: IncomingMessage | undefined, key: string): Given | undefined {
    const given = req && this.#of.get(req)?.given;
    return given?.key === key ? given : undefined;
  }

  moves(req: IncomingMessage, key: string, given: SessionData): void {
    this.#remembered(req).moving = { key, given, taken: undefined };
  }

  movingIn(req: IncomingMessage | undefined): Moving | undefined {
    return req && this.#of.get(req)?.moving;
  }

  /** The request makes a session: what moves is taken into it, and the next session of the same request begins empty. */
  take(req: IncomingMessage): SessionData | undefined {
    const moving = this.movingIn(req);
    if (moving === undefined) return undefined;
    moving.taken = moving.given;
    moving.given = undefined;
    return moving.taken;
  }

  replaces(req: IncomingMessage, key: string): void {
    this.#remembered(req).replaced = key;
  }

  /** The key of what the request's new session takes the place of. */
  replacedIn(req: IncomingMessage | undefined): string | undefined {
    return req && this.#of.get(req)?.replaced;
  }

  /** The request's session is written. */
  wrote(req: IncomingMessage, given: Given): void {
    this.gave(req, given);
    this.#remembered(req).replaced = undefined;
  }

  #remembered(req: IncomingMessage): Remembered {
    let remembered = this.#of.get(req);
    if (remembered === undefined) {
      remembered = { signOn: undefined, given: undefined, moving: undefined, replaced: undefined };
      this.#of.set(req, remembered);
    }
    return remembered;
  }
}

/** Whether it is the session of this request, which may look at others as well. Who uses a store without express-session names none. */
export function isOwn(req: IncomingMessage, id: string): boolean {
  const { sessionID } = req as Partial<StoreRequest>;
  return sessionID === undefined || sessionID === id;
}
