/**
 * The witness: it hears of every request and answer, and of nothing else, and says what no fault allows:
 * an accept of a sign-on whose end was complete before the request began (S1, and S8: by a user's end), or
 * that was over (S3), or in another's name (S7). Refusals it only writes down; which of them a fault
 * excuses is judged afterwards (`judge.ts`), by whoever knows the faults.
 */

import type { Answer } from './client.ts';
import type { Breach, Counts, Logout, Records, Refusal, Refused, SignOn } from './records.ts';

export interface OracleLimits {
  readonly lifeMs: number;
  /** A slower answer counts as hung, milliseconds. */
  readonly hungMs: number;
}

/** The clocks may be off by so much (S3). */
const clockErrorMs = 2_000;
const keptAtMost = 20_000;

export class Oracle {
  readonly #limits: OracleLimits;
  readonly #signOns: SignOn[] = [];
  readonly #refused: Refused[] = [];
  readonly #breaches: Breach[] = [];
  readonly #logouts: Logout[] = [];
  readonly #counts: Counts = { accepted: 0, endedAsked: 0, signOns: 0, requests: 0 };
  readonly #stalls: { from: number; to: number }[] = [];
  #pollable = true;

  constructor(limits: OracleLimits) {
    this.#limits = limits;
  }

  records(): Records {
    return {
      signOns: this.#signOns,
      refused: this.#refused,
      breaches: this.#breaches,
      logouts: this.#logouts,
      counts: this.#counts,
      stalls: this.#stalls,
      pollable: this.#pollable,
    };
  }

  /** A sign-on was asked for; `undefined`: it was not given. `ended`: while its user's sign-ons were ended, which refuses it rightly. */
  signedOn(node: string, user: string, answer: Answer, ended = false): SignOn | undefined {
    this.#heard(node, answer);
    if (answer.status !== 200) {
      if (!(ended && answer.status === 401)) this.#refuse('sign-on', node, answer);
      return undefined;
    }
    const { beganAt, endedAt } = answer;
    const signOn: SignOn = {
      id: this.#signOns.length + 1,
      user,
      openedBy: node,
      beganAt,
      openedAt: endedAt,
      endingAt: undefined,
      completeAt: undefined,
      finalAt: undefined,
      accepted: [],
    };
    this.#signOns.push(signOn);
    this.#counts.signOns += 1;
    return signOn;
  }

  /** Something that may end it is about to be sent. */
  ending(signOn: SignOn, at: number): void {
    signOn.endingAt ??= at;
  }

  /** The end of this one was asked for, and of what else ends with it. */
  logoutAnswered(signOn: SignOn, node: string, answer: Answer): Logout | undefined {
    this.#heard(node, answer, signOn);
    if (answer.status === 200) {
      const logout = { node, beganAt: answer.beganAt, completeAt: undefined, atOnce: false };
      this.#logouts.push(logout);
      return logout;
    }
    this.#refuse('logout', node, answer, signOn);
    return undefined;
  }

  /** A receipt has come: with a logout, or by a poll. */
  receipt(logout: Logout, signOns: readonly SignOn[], state: unknown, finalAt: unknown, at: number): void {
    for (const signOn of signOns) {
      if (state === 'complete') signOn.completeAt ??= at;
      if (typeof finalAt === 'number') signOn.finalAt = Math.min(signOn.finalAt ?? Number.POSITIVE_INFINITY, finalAt);
    }
    if (state === 'complete') logout.completeAt ??= at;
  }

  stalled(from: number, to: number): void {
    this.#stalls.push({ from, to });
  }

  notPollable(): void {
    this.#pollable = false;
  }

  /** Who am I was asked, with the cookie of this sign-on. */
  asked(signOn: SignOn, node: string, answer: Answer): void {
    this.#heard(node, answer, signOn);
    const { beganAt, endedAt, status, hung, retryAfter } = answer;
    if (signOn.completeAt !== undefined && beganAt > signOn.completeAt) this.#counts.endedAsked += 1;
    const kind = kindOf(answer);
    if (status === 200) this.#accepted(signOn, node, answer);
    else if (kind === undefined)
      this.#breach('answer', `${node} answered ${status} to a question with sign-on ${signOn.id}`, endedAt);
    else if (kind !== 'failed') this.#unlessEnding(signOn, kind, node, answer);
    else if (!hung) this.#refuse('failed', node, answer, signOn);
    if (status === 503 && !retryAfter) this.#breach('503', `${node} answered 503 without Retry-After`, endedAt);
  }

  #accepted(signOn: SignOn, node: string, { beganAt, endedAt, beganWallAt, body }: Answer): void {
    this.#counts.accepted += 1;
    signOn.accepted.push({ node, beganAt });
    const { id, user, completeAt, finalAt, openedAt, openedBy } = signOn;
    const what = `sign-on ${id} of ${user} (opened by ${openedBy} ${instant(openedAt)}) was accepted by ${node}, asked ${instant(beganAt)}, answered ${instant(endedAt)}`;
    if ((body as { user?: unknown } | undefined)?.user !== user)
      this.#breach('S7', `${what}, as ${JSON.stringify(body)}`, endedAt);
    if (completeAt !== undefined && beganAt > completeAt)
      this.#breach('S1', `${what}; the receipt of its end was complete ${instant(completeAt)}`, endedAt);
    else if (finalAt !== undefined && beganWallAt > finalAt)
      this.#breach('finalAt', `${what}; ${beganWallAt - finalAt} ms after the receipt's finalAt`, endedAt);
    const overAt = openedAt + this.#limits.lifeMs + clockErrorMs;
    if (beganAt > overAt) this.#breach('S3', `${what}; it was over by ${instant(overAt)}`, endedAt);
  }

  /** A refusal of what has ended, or may have, is right. */
  #unlessEnding(signOn: SignOn, kind: Refusal, node: string, answer: Answer): void {
    const mayBeOver = answer.endedAt > signOn.beganAt + this.#limits.lifeMs - clockErrorMs;
    if (signOn.endingAt === undefined || answer.endedAt < signOn.endingAt)
      if (!mayBeOver) this.#refuse(kind, node, answer, signOn);
  }

  #heard(node: string, answer: Answer, signOn?: SignOn): void {
    this.#counts.requests += 1;
    if (answer.hung || answer.endedAt - answer.beganAt > this.#limits.hungMs)
      this.#refuse('hung', node, answer, signOn);
  }

  #refuse(kind: Refusal, node: string, { beganAt, endedAt, status, body }: Answer, signOn?: SignOn): void {
    if (this.#refused.length >= keptAtMost) return;
    const detail = `${status ?? 'no answer'} ${body === undefined ? '' : JSON.stringify(body)}`.trim();
    this.#refused.push({ kind, node, signOn: signOn?.id, beganAt, endedAt, detail });
  }

  #breach(rule: string, text: string, at: number): void {
    if (this.#breaches.length < keptAtMost) this.#breaches.push({ rule, text: `${instant(at)} ${text}` });
  }
}

/** What kind of refusal an answer is; `undefined`: none that there should be. */
function kindOf({ status, deletesSignOn }: Answer): Refusal | undefined {
  if (status === undefined) return 'failed';
  if (deletesSignOn) return 'deleted';
  if (status === 401) return 'challenged';
  return status === 503 ? 'unavailable' : undefined;
}

/** An instant in a text, which whoever prints it turns into the time since the beginning. */
export const instant = (at: number): string => `@${at.toFixed(1)}@`;
