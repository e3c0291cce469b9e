/**
 * A node as balancers have to do with it: the cookies by which they find it, the rest by which they are told
 * to leave it alone, and the probe by which a program sees what they make of all that.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RequestHandler } from 'express';
import type { Clock } from '../clock.ts';
import { configError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import type { HookNode, SignOnHook } from '../valve/settings.ts';
import { Probe, type ProbeParts } from './probe.ts';
import type { ProbedCookies, SessionCookieNote, StickyCookieNote } from './probe-answer.ts';
import { answerUpgrade } from './probe-upgrade.ts';
import { Rest } from './rest.ts';
import type { AjpView } from './saw.ts';
import { keepRoute, type StickyRouteOptions, stickyCookieOf } from './sticky-route.ts';

export interface BalancedParts extends Pick<ProbeParts, 'standing' | 'members'> {
  readonly keys: Pick<Keys, 'probe'>;
  readonly clock: Clock;
  readonly route: string;
  /** Whether the node opens sign-ons now. */
  readonly mayOpen: () => boolean;
  /** The SSO cookie. */
  readonly cookie: ProbedCookies['sso'];
  readonly settings: HookNode['settings'] & { readonly onSignOn: readonly SignOnHook[] };
  readonly ajpOf: AjpView;
  /** A rest was asked for, by whom. */
  readonly onRest: (forMs: number, by: string | undefined) => void;
}

export class Balanced {
  readonly #parts: BalancedParts;
  readonly #rest: Rest;
  readonly #probe: Probe;
  readonly #sessions = new Map<string, SessionCookieNote>();
  readonly #kept = new Map<string, StickyCookieNote>();

  constructor(parts: BalancedParts) {
    const { keys, clock, route: node, standing, members, ajpOf } = parts;
    this.#parts = parts;
    this.#rest = new Rest(clock);
    this.#probe = new Probe({
      ...{ keys: keys.probe, clock, node, standing, members, ajpOf },
      cookies: () => this.#cookies(),
      rest: (forMs) => this.rest(forMs, 'probe'),
    });
  }

  /** How much longer `readyz` says no, milliseconds. */
  get restsForMs(): number {
    return this.#rest.remainingMs;
  }

  /** Whether browsers should be led here: not while the node drains, rests, or may accept nobody. */
  takesNew(): boolean {
    return this.#parts.mayOpen() && this.restsForMs === 0;
  }

  /** @throws SsoError ERR_CONFIG_INVALID */
  rest(forMs: number, by: string | undefined): void {
    if (!Number.isSafeInteger(forMs) || forMs < 0)
      throw configError('rest', 'must be a whole number of milliseconds, 0 or more');
    this.#parts.onRest(forMs, by);
    this.#rest.begin(forMs);
  }

  /** An application has mounted its sessions, with this cookie. */
  noteSessions(cookie: SessionCookieNote): void {
    this.#sessions.set(keyOf(cookie), cookie);
  }

  /** It has stopped: a balancer need not look at its cookie. */
  forgetSessions(app: string): void {
    for (const [key, cookie] of this.#sessions) if (cookie.app === app) this.#sessions.delete(key);
  }

  keepRoute(options: StickyRouteOptions): RequestHandler {
    const onMounted = (cookie: StickyCookieNote) => void this.#kept.set(keyOf(cookie), cookie);
    return keepRoute({ node: this.#parts, takesNew: () => this.takesNew(), onMounted }, options);
  }

  probe(): RequestHandler {
    return (req, res, next) => this.#probe.handle(req, res, next);
  }

  probeUpgrade(req: IncomingMessage, socket: Duplex): boolean {
    return answerUpgrade(this.#probe, req, socket);
  }

  #cookies(): ProbedCookies {
    const { cookie: sso, settings } = this.#parts;
    const hooked = settings.onSignOn.flatMap((hook) => stickyCookieOf(hook) ?? []);
    const sticky = new Map([...hooked.map((cookie) => [keyOf(cookie), cookie] as const), ...this.#kept]);
    return { sso, sessions: [...this.#sessions.values()], sticky: [...sticky.values()] };
  }
}

/** Of cookies that are mounted many times each is told once. */
const keyOf = (cookie: SessionCookieNote | StickyCookieNote) => JSON.stringify(Object.entries(cookie));
