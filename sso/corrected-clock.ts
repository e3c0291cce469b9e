/**
 * Time as a majority has it. What is over and what may be forgotten is decided by the middle of the
 * voters' wall clocks, carried on by this machine's monotonic clock: a wall clock that leaps, one's own
 * included, moves nothing (FINAL-LOGOUT.md, Clocks and disk). The middle of intervals is Marzullo's idea
 * (1984), as in NTP: an answer says no more than that the clock read so much between question and answer.
 *
 * - Each configured voter counts once: by its clock while that is known; by the time as it was carried on
 *   while it is not, once a majority has agreed on that time. So whoever is away cannot hand the majority to a
 *   wrong clock. Without a majority the time is only carried on.
 * - Of an even number the upper middle counts, but for one that leaps ahead by itself: the lower is followed then.
 * - The time is moved no further than the clocks prove it wrong. Therefore: while no more voters than N − Q
 *   have wrong clocks, and the others' are within e of true time, a time that was once within e stays
 *   within e, however late and lopsided the answers are (and 0.2 % of the time between two answers).
 *   A time that was wrong at the start is within e and one round trip once all are known: on a local network, e.
 * - What is read may stand still for up to `leapMs` but steps back only where it was ahead by more.
 * - Until a majority has agreed, the upper middle may be the wrong clock. What is over may be judged by it; what it would stamp is
 *   refused by whoever knows better, for as long as it is ahead. So nothing is opened while no more clocks have reached it than may be wrong.
 * - A voter that has heard no other since its start goes by its own clock, which nothing shows to be wrong: where it may open
 *   sign-ons then (`whenCutOff: 'serve'`) those count for nobody else until the others' clocks have reached their stamps.
 */

import type { Cancel, Clock } from './clock.ts';
import { type Log, silentLog } from './log.ts';

export interface CorrectedClockParts {
  /** The machine's own clocks. */
  readonly clock: Clock;
  /** N: how many voters are configured. */
  readonly voters: number;
  /** Q: how many of them are a majority. */
  readonly quorum: number;
  /** Whether this node is one of them: its wall clock then counts as theirs do. Another's own clock does not count. */
  readonly isVoter: boolean;
  readonly log?: Log;
}

/** How far clocks may differ, milliseconds: a wall clock that is off by more is reported. */
export const offAtMostMs = 2_000;
/** A node whose wall clock is off by more, or whose time may be ahead by more, opens no sign-on, milliseconds. */
export const farOffMs = 60_000;
/** An answer that took longer says nothing about the clock of who gave it, milliseconds. */
export const roundTripAtMostMs = 4_000;
/** For so long a voter's clock is known from an answer, milliseconds. */
export const knownForMs = 10_000;

/** What differs by more is another time, not a less exact reading of the same, milliseconds. */
const leapMs = 4_000;
/** After so long without a majority, the monotonic clock may have drifted by too much to speak for who is away, milliseconds. */
const speaksForMs = 300_000;

/** What a wall clock is ahead of this machine's monotonic one: between `low` and `high`, milliseconds. */
interface Reading {
  readonly low: number;
  readonly high: number;
}

interface Known extends Reading {
  /** By the monotonic clock. */
  readonly until: number;
}

export class CorrectedClock implements Clock {
  readonly #clock: Clock;
  readonly #voters: number;
  readonly #quorum: number;
  readonly #isVoter: boolean;
  /** The only voter goes by its own wall clock, wherever that leaps. */
  readonly #isAlone: boolean;
  readonly #log: Log;
  /** The latest answer of each other voter. What an earlier, narrower one said is in the time that is carried on. */
  readonly #heard = new Map<string, Known>();
  /** What corrected time is ahead of the monotonic clock. */
  #ahead: number;
  /** The same, of the time that a majority has reached for certain. */
  #reached = Number.NEGATIVE_INFINITY;
  #hasMajority = false;
  /** A majority agreed on the time that is carried on. */
  #isAgreed = false;
  /** It may be far ahead of every right clock, for all that the last majority showed. */
  #isDoubtful = false;
  #majorityAt = Number.NEGATIVE_INFINITY;
  /** When the first of the readings is too old, by the monotonic clock. */
  #dueAt = Number.NEGATIVE_INFINITY;
  #shown = Number.NEGATIVE_INFINITY;
  /** What the log was told last that is wrong. */
  #wrong: string | undefined;

  constructor({ clock, voters, quorum, isVoter, log = silentLog }: CorrectedClockParts) {
    this.#clock = clock;
    this.#voters = voters;
    this.#quorum = quorum;
    this.#isVoter = isVoter;
    this.#isAlone = isVoter && voters === 1;
    this.#log = log;
    this.#ahead = clock.now() - clock.monotonic();
  }

  /** Corrected time, milliseconds since 1970: decides whether something is over. */
  now(): number {
    const monotonic = this.#upToDate();
    const now = this.#isAlone ? this.#clock.now() : Math.floor(monotonic + this.#ahead);
    const back = this.#shown - now;
    if (back > 0 && back <= leapMs) return this.#shown;
    this.#shown = now;
    return now;
  }

  /**
   * The time that a majority's clocks have reached, each of them, milliseconds since 1970; never later than `now`. What
   * was over by then is over whoever is wrong, so it may be forgotten, or ended for good. 0 without a majority: nothing may.
   */
  forgetNow(): number {
    const now = this.now();
    if (this.#isAlone) return now;
    return this.#hasMajority ? Math.min(now, Math.floor(this.#clock.monotonic() + this.#reached)) : 0;
  }

  /** Whether the clocks of a majority are known. */
  hasMajority(): boolean {
    this.#upToDate();
    return this.#hasMajority;
  }

  /** How far the wall clock of this machine is ahead, milliseconds. */
  offBy(): number {
    return this.#clock.now() - this.now();
  }

  /** Whether it is off by so much that this node opens no sign-on, or the known ones differ by so much that none can be believed. */
  isFarOff(): boolean {
    return Math.abs(this.offBy()) > farOffMs || this.#isDoubtful;
  }

  /**
   * A voter's own wall clock, not the corrected one, read `theirNow` some time between a question and its answer.
   * Both instants are of this machine's monotonic clock. Returns whether it counts.
   */
  heard(voter: string, theirNow: number, sentAt: number, receivedAt: number): boolean {
    const took = receivedAt - sentAt;
    if (!Number.isFinite(theirNow) || !(took >= 0 && took <= roundTripAtMostMs)) return false;
    this.#heard.set(voter, {
      low: theirNow - receivedAt,
      high: theirNow - sentAt,
      until: receivedAt + knownForMs,
    });
    this.#correct(this.#clock.monotonic());
    return true;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, run: () => void): Cancel {
    return this.#clock.after(ms, run);
  }

  soon(run: () => void): void {
    this.#clock.soon(run);
  }

  /** Leaves out what is too old by now. Returns the reading of the monotonic clock that says so. */
  #upToDate(): number {
    const monotonic = this.#clock.monotonic();
    if (monotonic >= this.#dueAt) this.#correct(monotonic);
    return monotonic;
  }

  #correct(monotonic: number): void {
    const known = this.#known(monotonic);
    this.#hasMajority = known.length >= this.#quorum;
    if (this.#hasMajority) {
      if (monotonic - this.#majorityAt > speaksForMs) this.#isAgreed = false;
      this.#majorityAt = monotonic;
      this.#ahead = this.#middle(known);
      // The highest that so many clocks have reached. With all of them known it is the lower middle.
      this.#reached = known.map(({ low }) => low).sort(ascending)[known.length - this.#quorum]!;
      const agreeing = known.filter((reading) => distance(this.#ahead, reading) <= offAtMostMs);
      if (agreeing.length >= this.#quorum) this.#isAgreed = true;
      this.#isDoubtful = !this.#isAgreed && this.#mayBeAhead(known);
    }
    this.#report();
  }

  /** The clocks that are known now. */
  #known(monotonic: number): Reading[] {
    const known: Reading[] = [];
    this.#dueAt = Number.POSITIVE_INFINITY;
    for (const [voter, reading] of this.#heard) {
      if (reading.until <= monotonic) {
        this.#heard.delete(voter);
        continue;
      }
      this.#dueAt = Math.min(this.#dueAt, reading.until);
      known.push(reading);
    }
    if (this.#isVoter) {
      const own = this.#clock.now() - monotonic;
      known.push({ low: own, high: own });
    }
    return known;
  }

  #middle(known: readonly Reading[]): number {
    const carried = this.#ahead;
    const away = this.#isAgreed ? Math.max(0, this.#voters - known.length) : 0;
    const all = [...known, ...new Array<Reading>(away).fill({ low: carried, high: carried })];
    const upper = at(all, all.length >> 1);
    const lower = at(all, (all.length - 1) >> 1);
    const leapsAhead = this.#isAgreed && upper.low > carried + leapMs && distance(carried, lower) <= leapMs;
    return pulled(carried, leapsAhead ? lower : upper);
  }

  /** Where more clocks than may be wrong have reached the time, but for `farOffMs`, a right one has. */
  #mayBeAhead(known: readonly Reading[]): boolean {
    const reached = known.filter(({ high }) => high >= this.#ahead - farOffMs);
    return reached.length <= this.#voters - this.#quorum;
  }

  /** Logs that the wall clock is off or none can be believed, or no longer so. */
  #report(): void {
    if (this.#isAlone) return;
    const offMs = Math.round(this.#clock.now() - this.#clock.monotonic() - this.#ahead);
    // In doubt nobody knows whose it is: a right one may be the one that seems off.
    const wrong = this.#isDoubtful ? differ : Math.abs(offMs) > offAtMostMs ? isOff : undefined;
    if (wrong === this.#wrong) return;
    const isRight = this.#wrong === isOff ? rightAgain : agreeAgain;
    this.#wrong = wrong;
    if (wrong !== undefined) this.#log.warn({ offMs }, wrong);
    else this.#log.info({ offMs }, isRight);
  }
}

const isOff = 'the wall clock of this machine is off: the time of the majority is used';
const differ =
  'the wall clocks of the voters differ too much: nobody signs on here until more of them are known, or set right';
const rightAgain = 'the wall clock of this machine is right again';
const agreeAgain = 'the wall clocks of the voters agree, and that of this machine with them';

const ascending = (a: number, b: number) => a - b;

/** The reading in this place, by the lower ends and by the upper ones. */
function at(readings: readonly Reading[], place: number): Reading {
  const low = readings.map((reading) => reading.low).sort(ascending)[place]!;
  const high = readings.map((reading) => reading.high).sort(ascending)[place]!;
  return { low, high };
}

function distance(ahead: number, { low, high }: Reading): number {
  return Math.max(0, low - ahead, ahead - high);
}

/** Moves a time that a reading proves wrong: to the reading's nearer end, from farther than `leapMs` to its middle. */
function pulled(ahead: number, reading: Reading): number {
  if (distance(ahead, reading) > leapMs) return (reading.low + reading.high) / 2;
  return Math.min(Math.max(ahead, reading.low), reading.high);
}
