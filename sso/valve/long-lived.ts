/**
 * Connections that live off a sign-on and outlast the request that opened them: WebSockets, event
 * streams, work that is under way. They end when a request would no longer be let in: with the sign-on,
 * however and wherever it ends (V67); when this node may not say yes any more, since a logout that it
 * cannot hear of is complete as soon as its leases have run out, so there is no grace (FINAL-LOGOUT.md,
 * S1 and S4); and with this node. Each is closed once, and one that is gone is let go of.
 *
 * There are three ways to notice, of which any one would do most of the time: the registry tells of every
 * closing in the turn in which it is merged; a pulse looks at what has ended by the clock alone; and each
 * message of a WebSocket is judged before the application sees it, so that a process that was stopped
 * and goes on does not serve what had come meanwhile.
 */

import { type Cancel, type Clock, every } from '../clock.ts';
import type { Cause } from '../entry.ts';
import { SsoError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Registry } from '../registry.ts';
import type { SsoId } from '../token.ts';
import { type Closable, type ClosableKind, closable, type Ending, type LongLivedConnection } from './closable.ts';
import { RequestSso } from './request.ts';
import type { Sso } from './sso.ts';

export { closableKinds, type LongLivedConnection } from './closable.ts';

export interface LongLivedParts {
  readonly registry: Pick<Registry, 'look' | 'onClosed'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this node may accept a sign-on at this instant: its leases, read at every use. */
  readonly mayAccept: () => boolean;
}

/** For metrics. */
export interface LongLivedView {
  readonly open: Readonly<Record<ClosableKind, number>>;
  /** How many were closed from here, by cause. */
  readonly closed: Readonly<Record<string, number>>;
}

/** Between looks at the clock and at the leases, milliseconds: a connection outlives its sign-on's `endsAt` by no more. */
const pulseMs = 500;
/** How long the other side has to answer a close before the connection is cut, milliseconds. */
const closingMs = 1_000;

interface Held {
  /** `undefined`: something in front of this node vouches for the user (V26), and there is no entry. */
  readonly id: SsoId | undefined;
  readonly connection: Closable;
  state: 'held' | 'closing' | 'released';
  readonly stopListening: () => void;
  /** Lets go of it without closing it. */
  readonly forget: () => void;
}

export class LongLived {
  readonly #parts: LongLivedParts;
  readonly #held = new Map<SsoId | undefined, Set<Held>>();
  readonly #byConnection = new WeakMap<LongLivedConnection, Held>();
  readonly #open: Record<ClosableKind, number> = { socket: 0, response: 0, work: 0 };
  readonly #closed = new Map<string, number>();
  #stopPulse: Cancel | undefined;
  #restarting = false;

  constructor(parts: LongLivedParts) {
    this.#parts = parts;
    parts.registry.onClosed(({ id, cause }) => this.#endAll(id, signedOff(cause)));
  }

  /**
   * Closes `given` when the sign-on ends, when this node may not serve it any longer, or when the node stops; at once, if
   * that is so already. Returns what lets go of it again. Given twice, the later sign-on counts.
   * @throws SsoError ERR_CONFIG_INVALID this is no sign-on of a request or an upgrade
   */
  closeWith(sso: Sso, given: LongLivedConnection): () => void {
    if (!(sso instanceof RequestSso))
      throw new SsoError(
        'ERR_CONFIG_INVALID',
        'closeWith takes the sign-on of a request: req.sso, or what fromUpgrade gives',
      );
    const before = this.#byConnection.get(given);
    if (before?.state === 'held' && before.id === sso.id) return before.forget;
    before?.forget();
    const connection = closable(given);
    if (connection.isGone) return () => {};
    const held = this.#hold(sso.id, given, connection);
    const ending = this.#endingOf(sso);
    if (ending === undefined) return held.forget;
    // The handler that gives a response may be about to write its headers: it is let finish first.
    if (connection.kind === 'response') this.#parts.clock.soon(() => this.#end(held, ending));
    else this.#end(held, ending);
    return held.forget;
  }

  /** Why a connection of this request may not be opened at all. */
  #endingOf(sso: RequestSso): Ending | undefined {
    if (sso.unsure === 'cut-off') return { code: 4503, cause: 'unavailable' };
    return sso.inForce() === undefined ? signedOff('not-signed-in') : this.#verdict(sso.id);
  }

  /** Looks at all of them: for when the leases may have changed. The pulse does the same. */
  check(): void {
    for (const id of [...this.#held.keys()]) {
      const ending = this.#verdict(id);
      if (ending !== undefined) this.#endAll(id, ending);
    }
  }

  /** This node drains or stops: all are closed, now and from now on, so that their other sides go to another node. */
  restart(): void {
    this.#restarting = true;
    this.check();
  }

  /** Lets go of all without a word, as a crash would. */
  abandon(): void {
    for (const held of [...this.#held.values()].flatMap((set) => [...set])) held.forget();
  }

  view(): LongLivedView {
    return { open: { ...this.#open }, closed: Object.fromEntries(this.#closed) };
  }

  #verdict(id: SsoId | undefined): Ending | undefined {
    const { registry, mayAccept } = this.#parts;
    const look = id === undefined ? undefined : registry.look(id);
    if (look?.state === 'over') return signedOff(look.cause);
    if (look?.state === 'unknown') return signedOff('expired'); // only what is over is forgotten
    if (this.#restarting) return { code: 1012, cause: 'restart' };
    return look === undefined || mayAccept() ? undefined : { code: 4503, cause: 'unavailable' };
  }

  #hold(id: SsoId | undefined, given: LongLivedConnection, connection: Closable): Held {
    const held: Held = {
      id,
      connection,
      state: 'held',
      stopListening: connection.onGone(() => held.forget()),
      forget: () => {
        if (this.#letGo(held)) held.state = 'released';
      },
    };
    const siblings = this.#held.get(id);
    if (siblings === undefined) this.#held.set(id, new Set([held]));
    else siblings.add(held);
    this.#byConnection.set(given, held);
    this.#open[connection.kind] += 1;
    this.#stopPulse ??= every(this.#parts.clock, pulseMs, () => this.check());
    connection.gate(() => this.#mayPass(held));
    return held;
  }

  /** `false`: it was let go of before. */
  #letGo(held: Held): boolean {
    const siblings = this.#held.get(held.id);
    if (!siblings?.delete(held)) return false;
    held.stopListening();
    this.#open[held.connection.kind] -= 1;
    if (siblings.size === 0) this.#held.delete(held.id);
    if (this.#held.size === 0) {
      this.#stopPulse?.();
      this.#stopPulse = undefined;
    }
    return true;
  }

  #mayPass(held: Held): boolean {
    if (held.state !== 'held') return held.state === 'released';
    const ending = this.#verdict(held.id);
    if (ending === undefined) return true;
    this.#endAll(held.id, ending);
    return false;
  }

  #endAll(id: SsoId | undefined, ending: Ending): void {
    for (const held of [...(this.#held.get(id) ?? [])]) this.#end(held, ending);
  }

  #end(held: Held, ending: Ending): void {
    const { clock, log } = this.#parts;
    const { connection } = held;
    if (!this.#letGo(held)) return;
    held.state = 'closing';
    this.#closed.set(ending.cause, (this.#closed.get(ending.cause) ?? 0) + 1);
    connection.onGone(clock.after(closingMs, () => connection.cut()));
    try {
      connection.close(ending);
    } catch (error) {
      log.error({ err: error }, 'a long-lived connection could not be closed');
      connection.cut();
    }
  }
}

function signedOff(cause: Cause | 'not-signed-in'): Ending {
  return { code: 4401, cause };
}
