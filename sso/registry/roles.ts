/**
 * Which roles are in force. A sign-on that brings other roles than those in force says so in the
 * subject's record: entries come and go, and which of them a node has seen open must not decide what
 * roles it believes in (S5).
 */

import type { OpenEntry } from '../entry.ts';
import type { Copies } from '../gossip/copies.ts';
import { stampMs } from '../hybrid-clock.ts';
import { openingMarginMs, type Subject, unknownSubject } from '../subject.ts';
import type { SubjectIndex } from '../subject-index.ts';

export class Roles {
  readonly #subjects: Copies<Subject>;
  readonly #index: SubjectIndex;
  readonly #longestLifeMs: number;

  constructor(subjects: Copies<Subject>, index: SubjectIndex, longestLifeMs: number) {
    this.#subjects = subjects;
    this.#index = index;
    this.#longestLifeMs = longestLifeMs;
  }

  /** The later of those any sign-on brought and those that were set (V31, V38). */
  of(entry: OpenEntry): readonly string[] {
    return this.#index.rolesOf(entry.principal.name) ?? entry.principal.roles;
  }

  /** The stamp that a new sign-on of this user must exceed. */
  stampOf(name: string): number | undefined {
    return this.#index.latest(name)?.rolesStamp ?? this.#subjects.get(name)?.rolesStamp;
  }

  /** Gives a user other roles, by a stamp later than those in force. */
  set(name: string, roles: readonly string[], next: (replaced: number) => number, now: number): void {
    const known = this.#subjects.get(name) ?? unknownSubject;
    const rolesStamp = next(Math.max(known.rolesStamp, this.#index.latest(name)?.rolesStamp ?? 0));
    this.#subjects.put(name, { ...known, roles, rolesStamp, keepUntil: this.keepUntil(known, now) });
  }

  /**
   * Takes note of what a sign-on brought. Heard from another node, it is settled: whoever saw both notes the same, and
   * comparisons carry it to who did not.
   */
  note({ principal: { name, roles }, openedStamp }: OpenEntry, own: boolean): void {
    const record = this.#subjects.get(name) ?? unknownSubject;
    const known =
      this.#index.latest(name) ??
      (record.rolesStamp > 0 ? { roles: record.roles, rolesStamp: record.rolesStamp } : undefined);
    if (known === undefined || known.roles === roles || JSON.stringify(known.roles) === JSON.stringify(roles)) return;
    const later = openedStamp > known.rolesStamp ? { roles, rolesStamp: openedStamp } : known;
    if (later.rolesStamp <= record.rolesStamp) return;
    const keepUntil = this.keepUntil(record, stampMs(later.rolesStamp));
    const noted = { ...record, roles: later.roles, rolesStamp: later.rolesStamp, keepUntil };
    if (own) this.#subjects.put(name, noted);
    else this.#subjects.settle(name, noted);
  }

  /** Until when a fact about a subject may concern an entry: one that is opened this moment by a node that does not know it. */
  keepUntil(known: Subject, now: number): number {
    return Math.max(known.keepUntil, now + this.#longestLifeMs + openingMarginMs);
  }
}
