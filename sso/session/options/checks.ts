/** How an option is looked at: what is left out gets the default, what is wrong is named. All throw SsoError ERR_CONFIG_INVALID. */

import { configError } from '../../errors.ts';

/** One of these words. */
export function oneOf<T extends string>(name: string, value: unknown, words: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise;
  const word = words.find((each) => each === value);
  if (word === undefined) throw configError(name, `must be one of ${words.map((each) => `"${each}"`).join(', ')}`);
  return word;
}

export function flag(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw configError(name, 'must be true or false');
  return value;
}

/** Seconds as milliseconds; -1, which each option explains, is Infinity. */
export function secondsOrNone(name: string, value: unknown, otherwise: number): number {
  const seconds = value === undefined ? otherwise : value;
  if (seconds === -1) return Number.POSITIVE_INFINITY;
  if (typeof seconds !== 'number' || !(seconds >= 0) || seconds > secondsAtMost)
    throw configError(name, 'must be a number of seconds, or -1');
  return Math.round(seconds * 1_000);
}

/** A hundred years: what is longer was meant in another unit. */
const secondsAtMost = 100 * 366 * 86_400;
