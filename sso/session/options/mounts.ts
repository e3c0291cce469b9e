/**
 * One application that is mounted more than once on a node has to say the same each time, of what is true of its sessions and not of
 * a request: else what becomes of a session depends on the way by which the last request came. Listeners add up, and are not compared.
 */

import type { Log } from '../../log.ts';
import type { CommonSettings } from './common.ts';

type Said = ReadonlyMap<string, string>;

export class Mounts {
  readonly #log: Log;
  readonly #last = new Map<string, Said>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** An application has been mounted, by `sessions()` or `store()`. */
  note(app: string, settings: CommonSettings): void {
    const now = saidBy(settings);
    const before = this.#last.get(app);
    this.#last.set(app, now);
    if (before === undefined) return;
    const differing = [...now].filter(([name, value]) => before.get(name) !== value);
    if (differing.length === 0) return;
    const told = differing.map(([name, value]) => `${name} ${before.get(name)}, now ${value}`).join('; ');
    this.#log.warn(
      { app },
      `sessions: "${app}" is mounted once more with other settings (${told}): what becomes of a session then depends on the way by which a request comes, and of the limits in memory the last count. Give each the same`,
    );
  }

  /** It has stopped here, and may begin again with what it likes. */
  forget(app: string): void {
    this.#last.delete(app);
  }
}

/** By the names of the options, as text. */
function saidBy(settings: CommonSettings): Said {
  const { idleMs, granularity, classNames, waits, telling, passivation } = settings;
  const said: Record<string, unknown> = {
    idleMs,
    replicationGranularity: granularity,
    replicationFieldBatchMode: !telling.alone,
    classes: classNames,
    cacheMode: waits ? 'sync' : 'async',
    distributable: !telling.stays,
    buddies: telling.buddies ?? 'by the size of the cluster',
    'ms between sendings': telling.afterMs,
    maxActiveSessions: limit(passivation?.maxActive, 1),
    useSessionPassivation: passivation?.passivates ?? false,
    passivationMinIdleTime: limit(passivation?.minIdleMs, 1_000),
    passivationMaxIdleTime: limit(passivation?.maxIdleMs, 1_000),
  };
  return new Map(Object.entries(said).map(([name, value]) => [name, JSON.stringify(value)]));
}

/** As the option has it. */
function limit(value: number | undefined, unit: number): number {
  return value === undefined || value === Number.POSITIVE_INFINITY ? -1 : value / unit;
}
