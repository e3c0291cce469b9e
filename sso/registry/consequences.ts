/**
 * What follows when an entry or a subject changes, whoever changed it: the index of users, the ends of
 * sign-ons with their subject or their epoch, the ends of sessions, and what listeners are told. All of
 * it happens in the turn of the merge, so that whoever confirms a closing has acted on it.
 */

import { type Cause, closeEntry, type OpenEntry, type SsoEntry } from '../entry.ts';
import type { Change } from '../gossip/lattice.ts';
import { type Log, silentLog } from '../log.ts';
import type { Closing, EndedApp } from '../logout/finality.ts';
import type { Principal } from '../principal.ts';
import { endsEntry, type Subject, unknownSubject } from '../subject.ts';
import type { SubjectIndex } from '../subject-index.ts';
import type { SsoId } from '../token.ts';
import { overAt } from './look.ts';
import type { RegistryParts } from './parts.ts';
import type { Roles } from './roles.ts';

export interface Closed {
  readonly id: SsoId;
  /** Who had signed on, if this node ever knew. */
  readonly principal: Principal | undefined;
  readonly cause: Cause;
  /** Milliseconds since 1970. */
  readonly closedAt: number;
  /** Whether it was closed through this node. */
  readonly own: boolean;
  /** How many sessions ended with it, in all applications, as this node saw them. */
  readonly sessions: number;
}

export interface EntryOpened {
  readonly id: SsoId;
  readonly entry: OpenEntry;
  /** Whether it was opened through this node. */
  readonly own: boolean;
}

export class Consequences {
  readonly #parts: RegistryParts;
  readonly #index: SubjectIndex;
  readonly #roles: Roles;
  readonly #log: Log;
  readonly #closedListeners: ((closed: Closed) => void)[] = [];
  readonly #openedListeners: ((opened: EntryOpened) => void)[] = [];
  /** Runs with every end of a subject that this node hears of; `#endMarks` says at which count a subject's last one came. */
  #marks = 0;
  readonly #endMarks = new Map<string, number>();
  /** While sign-ons are concluded to be over: what ended with them. The closing of a subject is one for all of its sign-ons. */
  #together: Map<string, EndedApp> | undefined;
  /** A subject is being ended through this node: its sign-ons end through it, too. */
  #endsHere = false;

  constructor(parts: RegistryParts, index: SubjectIndex, roles: Roles) {
    this.#parts = parts;
    this.#index = index;
    this.#roles = roles;
    this.#log = parts.log ?? silentLog;
    parts.entries.onChange((change) => this.#entryChanged(change));
    parts.entries.onForget((id, entry) => this.#entryForgotten(id as SsoId, entry));
    parts.subjects.onChange((change) => this.#subjectChanged(change));
    parts.subjects.onForget((name) => this.#endMarks.delete(name));
  }

  /** Taken when a check of credentials begins. */
  get mark(): number {
    return this.#marks;
  }

  /** Whether a subject was ended since the mark was taken. */
  endedSince(name: string, mark: number): boolean {
    return (this.#endMarks.get(name) ?? 0) > mark;
  }

  /** Closes an entry that is over by its limits or its epoch; every node does so by itself. */
  closeOver(id: SsoId, entry: OpenEntry, cause: Cause): void {
    this.#settleClosed(id, entry, cause, overAt(entry, this.#parts.finality.epoch));
  }

  onClosed(listener: (closed: Closed) => void): void {
    this.#closedListeners.push(listener);
  }

  onOpened(listener: (opened: EntryOpened) => void): void {
    this.#openedListeners.push(listener);
  }

  #entryChanged({ key, before, after, own }: Change<SsoEntry>): void {
    const id = key as SsoId;
    if (after.state === 'open') {
      if (before === undefined) this.#opened(id, after, own);
      return;
    }
    if (before?.state === 'closed') return;
    if (before?.state === 'open') this.#index.remove(id, before.principal.name);
    const { cause, closedAt } = after;
    const sessions = this.#parts.links.served(id).length;
    const apps = this.#parts.links.endLinked(id, { cause, closedAt });
    if (this.#together === undefined) this.#ended({ map: 'entries', key }, apps);
    else for (const one of apps) addApp(this.#together, one);
    this.#tell(this.#closedListeners, {
      id,
      principal: before?.principal,
      cause,
      closedAt,
      own: own || this.#endsHere,
      sessions,
    });
  }

  #opened(id: SsoId, entry: OpenEntry, own: boolean): void {
    const { name } = entry.principal;
    if (!own) {
      this.#parts.hybrid.hear(entry.openedStamp);
      this.#roles.note(entry, false);
    }
    this.#index.add(id, entry);
    const subject = this.#parts.subjects.get(name);
    if (subject !== undefined && subject.rolesStamp > 0) this.#index.setRoles(name, subject.roles, subject.rolesStamp);
    if (entry.epoch < this.#parts.finality.epoch) this.closeOver(id, entry, 'epoch');
    else if (subject !== undefined && endsEntry(subject, entry)) this.#endWithSubject(id, entry, subject);
    else this.#tell(this.#openedListeners, { id, entry, own });
  }

  #entryForgotten(id: SsoId, entry: SsoEntry): void {
    if (entry.state !== 'open') return;
    this.#index.remove(id, entry.principal.name);
    const closedAt = entry.endsAt;
    const sessions = this.#parts.links.served(id).length;
    this.#parts.links.endLinked(id, { cause: 'expired', closedAt });
    this.#tell(this.#closedListeners, {
      id,
      principal: entry.principal,
      cause: 'expired',
      closedAt,
      own: false,
      sessions,
    });
  }

  #subjectChanged({ key: name, before, after, own }: Change<Subject>): void {
    if (!own) this.#parts.hybrid.hear(after.rolesStamp);
    if (after.rolesStamp > 0 && this.#index.has(name)) this.#index.setRoles(name, after.roles, after.rolesStamp);
    if (after.ends === (before ?? unknownSubject).ends) return;
    this.#endMarks.set(name, ++this.#marks);
    const together = new Map<string, EndedApp>();
    const outer = this.#together;
    const outerHere = this.#endsHere;
    this.#together = together;
    this.#endsHere = own;
    try {
      for (const id of this.#index.idsOf(name)) {
        const entry = this.#parts.entries.get(id);
        if (entry?.state === 'open' && endsEntry(after, entry)) this.#endWithSubject(id, entry, after);
      }
    } finally {
      this.#together = outer;
      this.#endsHere = outerHere;
    }
    this.#ended({ map: 'subjects', key: name }, [...together.values()]);
  }

  /** Every node concludes this from the same two facts, so nothing is sent. */
  #endWithSubject(id: SsoId, entry: OpenEntry, { endedCause, endedAt }: Subject): void {
    this.#settleClosed(id, entry, endedCause, Math.max(endedAt, entry.authenticatedAt));
  }

  /** What is only concluded is no closing of its own: nobody waits to hear what ended with it. */
  #settleClosed(id: SsoId, entry: OpenEntry, cause: Cause, closedAt: number): void {
    const outer = this.#together;
    this.#together ??= new Map();
    try {
      this.#parts.entries.settle(id, closeEntry(entry, cause, closedAt));
    } finally {
      this.#together = outer;
    }
  }

  #ended(closing: Closing, apps: readonly EndedApp[]): void {
    this.#parts.finality.ended(closing, apps);
  }

  #tell<T>(listeners: readonly ((event: T) => void)[], event: T): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ err: error }, 'a listener failed');
      }
    }
  }
}

function addApp(sum: Map<string, EndedApp>, { app, sessions, failure }: EndedApp): void {
  const known = sum.get(app);
  sum.set(app, { app, sessions: sessions + (known?.sessions ?? 0), failure: known?.failure ?? failure });
}
