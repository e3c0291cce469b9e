/** What of a node outlives its process: the clocks of its machine, and its disk with the backup that somebody made of it. */

import type { Clock } from '../../sso/clock.ts';
import { MemoryDisk, Platter, type Snapshot } from '../../sso/disk/memory-disk.ts';
import { parseNote } from '../../sso/logout/state-note.ts';
import type { Random } from '../../sso/random.ts';
import { type Climate, skewAtMostMs } from './climate.ts';
import { type MachineClocks, wanderAtMostMs } from './schedule.ts';

/**
 * What a crash does to the disk. `kept`: what was flushed is there, and perhaps some of what was not. `flushed`: what was
 * flushed and nothing else. `wiped`: nothing is there. `torn`: nothing that is there can be read.
 */
export type Loss = 'kept' | 'flushed' | 'wiped' | 'torn';

/** The most that an oscillator is off: two of them then differ by less than the 0.2 % that leases allow for. */
const driftAtMost = 0.0008;

export class Machine implements MachineClocks {
  readonly name: string;
  /** A script may set another one before the first life: of two, 0.2 % apart are allowed. */
  drift: number;
  readonly #usualSkewMs: number;
  readonly #platter: Platter | undefined;
  #disk: MemoryDisk | undefined;
  #random: Random | undefined;
  #backup: Snapshot | undefined;
  skewMs: number;
  /** The wall clock is wrong by more than clocks may be. */
  hasLeapt = false;
  /** Its disk could once not be written, could not be read, or was replaced: nothing is promised of what was on it. */
  hasFailed = false;

  constructor(name: string, random: Random, hasDisk: boolean) {
    this.name = name;
    this.#usualSkewMs = Math.round((random.fraction() * 2 - 1) * (skewAtMostMs - wanderAtMostMs));
    this.skewMs = this.#usualSkewMs;
    this.drift = (random.fraction() * 2 - 1) * driftAtMost;
    const flushMs = 1 + random.fraction() * 20;
    if (!hasDisk) return;
    this.#platter = new Platter();
    this.#platter.flushMs = flushMs;
  }

  /** The disk for a new life; `undefined`: this node has none. */
  mount(clock: Clock, random: Random): MemoryDisk | undefined {
    if (this.#platter === undefined) return undefined;
    this.#random = random;
    this.#disk = new MemoryDisk({ clock, platter: this.#platter });
    return this.#disk;
  }

  get hasDisk(): boolean {
    return this.#platter !== undefined;
  }

  /** Nothing of an earlier life is left. */
  get isEmpty(): boolean {
    return this.#platter === undefined || this.#platter.transactions === 0 || this.#platter.damaged;
  }

  /** What is on the disk says of itself that it counts as lost: its last life had not recovered, or could not write that it had. */
  get saysLost(): boolean {
    return parseNote(this.#platter?.note)?.lost === true;
  }

  /** The process ends. */
  crash(loss: Loss): void {
    this.#disk?.crash(loss === 'flushed' ? undefined : this.#random);
    this.#disk = undefined;
    this.hasFailed ||= loss === 'torn' || loss === 'wiped';
    if (loss === 'torn' && this.#platter !== undefined) this.#platter.damaged = true;
    if (loss === 'wiped') this.wipe();
  }

  wipe(): void {
    this.#platter?.wipe();
    if (this.#platter !== undefined) this.#platter.transactions = 0;
  }

  /** Somebody makes a copy of the data directory. */
  backUp(): void {
    if (!this.isEmpty) this.#backup = this.#platter?.snapshot();
  }

  get hasBackup(): boolean {
    return this.#backup !== undefined;
  }

  /** Puts the copy back; while no process runs. */
  restore(): void {
    this.hasFailed = true;
    if (this.#backup !== undefined) this.#platter?.restore(this.#backup);
  }

  /** From now on, or until now, nothing can be written. */
  fail(fault: 'full' | 'unwritable' | undefined): void {
    this.hasFailed ||= fault !== undefined;
    if (this.#platter !== undefined) this.#platter.fault = fault;
  }

  get isFailing(): boolean {
    return this.#platter?.fault !== undefined;
  }

  /** Moves the wall clock; `undefined` sets it right. */
  leap(ms: number | undefined): void {
    this.skewMs = ms === undefined ? this.#usualSkewMs : this.skewMs + ms;
    this.hasLeapt = ms !== undefined;
  }
}

/** Whether a node of this name has a data directory. */
export function hasDisk({ disks, voters, laterVoters = [] }: Climate, name: string, random: Random): boolean {
  const chance = random.fraction() < 0.5;
  if (disks === 'some') return chance;
  return disks === 'all' || (disks === 'voters' && (voters.includes(name) || laterVoters.includes(name)));
}
