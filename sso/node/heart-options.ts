/** What a node's options say to its heart: the same values by the names that the rooms below have for them. Defaults are theirs. */

import type { HeartParts } from '../heart.ts';
import type { Settings } from '../options.ts';
import { addressOf } from './channel.ts';
import { defined } from './defined.ts';

export type HeartOptions = Pick<
  HeartParts,
  'route' | 'address' | 'buddyPool' | 'host' | 'voters' | 'restored' | 'gossip' | 'registry' | 'sessions'
>;

export function heartOptions(settings: Settings): HeartOptions {
  const { cluster, limits, route, buddyPool, host, voters, restored } = settings;
  return {
    ...{ route, buddyPool, host, voters, restored },
    address: addressOf(cluster, route),
    gossip: defined({
      intervalMs: cluster?.intervalMs,
      askMs: cluster?.askMs,
      joinMs: cluster?.joinMs,
      lostAfterMs: cluster?.lostAfterMs,
    }),
    registry: defined({
      lifeMs: settings.lifeMs,
      idleMs: settings.idleMs,
      maxEmptyLifeMs: settings.maxEmptyLifeMs,
      entries: limits.entries,
      rememberMs: settings.rememberMs,
      entriesPerSubject: limits.entriesPerUser,
      copies: cluster?.copies,
      copyMs: cluster?.copyMs,
      logoutMs: cluster?.logoutMs,
    }),
    sessions: defined({
      sessions: limits.sessions,
      sessionsPerSignOn: limits.sessionsPerSignOn,
      copies: cluster?.copies,
      waitMs: cluster?.copyMs,
    }),
  };
}
