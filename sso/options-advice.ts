/** What works, and is probably not meant: options of `startNode` of which one leaves another without effect. Said at the start, and by `check-config`. */

import type { NodeOptions, Settings } from './options.ts';

export function* optionsAdvice(
  { idleMs = 0, maxEmptyLife, restored, dataDir, world }: NodeOptions,
  { lifeMs, voters, throttle }: Pick<Settings, 'lifeMs' | 'voters' | 'throttle'>,
): Generator<string> {
  if (idleMs > 0 && idleMs >= lifeMs)
    yield `idleMs (${idleMs}) is not less than lifeMs (${lifeMs}) and has no effect: every sign-on is over before`;
  if (maxEmptyLife !== undefined && maxEmptyLife * 1_000 >= lifeMs)
    yield `maxEmptyLife (${maxEmptyLife} s) is not less than lifeMs (${lifeMs} ms) and has no effect: every sign-on is over before`;
  if (restored === true && dataDir === undefined && world?.disk === undefined)
    yield 'restored is of a data directory, and there is no dataDir';
  if (voters?.mode === 'refuse' && voters.list.length === 2)
    yield 'cluster.whenCutOff is "refuse" with two voters: when one of them is away the other accepts nobody; a third voter, a witness, mends that';
  if (throttle !== undefined && throttle.account.firstWaitMs > throttle.account.longestWaitMs)
    yield 'throttle.account.firstWaitMs is more than longestWaitMs: every wait is the longest';
}
