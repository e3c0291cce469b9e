/**
 * Guessing is slowed, counted by the cluster (T13). An attempt reserves before the password is looked at,
 * the reservation travels, and only when the other nodes hold it the sum is looked at again: it goes on if
 * the sum, its own part and everybody's reservations included, is within the budget. Of any attempts that
 * pass, the one that decided last saw all others, so no more pass than the budget has (check 32), in
 * whatever order frames come. Where reservations of several nodes are too many together, those of the lives
 * that come later by name are given back and wait; so the first always goes on, and nobody is refused for
 * attempts that turn out to be right. A node that is cut off counts alone, and the counts add up afterwards.
 *
 * Only failures stay counted. There is no lock: a stranger waits, and who has signed on from this browser
 * before, or is signed on, has a count of their own that strangers cannot touch (check 34).
 */

import type { Clock } from '../clock.ts';
import type { Copies, Gossip } from '../gossip/copies.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { type Budget, ladder, rate } from './budget.ts';
import type { Cell } from './cell.ts';
import { accountForm, isInside, sourceForm } from './forms.ts';
import { KnownBrowsers } from './known-browser.ts';
import { Ledger, type Place, type Taken } from './ledger.ts';
import { maxWaiting, storedMs, type ThrottleLimits, trustedMs, waitMs } from './limits.ts';

export interface ThrottleParts {
  readonly cells: Copies<Cell>;
  readonly gossip: Pick<Gossip, 'stored'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Pick<Keys, 'throttle'>;
  /** `node:incarnation`. */
  readonly life: string;
  readonly limits: ThrottleLimits;
  readonly allowInsecureCookie: boolean;
  readonly log: Pick<Log, 'warn'>;
}

/** Who wants to have a password looked at. */
export interface Asking {
  /** As it was sent. */
  readonly name: string;
  /** The client's address, by the host's trust proxy setting. */
  readonly address: string | undefined;
  /** The Cookie header. */
  readonly cookie: string | undefined;
  /** What only somebody who signed on to this account before can show, if they show it: counted by itself, as a known browser is. */
  readonly proof?: string | undefined;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly attempt: Attempt }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

/** An attempt that goes on. What is never ended counts as failed after a minute. */
export interface Attempt {
  /** `undecided`: nobody learnt whether the password is right. Only the first call counts. */
  end(outcome: 'failed' | 'succeeded' | 'undecided'): void;
}

/** What is told where only attempts that are under way stand in the way, milliseconds. */
const soonMs = 1_000;

type Verdict =
  | { readonly kind: 'yes' }
  /** Attempts without an outcome stand in the way; `yield`: of lives before this one, or too many of this one. */
  | { readonly kind: 'wait' | 'yield'; readonly by: Place }
  | { readonly kind: 'no'; readonly retryAfterMs: number; readonly by: Place };

export class Throttle {
  readonly #parts: ThrottleParts;
  readonly #ledger: Ledger;
  readonly #browsers: KnownBrowsers;
  readonly #account: Budget;
  readonly #source: Budget;
  readonly #trust: Budget;
  readonly #all: Place;
  readonly #waiting = new Map<string, Set<() => void>>();
  #waitingCount = 0;
  #warned = false;

  constructor(parts: ThrottleParts) {
    const { cells, clock, random, keys, life, limits, allowInsecureCookie } = parts;
    this.#parts = parts;
    const now = () => clock.now();
    this.#ledger = new Ledger({ cells, life, now, key: keys.throttle[0]!, maxKeys: limits.maxKeys });
    this.#browsers = new KnownBrowsers({
      keys: keys.throttle,
      random,
      now,
      lifeMs: limits.knownBrowserMs,
      allowInsecureCookie,
    });
    this.#account = ladder(limits.account);
    this.#source = rate(limits.source);
    this.#trust = { windowMs: trustedMs, roomFor: () => ({ room: Number.POSITIVE_INFINITY, retryAfterMs: 0 }) };
    this.#all = this.#ledger.place('all', '', rate(limits.all));
    cells.onChange(({ key }) => this.#changed(key.slice(0, key.lastIndexOf('.'))));
  }

  /** Whether a password may be looked at now; waits for other nodes, and for attempts that are under way. Never rejects. */
  async admit(asking: Asking): Promise<Admission> {
    const { clock, gossip } = this.#parts;
    const places = this.#placesOf(asking);
    const deadline = clock.monotonic() + waitMs;
    for (;;) {
      const before = this.#judge(places, 'asks');
      if (before.kind === 'no') return this.#refused(before, asking);
      if (before.kind !== 'yes') {
        if (await this.#change(before.by, deadline)) continue;
        return { kind: 'throttled', retryAfterMs: soonMs };
      }
      const taken = this.#ledger.take(places);
      await gossip.stored('all', storedMs);
      const verdict = await this.#decide(places, deadline);
      if (verdict.kind === 'yes') return { kind: 'admitted', attempt: this.#attempt(taken, asking) };
      this.#ledger.end(taken, 'returned');
      if (verdict.kind === 'no') return this.#refused(verdict, asking);
      if (verdict.kind === 'wait') return { kind: 'throttled', retryAfterMs: soonMs };
    }
  }

  /** The Set-Cookie line after a success: from now on this browser is known to the account. */
  remember(name: string, cookie: string | undefined): string | undefined {
    return this.#browsers.issue(cookie, this.#accountOf(name));
  }

  /** Whether both are names of one account, as far as it is counted. */
  isSameAccount(one: string, other: string): boolean {
    return this.#accountOf(one) === this.#accountOf(other);
  }

  #accountOf(name: string): string {
    const { limits, log } = this.#parts;
    try {
      return accountForm(String(limits.accountOf(name)));
    } catch (error) {
      // The application's fault, and no reason to let anybody guess.
      log.warn({ err: error }, 'throttle.accountOf failed: the name is counted as it was sent');
      return accountForm(name);
    }
  }

  #placesOf({ name, address, cookie, proof }: Asking): readonly Place[] {
    const ledger = this.#ledger;
    const account = this.#accountOf(name);
    const browser = proof ?? this.#browsers.read(cookie, account);
    if (browser !== undefined) return [ledger.place('browser', `${browser}\0${account}`, this.#account)];
    const places = [ledger.place('account', account, this.#account)];
    const source = sourceForm(address);
    if (source !== undefined) {
      places.push(ledger.place('source', source, this.#source));
      // A flood from elsewhere keeps nobody out where people sign on.
      if (ledger.isTrusted(ledger.place('trusted', source, this.#trust))) return places;
    }
    places.push(this.#all);
    return places;
  }

  /** Whether there is room. `asks`: for one more; `holds`: for what is reserved, this attempt included. */
  #judge(places: readonly Place[], stage: 'asks' | 'holds'): Verdict {
    const { now } = this.#ledger;
    let verdict: Verdict = { kind: 'yes' };
    for (const place of places) {
      const count = this.#ledger.count(place);
      const { room, retryAfterMs } = place.budget.roomFor(count, now);
      if (room < 1) {
        if (verdict.kind !== 'no' || retryAfterMs > verdict.retryAfterMs)
          verdict = { kind: 'no', retryAfterMs, by: place };
      } else if (verdict.kind === 'no' || verdict.kind === 'yield') continue;
      else if (stage === 'holds' && count.upToOwn > room) verdict = { kind: 'yield', by: place };
      else if (count.inFlight + (stage === 'asks' ? 1 : 0) > room) verdict = { kind: 'wait', by: place };
    }
    return verdict;
  }

  /** The reservation is with the other nodes: whether it goes on, once those stand back that have to. `wait`: they did not in time. */
  async #decide(places: readonly Place[], deadline: number): Promise<Verdict> {
    for (;;) {
      const verdict = this.#judge(places, 'holds');
      if (verdict.kind !== 'wait' || !(await this.#change(verdict.by, deadline))) return verdict;
    }
  }

  #attempt(taken: Taken, { address }: Asking): Attempt {
    let isOver = false;
    return {
      end: (outcome) => {
        if (isOver) return;
        isOver = true;
        this.#ledger.end(taken, outcome === 'failed' ? 'failed' : 'returned');
        const source = outcome === 'succeeded' ? sourceForm(address) : undefined;
        if (source !== undefined) this.#ledger.trust(this.#ledger.place('trusted', source, this.#trust));
      },
    };
  }

  #refused({ retryAfterMs, by }: Extract<Verdict, { kind: 'no' }>, { address }: Asking): Admission {
    const source = by.kind === 'source' ? sourceForm(address) : undefined;
    if (source !== undefined && isInside(source) && !this.#warned) {
      this.#warned = true;
      this.#parts.log.warn(
        { source },
        'sign-ons from an inside address are slowed: if that is a proxy, name it in "trust proxy", or all its clients share one count',
      );
    }
    return { kind: 'throttled', retryAfterMs: Math.ceil(retryAfterMs) };
  }

  /** Resolves with true when something changed in this place; with false at the deadline, or at once if too many wait. */
  #change({ name, shared }: Place, deadline: number): Promise<boolean> {
    const { clock } = this.#parts;
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0 || this.#waitingCount >= maxWaiting) return Promise.resolve(false);
    this.#waitingCount++;
    return new Promise((resolve) => {
      const names = [name, shared];
      const done = (changed: boolean) => {
        cancel();
        this.#waitingCount--;
        for (const one of names) this.#forget(one, wake);
        resolve(changed);
      };
      const wake = () => done(true);
      const cancel = clock.after(leftMs, () => done(false));
      for (const one of names) {
        const waiting = this.#waiting.get(one);
        if (waiting === undefined) this.#waiting.set(one, new Set([wake]));
        else waiting.add(wake);
      }
    });
  }

  #changed(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) for (const wake of [...waiting]) wake();
  }

  #forget(name: string, wake: () => void): void {
    const waiting = this.#waiting.get(name);
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#waiting.delete(name);
  }
}
