/**
 * Asks the directory again about everybody who is signed on: who is gone or disabled there is ended
 * everywhere, who is in other groups has the new roles everywhere. Each user is asked about by one node,
 * which all nodes that re-check know without a word: of those alive, the one whose name and the user's hash
 * highest (rendezvous hashing; Thaler and Ravishankar, 1998). Which nodes re-check they say in the members'
 * list, as applications are said there.
 *
 * No answer changes nothing. A directory that does not answer ends the round, and the next ones come later
 * and later, at most eight times as late; one account that cannot be read does not keep the others from
 * being asked about.
 */

import { createHash } from 'node:crypto';
import type { EntryView, Log, MemberView } from '../../sso/index.ts';
import type { Directory } from './directory.ts';
import type { RolesOf } from './roles.ts';

/** What of a node a re-check needs. */
export interface RecheckedNode {
  readonly name: string;
  users(): Iterable<string>;
  entries(name: string): readonly EntryView[];
  members(): readonly Pick<MemberView, 'node' | 'state' | 'applications'>[];
  endSubject(name: string, options: { readonly by: string }): Promise<unknown>;
  setRoles(name: string, roles: readonly string[], options: { readonly by: string }): Promise<void>;
}

export interface RecheckParts {
  readonly sso: RecheckedNode;
  readonly directory: Pick<Directory, 'name' | 'find'>;
  readonly rolesOf: RolesOf;
  readonly log: Log;
  /** Between rounds, milliseconds; each round comes up to a tenth earlier or later. Default 300,000. */
  readonly everyMs?: number;
  /** Questions at a time. Default 4. */
  readonly concurrency?: number;
  /** Runs `run` once; returns what takes it back. Default: the real clock. */
  readonly after?: (ms: number, run: () => void) => () => void;
  readonly random?: () => number;
}

/** How a node says that it re-checks, in the members' list. */
export const recheckMark = 'latchkey-recheck';

/** So many in a row without an answer: the directory is away, and not one account odd. */
const unansweredAtMost = 5;
const slowestFactor = 8;

export interface Round {
  readonly asked: number;
  readonly ended: number;
  readonly changed: number;
  readonly unanswered: number;
  /** It was broken off: the directory does not answer. */
  readonly away: boolean;
}

export class Recheck {
  readonly #parts: RecheckParts;
  readonly #everyMs: number;
  readonly #after: (ms: number, run: () => void) => () => void;
  readonly #random: () => number;
  #cancel: () => void = () => {};
  #running: Promise<Round> | undefined;
  #factor = 1;
  #stopped = false;

  constructor(parts: RecheckParts) {
    this.#parts = parts;
    this.#everyMs = parts.everyMs ?? 300_000;
    this.#after = parts.after ?? realAfter;
    this.#random = parts.random ?? Math.random;
  }

  /** The first round comes after an interval; `now` does not wait for it. */
  start(): void {
    this.#arm();
  }

  /** A round at once, of this node's share; one that is under way is followed by another, which has seen what changed before. */
  async now(): Promise<Round> {
    if (this.#running !== undefined) {
      await this.#running;
      if (this.#running !== undefined) return this.#running;
    }
    return this.#round();
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running?.catch(() => {});
  }

  #arm(): void {
    this.#cancel();
    if (this.#stopped) return;
    const jitter = 0.9 + this.#random() * 0.2;
    this.#cancel = this.#after(this.#everyMs * this.#factor * jitter, () => void this.now());
  }

  #round(): Promise<Round> {
    this.#cancel();
    const running = this.#ask().finally(() => {
      this.#running = undefined;
      this.#arm();
    });
    this.#running = running;
    return running;
  }

  async #ask(): Promise<Round> {
    const { directory, log, concurrency = 4 } = this.#parts;
    const names = shuffled(this.#share(), this.#random);
    const count = { asked: 0, ended: 0, changed: 0, unanswered: 0 };
    let inARow = 0;
    let why: string | undefined;
    const total = names.length;
    const isAway = () => inARow > 0 && inARow >= Math.min(unansweredAtMost, total);
    const worker = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        if (this.#stopped || isAway()) return;
        const result = await this.#one(name);
        count.asked++;
        if (result.kind !== 'unanswered') {
          inARow = 0;
          if (result.kind !== 'same') count[result.kind]++;
          continue;
        }
        count.unanswered++;
        inARow++;
        why = result.why;
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, total) }, worker));
    const away = isAway();
    this.#factor = away ? Math.min(slowestFactor, this.#factor * 2) : 1;
    const fields = { directory: directory.name, users: total, ...count };
    if (count.unanswered > 0)
      log.warn(
        { ...fields, why },
        'the directory did not say about everybody whether they are still there: nothing is changed for them',
      );
    else if (count.ended + count.changed > 0) log.info(fields, 'people were re-checked');
    else log.debug(fields, 'people were re-checked');
    return { ...count, away };
  }

  /** The users whom this node asks about. */
  #share(): string[] {
    const { sso } = this.#parts;
    const nodes = sso
      .members()
      .filter(({ state, applications }) => state === 'up' && applications.includes(recheckMark))
      .map(({ node }) => node);
    if (!nodes.includes(sso.name)) nodes.push(sso.name);
    return [...new Set(sso.users())].filter((name) => responsible(name, nodes) === sso.name);
  }

  async #one(name: string): Promise<Result> {
    const { sso, directory, rolesOf } = this.#parts;
    const by = recheckMark;
    try {
      // Before the question: a sign-on that begins after it is judged by a later answer.
      const before = sso.entries(name);
      if (before.length === 0) return { kind: 'same' };
      const found = await directory.find(name);
      if (found.kind === 'unavailable') return { kind: 'unanswered', why: found.why };
      if (found.kind === 'gone') {
        await sso.endSubject(name, { by });
        return { kind: 'ended' };
      }
      const roles = rolesOf(found.person);
      const text = JSON.stringify(roles);
      if (sso.entries(name).every(({ principal }) => JSON.stringify(principal.roles) === text)) return { kind: 'same' };
      await sso.setRoles(name, roles, { by });
      return { kind: 'changed' };
    } catch (error) {
      return { kind: 'unanswered', why: error instanceof Error ? error.message : String(error) };
    }
  }
}

type Result = { readonly kind: 'same' | 'ended' | 'changed' } | { readonly kind: 'unanswered'; readonly why: string };

/** Of these nodes the one that asks about this user; all nodes that know the same nodes conclude the same. */
export function responsible(name: string, nodes: readonly string[]): string | undefined {
  let best: { readonly node: string; readonly weight: string } | undefined;
  for (const node of nodes) {
    const weight = createHash('sha256').update(`${node}\0${name}`).digest('hex');
    if (best === undefined || weight > best.weight) best = { node, weight };
  }
  return best?.node;
}

/** So that a directory which fails half-way does not always leave out the same people. */
function shuffled(names: string[], random: () => number): string[] {
  for (let last = names.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [names[last], names[other]] = [names[other]!, names[last]!];
  }
  return names;
}

function realAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
