/**
 * The kinds of connections that outlive the request that opened them, behind one face: a WebSocket as
 * `ws` makes it, a response that streams, an AbortController, and anything else with a `close`. Each is
 * closed in its own words, and says when it is gone by itself.
 */

import type { ServerResponse } from 'node:http';
import { SsoError } from '../errors.ts';

/** Why a connection is closed: a close code of WebSockets (RFC 6455, 7.4), and one word. */
export interface Ending {
  /**
   * 4401: the sign-on has ended, and the cause says how. 4503: this node may not serve sign-ons now, another one can.
   * 1012: this node stops (IANA's registry of close codes: service restart).
   */
  readonly code: 4401 | 4503 | 1012;
  readonly cause: string;
}

/** Whatever can be closed with a code and a word; an EventEmitter's or EventTarget's `close` says that it is gone. */
export interface Closes {
  close(code: number, cause: string): unknown;
}

/** What lives off a sign-on without being a session. */
export type LongLivedConnection = ServerResponse | AbortController | Closes;

export const closableKinds = ['socket', 'response', 'work'] as const;
export type ClosableKind = (typeof closableKinds)[number];

/** One connection, whatever it is. */
export interface Closable {
  readonly kind: ClosableKind;
  /** Whether it was over before anybody listened. */
  readonly isGone: boolean;
  /** Calls `gone` when it ends by itself or has been closed. Returns what takes the listener back. */
  onGone(gone: () => void): () => void;
  /** Lets through what the other side sends as long as `mayPass`, judged for each message; for what can't be held back it does nothing. */
  gate(mayPass: () => boolean): void;
  close(ending: Ending): void;
  /** Ends what was closed and is still there: the other side may not answer. */
  cut(): void;
}

export function closable(given: LongLivedConnection): Closable {
  if (given instanceof AbortController) return work(given);
  return 'writeHead' in given ? response(given) : closes(given);
}

function work(controller: AbortController): Closable {
  const { signal } = controller;
  return {
    kind: 'work',
    isGone: signal.aborted,
    onGone(gone) {
      signal.addEventListener('abort', gone, { once: true });
      return () => signal.removeEventListener('abort', gone);
    },
    gate() {},
    close: ({ code, cause }) =>
      controller.abort(
        code === 4401
          ? new SsoError('ERR_NOT_SIGNED_IN', `the sign-on has ended: ${cause}`)
          : new SsoError('ERR_UNAVAILABLE', `this node does not serve it any longer: ${cause}`),
      ),
    cut() {},
  };
}

function response(res: ServerResponse): Closable {
  return {
    kind: 'response',
    isGone: res.writableEnded || res.destroyed,
    onGone(gone) {
      res.once('close', gone);
      return () => res.off('close', gone);
    },
    gate() {},
    close: (ending) => endResponse(res, ending),
    cut: () => void res.destroy(),
  };
}

/**
 * An event stream hears of the end by a last event, `signed-off`, whose data is the cause; without it a browser's
 * EventSource connects again, which is right in every other case.
 */
function endResponse(res: ServerResponse, { code, cause }: Ending): void {
  if (res.writableEnded || res.destroyed) return;
  // An application that goes on writing gets an error event, which would end the process if nobody listened.
  res.on('error', () => {});
  if (!res.headersSent) {
    res.statusCode = code === 4401 ? 401 : 503;
    res.setHeader('Cache-Control', 'no-store');
    if (code !== 4401) res.setHeader('Retry-After', '1');
  } else if (code === 4401 && isEventStream(res)) {
    // The empty lines end an event that the application has left half written.
    res.write(`\n\nevent: signed-off\ndata: ${cause}\n\n`);
  }
  res.end();
}

function isEventStream(res: ServerResponse): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(String(res.getHeader('Content-Type')));
}

/** What some of those that close have besides: `ws` all of it. */
interface MoreThanCloses extends Closes {
  readonly readyState?: unknown;
  once?(event: 'close', listener: () => void): unknown;
  off?(event: 'close', listener: () => void): unknown;
  addEventListener?(event: 'close', listener: () => void): unknown;
  removeEventListener?(event: 'close', listener: () => void): unknown;
  emit?(event: string | symbol, ...values: unknown[]): boolean;
  terminate?(): unknown;
}

/** WebSocket.CLOSED */
const closedState = 3;

function closes(given: MoreThanCloses): Closable {
  return {
    kind: 'readyState' in given ? 'socket' : 'work',
    isGone: given.readyState === closedState,
    onGone(gone) {
      if (given.once !== undefined) {
        given.once('close', gone);
        return () => void given.off?.('close', gone);
      }
      given.addEventListener?.('close', gone);
      return () => void given.removeEventListener?.('close', gone);
    },
    gate(mayPass) {
      const emit = given.emit?.bind(given);
      if (emit === undefined) return;
      given.emit = (event, ...values) => (event !== 'message' || mayPass()) && emit(event, ...values);
    },
    close: ({ code, cause }) => void given.close(code, cause),
    cut: () => void given.terminate?.(),
  };
}
