/**
 * Asks the directory again about everybody who is signed on: who is gone or disabled there is ended
 * everywhere, who is in other groups has the new roles everywhere. Each user is asked about by one node
 * (share.ts). Which nodes re-check they say in the members' list, as applications are said there.
 *
 * No answer changes nothing. A directory that does not answer ends the round, and the next ones come later
 * and later, at most eight times as late; one account that cannot be read does not keep the others from
 * being asked about. A directory that no longer knows most people is not believed (mostly-gone.ts): nobody
 * ends by it until somebody confirms it, and whoever is missing is asked about twice in any case.
 */

import type { EntryView, Log, MemberView } from '../../sso/index.ts';
import type { Directory } from './directory.ts';
import { answersWanted, isImplausible, type Missed } from './mostly-gone.ts';
import type { RolesOf } from './roles.ts';
import { type Result, type Round, Tally, tellRound } from './round.ts';
import { responsible, shuffled } from './share.ts';

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
  /** A round that misses a larger share of the people than this ends nobody who is missing; 0 to 1, 1: never held back. Default 0.5. */
  readonly mostGone?: number;
  /** Questions at a time. Default 4. */
  readonly concurrency?: number;
  /** Told each round's end, for metrics. */
  readonly onRound?: (round: Round) => void;
  /** Runs `run` once; returns what takes it back. Default: the real clock. */
  readonly after?: (ms: number, run: () => void) => () => void;
  readonly random?: () => number;
}

/** How a node says that it re-checks, in the members' list. */
export const recheckMark = 'latchkey-recheck';

/** So many in a row without an answer: the directory is away, and not one account odd. */
const unansweredAtMost = 5;
const slowestFactor = 8;
export interface Demand {
  /** Somebody confirms that those whom the last round held back are gone: who still is, is ended. Default false. */
  readonly confirms?: boolean;
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
  /** Whom the last round that the directory answered held back. */
  #held: ReadonlySet<string> = new Set();
  /** Those of them whose end somebody has confirmed since. */
  #confirmed: ReadonlySet<string> = new Set();

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
  async now({ confirms = false }: Demand = {}): Promise<Round> {
    if (confirms) this.#confirmed = this.#held;
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
    const { directory, log, onRound } = this.#parts;
    const confirmed = this.#confirmed;
    const share = this.#share();
    const [tally, missing]: [Tally, string[]] = [new Tally(), []];
    const away = await this.#each(
      shuffled([...share], this.#random),
      (name) => this.#one(name, 'keep'),
      (result, name) => {
        tally.asked++;
        tally.count(result);
        if (result.kind === 'missing') missing.push(name);
      },
    );
    const news = missing.filter((name) => !confirmed.has(name));
    const seen = { answered: tally.asked - tally.unanswered - missing.length + news.length, missing: news.length };
    const held = new Set(news.length > 0 && (await this.#isImplausible(seen, share)) ? news : []);
    // A second time, so that nobody ends by an answer that is older than the sign-on, or by one slip of a directory.
    await this.#each(
      missing.filter((name) => !held.has(name)),
      (name) => this.#one(name, 'end'),
      (result) => tally.count(result),
    );
    this.#hold(held, { confirmed, away });
    this.#factor = away ? Math.min(slowestFactor, this.#factor * 2) : 1;
    const { asked, ended, changed, unanswered, why } = tally;
    const round = { asked, ended, changed, unanswered, heldBack: this.#held.size, away };
    tellRound(log, round, { directory: directory.name, users: share.size, held, why });
    onRound?.(round);
    return round;
  }

  /** Asks about each, a few at a time. Resolves whether it was broken off: too many in a row were not answered. Never rejects. */
  async #each(
    names: string[],
    ask: (name: string) => Promise<Result>,
    then: (result: Result, name: string) => void,
  ): Promise<boolean> {
    const { concurrency = 4 } = this.#parts;
    const total = names.length;
    let inARow = 0;
    const isAway = () => inARow > 0 && inARow >= Math.min(unansweredAtMost, total);
    const worker = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        if (this.#stopped || isAway()) return;
        const result = await ask(name).catch(unanswered);
        inARow = result.kind === 'unanswered' ? inARow + 1 : 0;
        then(result, name);
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, total) }, worker));
    return isAway();
  }

  /** Where this node's own share says too little, it is judged by some of the others' people as well. */
  async #isImplausible(seen: Missed, share: ReadonlySet<string>): Promise<boolean> {
    const { sso, directory, mostGone = 0.5 } = this.#parts;
    const sample = { ...seen };
    if (sample.answered < answersWanted) {
      const others = [...new Set(sso.users())].filter((name) => !share.has(name));
      const some = shuffled(others, this.#random).slice(0, answersWanted - sample.answered);
      const look = async (name: string): Promise<Result> => {
        const found = await directory.find(name);
        if (found.kind === 'unavailable') return { kind: 'unanswered', why: found.why };
        return { kind: found.kind === 'found' || found.disabled === true ? 'same' : 'missing' };
      };
      await this.#each(some, look, ({ kind }) => {
        if (kind !== 'unanswered') sample.answered++;
        if (kind === 'missing') sample.missing++;
      });
    }
    return isImplausible(sample, mostGone);
  }

  #hold(
    held: ReadonlySet<string>,
    { confirmed, away }: { readonly confirmed: ReadonlySet<string>; readonly away: boolean },
  ): void {
    // A round that was broken off has not asked about all, and leaves what is held and what was confirmed as it is.
    if (away && held.size === 0) return;
    if (this.#held.size > 0 && held.size === 0)
      this.#parts.log.info({ directory: this.#parts.directory.name }, 'nobody is held back any more');
    this.#held = held;
    // What was confirmed while this round was under way is the next one's.
    if (!away && this.#confirmed === confirmed) this.#confirmed = new Set();
  }

  /** The users whom this node asks about. */
  #share(): ReadonlySet<string> {
    const { sso } = this.#parts;
    const nodes = sso
      .members()
      .filter(({ state, applications }) => state === 'up' && applications.includes(recheckMark))
      .map(({ node }) => node);
    if (!nodes.includes(sso.name)) nodes.push(sso.name);
    return new Set([...sso.users()].filter((name) => responsible(name, nodes) === sso.name));
  }

  /** @param ifMissing whether somebody whom the directory does not know is ended at once; who is disabled there is in any case */
  async #one(name: string, ifMissing: 'keep' | 'end'): Promise<Result> {
    const { sso, directory, rolesOf } = this.#parts;
    const by = recheckMark;
    // Before the question: a sign-on that begins after it is judged by a later answer.
    const before = sso.entries(name);
    if (before.length === 0) return { kind: 'same' };
    const found = await directory.find(name);
    if (found.kind === 'unavailable') return { kind: 'unanswered', why: found.why };
    if (found.kind === 'gone') {
      if (found.disabled !== true && ifMissing === 'keep') return { kind: 'missing' };
      await sso.endSubject(name, { by });
      return { kind: 'ended' };
    }
    const roles = rolesOf(found.person);
    const text = JSON.stringify(roles);
    if (sso.entries(name).every(({ principal }) => JSON.stringify(principal.roles) === text)) return { kind: 'same' };
    await sso.setRoles(name, roles, { by });
    return { kind: 'changed' };
  }
}

function unanswered(error: unknown): Result {
  return { kind: 'unanswered', why: error instanceof Error ? error.message : String(error) };
}

function realAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
