/**
 * HTTP Basic (RFC 7617) beside the sign-on. The credentials decide: another user's replace the sign-on of
 * the cookie, one's own change nothing. A client without cookies sends them with every request, so it
 * shares one sign-on by user and source, and its password is not checked anew each time: what was proven
 * is remembered for a minute, by an HMAC under a key that only this process has. No password is kept.
 */

import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import type { RefusalReason } from '../audit/events.ts';
import { configError } from '../errors.ts';
import type { SsoId } from '../token.ts';
import { attempt } from './attempt.ts';
import { type Authenticate, authenticationLimitMs, type Credentials } from './authentication.ts';
import { DerivedCache } from './derived-cache.ts';
import type { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';

/** How long a proven password is believed without asking again, milliseconds. Smaller: a changed one is noticed sooner; larger: fewer questions. */
export const provenMs = 60_000;
const maxProven = 10_000;

export interface BasicOptions {
  /** What the browser's window shows. Printable ASCII. */
  readonly realm: string;
  readonly authenticate: Authenticate;
}

/** `pass`: go on with the sign-on as it is now. */
export type BasicVerdict = 'pass' | 'refused' | 'busy' | 'failed' | { readonly retryAfterMs: number };

interface Proven {
  readonly name: string;
  readonly signOn: SsoId;
  /** By the monotonic clock. */
  readonly until: number;
}

export class BasicSignOns {
  readonly #parts: ValveParts;
  readonly #authenticate: Authenticate;
  readonly #key: Uint8Array;
  readonly #proven: DerivedCache<Proven>;
  readonly #proving = new Map<string, Promise<unknown>>();

  constructor(parts: ValveParts, options: BasicOptions) {
    checkRealm(options.realm);
    this.#parts = parts;
    this.#authenticate = options.authenticate;
    this.#key = parts.random.bytes(32);
    this.#proven = new DerivedCache(parts.clock, maxProven);
  }

  /** Carries out what the request's Authorization says; without one, or with another scheme's, nothing. */
  async apply(req: Request, sso: RequestSso): Promise<BasicVerdict> {
    const credentials = parseBasic(req.headers.authorization);
    if (credentials === undefined) return 'pass';
    if (credentials === 'malformed') return 'refused';
    const own = sso.inForce()?.name;
    if (own === credentials.username) return 'pass';
    const key = this.#keyOf(credentials, req.ip ?? '');
    // Requests of one client that come at once wait for the first, rather than check and open each on its own.
    while (this.#proving.has(key)) await this.#proving.get(key);
    const proven = this.#proven.get(key);
    if (proven !== undefined && this.#parts.clock.monotonic() < proven.until) {
      if (proven.name === own || this.#share(req, sso, proven)) return 'pass';
    }
    const proving = this.#prove(req, sso, credentials, key, proven).finally(() => this.#proving.delete(key));
    this.#proving.set(
      key,
      proving.catch(() => {}),
    );
    return proving;
  }

  async #prove(
    req: Request,
    sso: RequestSso,
    credentials: Credentials,
    key: string,
    before: Proven | undefined,
  ): Promise<BasicVerdict> {
    const { clock } = this.#parts;
    const refused = (reason: RefusalReason) =>
      sso.parts.audit.refused({ reason, user: credentials.username, how: 'basic', source: sso.source });
    if (!(await sso.mayOpen())) {
      refused('unavailable');
      return 'failed';
    }
    const outcome = await attempt(this.#parts, sso, req, credentials, {
      authenticate: this.#authenticate,
      limitMs: authenticationLimitMs,
      // This very name, password and source were right before: strangers cannot hold it up.
      proof: before && key,
    });
    if (outcome.kind === 'throttled') {
      refused('throttled');
      return outcome;
    }
    if (outcome.kind !== 'principal') {
      if (outcome.kind === 'refused') refused('credentials');
      else refused(outcome.why === 'busy' ? 'busy' : 'authenticator-failed');
      return outcome.kind === 'failed' && outcome.why === 'busy' ? 'busy' : outcome.kind;
    }
    const { principal } = outcome;
    const isOwn = sso.inForce()?.name === principal.name;
    const isShared = !isOwn && before?.name === principal.name && this.#share(req, sso, before);
    if (!isOwn && !isShared && !(await sso.sign(principal, 'basic'))) return 'refused';
    const { id, entry } = sso;
    if (id !== undefined && entry !== undefined) {
      this.#proven.set(
        key,
        { name: principal.name, signOn: id, until: clock.monotonic() + provenMs },
        entry.endsAt - clock.now(),
      );
    }
    return 'pass';
  }

  /** For a request without any SSO cookie: the sign-on that an earlier one of this client opened, if it is still open. */
  #share(req: Request, sso: RequestSso, proven: Proven): boolean {
    if (sso.presented > 0 || sso.inForce() !== undefined) return false;
    const look = this.#parts.registry.look(proven.signOn);
    if (look.state !== 'open' || !this.#parts.finality.mayAccept()) return false;
    sso.recognise(proven.signOn, look.entry);
    this.#parts.registry.touch(proven.signOn, this.#parts.settings.countsAsActivity(req));
    return true;
  }

  #keyOf({ username, password }: Credentials, source: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([username, password, source]))
      .digest('base64url');
  }
}

/** RFC 7617 2: `undefined` if this is no Basic at all. */
export function parseBasic(header: string | undefined): Credentials | 'malformed' | undefined {
  if (header === undefined || !/^basic( |$)/i.test(header)) return undefined;
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return 'malformed';
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'));
    const colon = text.indexOf(':');
    // RFC 7617 2: no control characters in either.
    if (colon === -1 || /\p{Cc}/u.test(text)) return 'malformed';
    return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return 'malformed';
  }
}

export function basicChallenge(realm: string): string {
  return `Basic realm="${realm.replace(/["\\]/g, '\\$&')}", charset="UTF-8"`;
}

function checkRealm(realm: string): void {
  if (typeof realm !== 'string' || !/^[\x20-\x7e]{1,200}$/.test(realm)) {
    throw configError('basic.realm', 'must be 1 to 200 printable ASCII characters');
  }
}
