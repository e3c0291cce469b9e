/**
 * How an application's sessions travel, in the words of the JBoss clustering guide (8.2.1, 8.2.3) with its
 * units: what makes an attribute dirty, what travels as one piece, when it is sent, and whether an answer
 * waits for it. The defaults are the guide's but for two: `ATTRIBUTE`, since to send a whole session for each
 * change, and to lose one of two changes made at once, is what this library is there to end; and `sync`,
 * since the wait is for one message to one other node.
 */

import { configError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { CopiesWanted } from '../buddies/depot.ts';
import { type Class, Classes } from '../graph/classes.ts';
import type { Granularity } from '../graph/stored.ts';
import type { Telling } from '../teller.ts';
import { flag, oneOf, secondsOrNone } from './checks.ts';

/** What makes an attribute dirty: compared at the end of the request, and sent if it differs. */
export type ReplicationTrigger = 'SET' | 'SET_AND_NON_PRIMITIVE_GET' | 'SET_AND_GET';

export interface ReplicationOptions {
  /**
   * What travels as one piece, and so what two requests at once, or two sides of a partition, keep of each other's changes; the
   * same on all nodes, though what was stored with another one is read. Default `ATTRIBUTE`.
   *
   * - `ATTRIBUTE`: each attribute by itself. Two attributes that share an object have two of it on the next request (V98).
   * - `SESSION`: all attributes together, with what they share; the later of two changes wins all. For small sessions.
   * - `FIELD`: each field of each object, array, Map, Set, Date and instance of `classes`, with what they share: the least on the
   *   wire, the most work for each request. For large sessions of which little changes. Its changes are always sent at once.
   */
  readonly replicationGranularity?: Granularity | undefined;
  /** `FIELD` only. Default true: what changed in a request travels in one message at its end; false: then too, each field in one of its own. */
  readonly replicationFieldBatchMode?: boolean | undefined;
  /**
   * Classes whose instances keep their class on every node; the same on all nodes, each name once. Their constructors are not
   * called there. Instances of other classes travel as JSON has them. Classes of the runtime's own,
   * and what extends one other than Array, Map, Set and Date, are refused: what a `URL`, a `Uint8Array` or an `Error` holds would
   * not arrive. Default none.
   */
  readonly classes?: readonly Class[] | undefined;
  /**
   * Default `sync`: the last byte of an answer whose session changed waits until another node has it (`cluster.copies`; where only
   * some nodes have it, a buddy), at most `cluster.copyMs`. `async`: nothing waits, and a node that dies within the next milliseconds takes the change along.
   */
  readonly cacheMode?: 'sync' | 'async' | undefined;
  /**
   * Default true. false: what is in the sessions stays on the node that made them, and is lost with it; the other nodes know of
   * them only what makes a logout end them all (V84). On another node the visitor gets a fresh session.
   */
  readonly distributable?: boolean | undefined;
  /**
   * Where the data of the sessions lives (JBoss: buddy replication); the same on all nodes. `total`: on every node. A number, 1 to 8:
   * on the node that serves the session and so many others, its buddies: those of its `cluster.buddyPool` and on another
   * `cluster.host` are preferred. A node that gets a request for a session whose data it has not fetches it and serves it from
   * then on. Sign-ons, and what a logout needs to know of each session, are on every node in any case. Default: `total` in a
   * cluster of up to three nodes, 1 in a larger one. Decided when a session begins, and when another node takes it over. More:
   * memory and traffic on so many nodes. Fewer: as many nodes that are lost at once take sessions along.
   */
  readonly buddies?: 'total' | number | undefined;
  /**
   * SECONDS after which a request tells the other nodes that the session is in use though nothing in it changed: by so much may
   * the time of the last use be too early after a node was lost, and no less. Default 60, or a twentieth of the idle limit if that
   * is less. 0: every request tells. -1: only together with a change, and before another node would take the session for idle.
   * More than the idle limit counts as 0, with a warning (V100).
   */
  readonly maxUnreplicatedInterval?: number | undefined;
  /**
   * Default `instant`: a change is sent with its request. `interval`: changes are collected and sent every `snapshotInterval`, no
   * answer waits for them; a node that is lost takes them along, one that stops sends them first (V88). `save()` sends at once.
   */
  readonly snapshotMode?: 'instant' | 'interval' | undefined;
  /** MILLISECONDS between two sendings where `snapshotMode` is `interval`; 10 to 60000, default 1000. */
  readonly snapshotInterval?: number | undefined;
}

export interface ReplicationSettings {
  readonly granularity: Granularity;
  readonly classes: Classes;
  /** Theirs, sorted. */
  readonly classNames: readonly string[];
  /** An answer whose session changed waits for a second member. */
  readonly waits: boolean;
  readonly telling: Telling;
  /** Telling at once, for `save()`. */
  readonly tellingNow: Telling;
  /** Use alone is told after so many milliseconds; 0: by every request; Infinity: only where it must be. */
  readonly unreplicatedMs: number;
}

export const replicationOptionNames = [
  'replicationGranularity',
  'replicationFieldBatchMode',
  'classes',
  'cacheMode',
  'distributable',
  'buddies',
  'maxUnreplicatedInterval',
  'snapshotMode',
  'snapshotInterval',
];

export const triggers: readonly ReplicationTrigger[] = ['SET', 'SET_AND_NON_PRIMITIVE_GET', 'SET_AND_GET'];
const granularities: readonly Granularity[] = ['SESSION', 'ATTRIBUTE', 'FIELD'];

const defaultUnreplicatedSeconds = 60;
/** Use is told no more than so often within an idle limit, unless the application says otherwise. */
const coarseness = 20;
const buddiesAtMost = 8;
const defaultSnapshotMs = 1_000;
const snapshotMsAtLeast = 10;
const snapshotMsAtMost = 60_000;

/**
 * @param idleMs the sessions' usual idle limit; 0: none
 * @throws SsoError ERR_CONFIG_INVALID
 */
export function replicationSettings(
  app: string,
  options: ReplicationOptions,
  idleMs: number,
  log: Log,
): ReplicationSettings {
  const granularity = oneOf('replicationGranularity', options.replicationGranularity, granularities, 'ATTRIBUTE');
  const alone = !flag('replicationFieldBatchMode', options.replicationFieldBatchMode, true) && granularity === 'FIELD';
  const stays = !flag('distributable', options.distributable, true);
  const afterMs = snapshotMs(app, options, granularity, log);
  const buddies = copiesWanted(options.buddies, stays);
  const sync = oneOf('cacheMode', options.cacheMode, ['sync', 'async'], 'sync') === 'sync';
  for (const advice of advices(options, { afterMs, granularity, stays })) log.warn({ app }, `sessions: ${advice}`);
  return {
    granularity,
    classes: classesOf(options.classes),
    classNames: (options.classes ?? []).map(({ name }) => name).sort(),
    waits: sync && !stays,
    telling: { afterMs, alone, stays, buddies },
    tellingNow: { afterMs: 0, alone, stays, buddies },
    unreplicatedMs: unreplicatedMs(app, options.maxUnreplicatedInterval, idleMs, log),
  };
}

/** What works, and is probably not meant. */
function* advices(
  { cacheMode, replicationFieldBatchMode, snapshotInterval, snapshotMode }: ReplicationOptions,
  { afterMs, granularity, stays }: { afterMs: number; granularity: Granularity; stays: boolean },
): Generator<string> {
  if (replicationFieldBatchMode === false && granularity !== 'FIELD')
    yield 'replicationFieldBatchMode has no effect without replicationGranularity "FIELD"';
  if (snapshotInterval !== undefined && snapshotMode !== 'interval')
    yield 'snapshotInterval has no effect without snapshotMode "interval"';
  if (cacheMode === 'sync' && afterMs > 0)
    yield 'cacheMode "sync" has no effect with snapshotMode "interval": no answer waits for what is sent later';
  if (cacheMode === 'sync' && stays)
    yield 'cacheMode "sync" has no effect with distributable: false, what is in the sessions stays on this node';
}

function copiesWanted(given: unknown, stays: boolean): CopiesWanted | undefined {
  if (given !== undefined && given !== 'total') {
    if (typeof given !== 'number' || !Number.isInteger(given) || given < 1 || given > buddiesAtMost)
      throw configError(
        'buddies',
        `must be "total", or how many nodes beside its own hold a session's data, 1 to ${buddiesAtMost}`,
      );
    if (stays) throw configError('buddies', 'is for distributable applications; this one says distributable: false');
  }
  return stays ? 'total' : given;
}

function classesOf(list: unknown = []): Classes {
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'function' && typeof each.prototype === 'object'))
    throw configError('classes', 'must be a list of classes');
  return new Classes(list);
}

function snapshotMs(app: string, options: ReplicationOptions, granularity: Granularity, log: Log): number {
  const { snapshotInterval = defaultSnapshotMs } = options;
  const mode = oneOf('snapshotMode', options.snapshotMode, ['instant', 'interval'], 'instant');
  if (
    !Number.isSafeInteger(snapshotInterval) ||
    snapshotInterval < snapshotMsAtLeast ||
    snapshotInterval > snapshotMsAtMost
  ) {
    throw configError(
      'snapshotInterval',
      `must be a whole number of milliseconds, ${snapshotMsAtLeast} to ${snapshotMsAtMost}`,
    );
  }
  if (mode === 'instant') return 0;
  if (granularity !== 'FIELD') return snapshotInterval;
  log.warn({ app }, 'sessions: changes of FIELD are always sent at once, snapshotMode "interval" has no effect');
  return 0;
}

function unreplicatedMs(app: string, given: unknown, idleMs: number, log: Log): number {
  const ms = secondsOrNone('maxUnreplicatedInterval', given, defaultUnreplicatedSeconds);
  if (idleMs === 0) return ms;
  if (given === undefined) return Math.min(ms, idleMs / coarseness);
  if (ms === Number.POSITIVE_INFINITY || ms <= idleMs) return ms;
  log.warn(
    { app, maxUnreplicatedInterval: given, idleMs },
    'sessions: maxUnreplicatedInterval is more than the idle limit and counts as 0: every request tells the other nodes of its use',
  );
  return 0;
}
