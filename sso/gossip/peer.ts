/**
 * What a node knows about another one's life on the channel: which of its batches arrived, and which of
 * ours it confirmed. Batches are numbered from 1 in every incarnation, so having all of them means
 * having everything it ever put, and a hole is noticed with the next one; a comparison with the peer fills it.
 */

import type { Peer } from '../channel/channel.ts';
import { Lacking } from './lacking.ts';

/** Batches that came ahead of a hole are remembered in at most this many runs; beyond, the next comparison tells. */
const maxRuns = 64;

export class PeerState {
  readonly peer: Peer;
  /** Whether the channel reaches it now. */
  reachable = true;
  /** Whether a comparison with this life has been completed. */
  compared = false;
  /** It confirmed all our batches up to this one. */
  acked = 0;
  /** When it last asked us in a comparison, by the monotonic clock. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** What its deltas built on and was not here. */
  readonly lacking = new Lacking();
  /** How many values it held when it last said so. */
  size = 0;
  #have = 0;
  #wanted = 0;
  /** Runs of numbers beyond the first hole, in order. */
  #runs: [from: number, to: number][] = [];

  constructor(peer: Peer) {
    this.peer = peer;
  }

  /** All its batches up to this one are merged here. */
  get have(): number {
    return this.#have;
  }

  /** A batch arrived and is merged. Returns whether earlier ones are missing. */
  received(number: number): boolean {
    if (number > this.#have + 1) {
      this.#addRun(number);
      return true;
    }
    this.#reach(number);
    return this.#runs.length > 0;
  }

  /** A comparison brought everything it had put up to this batch. */
  reached(number: number): void {
    this.#reach(number);
  }

  /** It wants to hear when all batches up to this one are merged. Returns whether some are missing. */
  wants(number: number): boolean {
    this.#wanted = Math.max(this.#wanted, number);
    return number > this.#have;
  }

  /** The number to confirm now, or `undefined` if there is nothing to say. */
  takeAck(): number | undefined {
    if (this.#wanted === 0 || this.#have < this.#wanted) return undefined;
    this.#wanted = 0;
    return this.#have;
  }

  #reach(number: number): void {
    this.#have = Math.max(this.#have, number);
    for (let run = this.#runs[0]; run !== undefined && run[0] <= this.#have + 1; run = this.#runs[0]) {
      this.#have = Math.max(this.#have, run[1]);
      this.#runs.shift();
    }
  }

  #addRun(number: number): void {
    const runs = this.#runs;
    let at = runs.length;
    while (at > 0 && runs[at - 1]![0] > number) at--;
    const before = runs[at - 1];
    const after = runs[at];
    if (before !== undefined && number <= before[1] + 1) before[1] = Math.max(before[1], number);
    else if (after !== undefined && number === after[0] - 1) after[0] = number;
    else runs.splice(at, 0, [number, number]);
    if (before !== undefined && after !== undefined && before[1] + 1 >= after[0]) {
      before[1] = after[1];
      runs.splice(at, 1);
    }
    if (runs.length > maxRuns) runs.pop();
  }
}
