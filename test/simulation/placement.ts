/**
 * Where the copies of sessions live in a seed's world: in one of two every node has them all; in the others the applications
 * keep theirs with one buddy, with two, or each as it likes, on machines that share hosts and pools. Decided by chance
 * of its own, so that worlds without buddies are what they were before there were any.
 */

import { pick, type Random } from '../../sso/random.ts';
import type { CopiesWanted } from '../../sso/session/buddies/depot.ts';
import type { Telling } from '../../sso/session/table.ts';
import type { Climate } from './climate.ts';

/** Where a node stands. */
export interface Place {
  readonly host: string;
  readonly buddyPool: string | undefined;
}

export interface Placement {
  /** By application. */
  readonly copies: Readonly<Record<string, CopiesWanted>>;
  /** By node. */
  readonly places: Readonly<Record<string, Place>>;
}

/** Of so many nodes on, copies on some nodes only are another thing than copies on all. */
const enoughNodes = 4;

/** The applications of every world, and how their changes are told. */
export const tellings = {
  shop: { afterMs: 0, alone: false, stays: false },
  news: { afterMs: 0, alone: true, stays: false },
  mail: { afterMs: 400, alone: false, stays: false },
  desk: { afterMs: 0, alone: false, stays: true },
} as const;
export type App = keyof typeof tellings;
export const apps = Object.keys(tellings) as readonly App[];

/** How an application tells its changes in this world. */
export function tellingOf({ placement }: Climate, app: App): Telling {
  const telling = tellings[app];
  return { ...telling, buddies: telling.stays ? 'total' : (placement?.copies[app] ?? 'total') };
}

/** The same world, or one with more nodes and with buddies. `always`: the latter. */
export function withBuddies(climate: Climate, random: Random, always = false): Climate {
  const has = random.fraction() < 0.5;
  if (!has && !always) return climate;
  const oneOf = <T>(...choices: readonly T[]): T => pick(random, choices)!;
  const { voters } = climate;
  const more = oneOf(0, 0, 1, 2);
  const others = [...climate.others];
  while (voters.length + others.length < enoughNodes + more && others.length < 5) others.push(`x${others.length + 1}`);
  const wanted = oneOf<CopiesWanted | 'each'>(1, 1, 1, 2, 2, 'each', 'each');
  const copies = Object.fromEntries(
    apps.map((app) => [app, wanted === 'each' ? oneOf<CopiesWanted>('total', 1, 1, 2, 3) : wanted]),
  );
  const names = [...new Set([...voters, ...others, ...(climate.laterVoters ?? [])])];
  const hosts = oneOf(names.length, names.length, 2, 3);
  const pools = oneOf(0, 0, 2);
  const places = Object.fromEntries(
    names.map((name, index) => [
      name,
      {
        host: `host${index % hosts}`,
        buddyPool: pools === 0 ? undefined : `pool${Math.floor(random.fraction() * pools)}`,
      },
    ]),
  );
  return { ...climate, others, placement: { copies, places } };
}

/** For scripts: all applications with so many buddies, every node on a host of its own. */
export function buddies(count: CopiesWanted): Placement {
  return { copies: Object.fromEntries(apps.map((app) => [app, count])), places: {} };
}
