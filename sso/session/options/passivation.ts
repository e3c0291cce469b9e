/**
 * How many of an application's sessions are kept in memory, in the words and units of the JBoss clustering
 * guide (8.2.2): what is too many, or too long unused, goes to the node's disk and comes back when it is used.
 */

import { configError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { flag, secondsOrNone } from './checks.ts';

export interface PassivationOptions {
  /**
   * Sessions of this application in a node's memory, those that it only holds for other nodes among them. At the limit those least
   * recently used are passivated; where none can be, a new session is refused with 503 and `Retry-After`. One that was made
   * already is always served. The answer is refused, not the assignment that would make the session: `save()` says so before.
   * Default -1: no limit.
   */
  readonly maxActiveSessions?: number | undefined;
  /**
   * Whether sessions may go to disk, to keep to `maxActiveSessions` or after `passivationMaxIdleTime`: without either none goes.
   * Needs the node's `dataDir`. Default false.
   */
  readonly useSessionPassivation?: boolean | undefined;
  /**
   * SECONDS without a request after which a session may be passivated to keep to `maxActiveSessions`; at most
   * `passivationMaxIdleTime`. Default -1: not before that. Too large: new visitors are refused.
   */
  readonly passivationMinIdleTime?: number | undefined;
  /** SECONDS without a request after which a session is passivated in any case; less than the idle limit. Default -1: never. */
  readonly passivationMaxIdleTime?: number | undefined;
}

export interface PassivationSettings {
  /** Infinity: no limit. */
  readonly maxActive: number;
  readonly passivates: boolean;
  /** Infinity: not before `maxIdleMs`. */
  readonly minIdleMs: number;
  /** Infinity: never. */
  readonly maxIdleMs: number;
}

export const passivationOptionNames = [
  'maxActiveSessions',
  'useSessionPassivation',
  'passivationMinIdleTime',
  'passivationMaxIdleTime',
];

/**
 * `undefined`: nothing was asked for.
 * @param idleMs the sessions' usual idle limit; 0: none
 * @throws SsoError ERR_CONFIG_INVALID
 */
export function passivationSettings(
  app: string,
  options: PassivationOptions & { readonly distributable?: boolean | undefined },
  idleMs: number,
  log: Log,
): PassivationSettings | undefined {
  const { maxActiveSessions = -1 } = options;
  if (!Number.isSafeInteger(maxActiveSessions) || maxActiveSessions < -1 || maxActiveSessions === 0)
    throw configError('maxActiveSessions', 'must be a whole number of sessions from 1, or -1: no limit');
  const settings: PassivationSettings = {
    maxActive: maxActiveSessions === -1 ? Number.POSITIVE_INFINITY : maxActiveSessions,
    passivates: flag('useSessionPassivation', options.useSessionPassivation, false),
    minIdleMs: secondsOrNone('passivationMinIdleTime', options.passivationMinIdleTime, -1),
    maxIdleMs: secondsOrNone('passivationMaxIdleTime', options.passivationMaxIdleTime, -1),
  };
  if (settings.passivates && options.distributable === false)
    throw configError('useSessionPassivation', 'is for distributable applications; this one says distributable: false');
  for (const advice of advices(settings, idleMs)) log.warn({ app }, `sessions: ${advice}`);
  const isAsked = settings.passivates || settings.maxActive !== Number.POSITIVE_INFINITY;
  return isAsked ? settings : undefined;
}

/** What works, and is probably not meant. */
function* advices({ maxActive, passivates, minIdleMs, maxIdleMs }: PassivationSettings, idleMs: number) {
  const hasTimes = minIdleMs !== Number.POSITIVE_INFINITY || maxIdleMs !== Number.POSITIVE_INFINITY;
  if (!passivates && hasTimes)
    yield 'passivationMinIdleTime and passivationMaxIdleTime have no effect without useSessionPassivation';
  if (!passivates && maxActive !== Number.POSITIVE_INFINITY)
    yield 'maxActiveSessions without useSessionPassivation: nothing goes to disk, and at the limit a new session is answered 503';
  if (!passivates) return;
  const { hasLimit, hasMin, hasMax } = {
    hasLimit: maxActive !== Number.POSITIVE_INFINITY,
    hasMin: minIdleMs !== Number.POSITIVE_INFINITY,
    hasMax: maxIdleMs !== Number.POSITIVE_INFINITY,
  };
  if (!hasLimit && !hasMax)
    yield 'useSessionPassivation has no effect without maxActiveSessions or passivationMaxIdleTime: nothing goes to disk';
  else if (!hasLimit && hasMin) yield 'passivationMinIdleTime has no effect without maxActiveSessions';
  if (hasLimit && !hasMin)
    yield 'maxActiveSessions without passivationMinIdleTime: nothing can be passivated to make room for a new session';
  if (hasLimit && hasMin && hasMax && minIdleMs > maxIdleMs)
    yield 'passivationMinIdleTime is more than passivationMaxIdleTime and has no effect: nothing can be passivated to make room for a new session';
  if (hasMax && idleMs > 0 && maxIdleMs >= idleMs)
    yield 'passivationMaxIdleTime is not less than the idle limit: sessions end before they are passivated';
}
