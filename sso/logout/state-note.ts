/** What a data directory says of itself besides its maps: whose state it is and what it is worth. */

import { isInstant } from '../entry.ts';
import { isLater, type Pair } from './recovery.ts';

export interface StateNote {
  /** The list of voters under which it was written: under another one it counts as lost. */
  readonly voters: readonly string[];
  /** The state counts as lost until this voter has recovered, whatever is on the disk. */
  readonly lost: boolean;
  /** The last life that granted or confirmed, and how many closings it had flushed. */
  readonly life: Pair | undefined;
  /** The latest such pairs of other voters. */
  readonly remembered: ReadonlyMap<string, Pair>;
}

export function noteText(note: StateNote): string {
  return JSON.stringify([1, note.voters, note.lost ? 1 : 0, note.life ?? 0, [...note.remembered]]);
}

/** The note in a text, or `undefined` if there is none in it: then nothing is known of the state. */
export function parseNote(text: string | undefined): StateNote | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  if (!Array.isArray(data) || data[0] !== 1) return undefined;
  const [, voters, lost, life, remembered] = data;
  if (!Array.isArray(voters) || !voters.every((one) => typeof one === 'string')) return undefined;
  if (life !== 0 && !isPair(life)) return undefined;
  if (!Array.isArray(remembered) || !remembered.every((one) => Array.isArray(one) && isPair(one[1]))) return undefined;
  return { voters, lost: lost === 1, life: life === 0 ? undefined : life, remembered: new Map(remembered) };
}

/** What is remembered of other voters: the latest pair of each. */
export class Remembered {
  readonly pairs = new Map<string, Pair>();

  /** Returns whether that is news. */
  note(voter: string, pair: Pair | undefined): boolean {
    if (pair === undefined || !isLater(pair, this.pairs.get(voter))) return false;
    this.pairs.set(voter, pair);
    return true;
  }
}

function isPair(value: unknown): value is Pair {
  return Array.isArray(value) && value.length === 2 && isInstant(value[0]) && isInstant(value[1]);
}
