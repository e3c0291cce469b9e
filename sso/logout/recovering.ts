/**
 * What a life of this node is worth: recovering or recovered, and what its disk says of that. It decides
 * by `judgeRecovery`, keeps the note on the disk true, and makes closings durable.
 */

import type { Peer } from '../channel/channel.ts';
import { type Log, silentLog } from '../log.ts';
import { type Answer, isChecked, judgeRecovery, type Own, type Pair, type Standing } from './recovery.ts';
import { noteText, parseNote, Remembered } from './state-note.ts';
import type { Voters } from './voters.ts';

/** What was found on the disk, and the way to it. */
export interface Durable {
  readonly state: 'intact' | 'missing' | 'damaged';
  readonly note: string | undefined;
  /** The operator says that this is a restored copy. */
  readonly restored: boolean;
  setNote(text: string): void;
  /** @throws SsoError ERR_DISK_FAILED */
  flush(): Promise<void>;
}

export interface RecoveringParts {
  readonly self: Peer;
  readonly voters: Voters;
  readonly monotonic: () => number;
  /** How many closings this life knows. */
  readonly number: () => number;
  readonly answers: () => readonly Answer[];
  /** It has recovered. */
  readonly onUp: () => void;
  /** A new epoch is to begin with these lives. */
  readonly onRaise: (lives: readonly (readonly [voter: string, incarnation: number])[]) => void;
  readonly log?: Log;
}

export class Recovering {
  readonly #parts: RecoveringParts;
  readonly #log: Log;
  readonly #remembered = new Remembered();
  #durable: Durable | undefined;
  #startedAt: number | undefined;
  #standing: Standing = 'lost';
  /** The last life that the disk knows of. */
  #pair: Pair | undefined;
  #flushed = 0;
  #isStale = false;
  #raisedIn = 0;
  /** The closings that the last note names: a later note must not name fewer, or the disk would seem older than what was told. */
  #noted = 0;
  #waitsFor: string | undefined;

  constructor(parts: RecoveringParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLog;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** In words; `undefined` once it has recovered. */
  get waitsFor(): string | undefined {
    return this.#standing === 'up' ? undefined : this.#waitsFor;
  }

  /** Closings of this life that are durable; all of them where there is no disk to name them. */
  get flushed(): number {
    return this.#flushed;
  }

  /** The epoch by which it came up: whatever its former lives granted was of an earlier one. 0: it came up otherwise. */
  get raisedIn(): number {
    return this.#raisedIn;
  }

  /** Others may rely on what it holds: it is up, or enough of them have confirmed its disk. */
  get isChecked(): boolean {
    return this.#standing === 'up' || isChecked(this.#parts.voters, this.#own(), this.#parts.answers());
  }

  /** Begins, with what the disk holds merged already. Resolves when the disk says that it is lost, if it is. */
  async begin(durable: Durable | undefined): Promise<void> {
    const { voters } = this.#parts;
    this.#durable = durable;
    this.#startedAt = this.#parts.monotonic();
    const note = durable?.state === 'intact' ? parseNote(durable.note) : undefined;
    for (const [voter, pair] of note?.remembered ?? []) this.#remembered.note(voter, pair);
    const isKept = note !== undefined && !note.lost && !durable?.restored && note.voters.join() === voters.list.join();
    if (isKept && voters.own !== undefined) this.#standing = 'disk';
    this.#pair = isKept ? note.life : undefined;
    this.#isStale = durable?.state === 'intact' && !isKept;
    if (durable !== undefined && this.#standing === 'lost') await this.flush();
  }

  /** Looks again whether it has recovered. */
  judge(): void {
    if (this.#standing === 'up' || this.#startedAt === undefined) return;
    const { voters, answers, monotonic, onUp, onRaise } = this.#parts;
    const verdict = judgeRecovery(voters, this.#own(), answers(), monotonic());
    if (verdict.kind === 'waiting') this.#waitsFor = verdict.for;
    else if (verdict.kind === 'raise') onRaise(verdict.lives);
    else if (verdict.kind === 'old-copy') this.#isOldCopy();
    else {
      this.#standing = 'up';
      onUp();
    }
  }

  /** A new epoch is known: a life that had lost its state, and is named by it, has nothing left to recover. */
  raised(epoch: number, lives: readonly (readonly [voter: string, incarnation: number])[]): void {
    const { self, voters, onUp } = this.#parts;
    const isOurs = lives.some(([voter, incarnation]) => voter === voters.own && incarnation === self.incarnation);
    if (this.#standing !== 'lost' || !isOurs) return;
    this.#raisedIn = epoch;
    this.#standing = 'up';
    onUp();
  }

  /** What is remembered of a voter. */
  remembers(voter: string | undefined): Pair | undefined {
    return voter === undefined ? undefined : this.#remembered.pairs.get(voter);
  }

  /** A voter granted or confirmed with so many closings flushed. */
  remember(voter: string, pair: Pair | undefined): void {
    if (this.#remembered.note(voter, pair)) this.#durable?.setNote(this.#note());
  }

  /** Makes durable what is stored now, and who says so. Returns whether it could; without a disk at once. */
  async flush(): Promise<boolean> {
    const number = this.#parts.number();
    if (this.#durable !== undefined) {
      try {
        this.#noted = Math.max(this.#noted, number);
        this.#durable.setNote(this.#note());
        await this.#durable.flush();
      } catch (error) {
        this.#log.error({ err: error }, 'the data directory cannot be written: nothing is confirmed until it can');
        return false;
      }
    }
    this.#flushed = Math.max(this.#flushed, number);
    return true;
  }

  #isOldCopy(): void {
    this.#log.error({}, "the data directory is older than this node's last life: its state counts as lost");
    this.#standing = 'lost';
    this.#isStale = true;
    void this.flush();
    this.judge();
  }

  #own(): Own {
    const now = this.#parts.monotonic();
    return {
      standing: this.#standing === 'disk' ? 'disk' : 'lost',
      incarnation: this.#parts.self.incarnation,
      pair: this.#pair,
      stale: this.#isStale,
      elapsedMs: now - (this.#startedAt ?? now),
    };
  }

  #note(): string {
    const { self, voters } = this.#parts;
    const life: Pair | undefined = this.#standing === 'up' ? [self.incarnation, this.#noted] : this.#pair;
    return noteText({
      voters: voters.list,
      lost: this.#standing === 'lost',
      life,
      remembered: this.#remembered.pairs,
    });
  }
}
