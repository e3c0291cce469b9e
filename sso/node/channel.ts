/** How a node finds the others: the channel that its options ask for, what it tells them of itself, and how many it knows of. */

import { isWildcardAddress } from '../channel/address.ts';
import type { Channel, Peer } from '../channel/channel.ts';
import { meshChannel } from '../channel/mesh.ts';
import type { Clock } from '../clock.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../options.ts';
import type { Random } from '../random.ts';
import { defined } from './defined.ts';

export interface ChannelNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A later process goes by this node's name; with its incarnation. */
  readonly onReplaced: (latest: number) => void;
}

/** The channel to the other nodes: a test's, the operator's own, or the mesh. `undefined`: a node without a cluster. */
export function channelOf(settings: Settings, self: Peer, keys: Keys, needs: ChannelNeeds): Channel | undefined {
  const { world, cluster } = settings;
  const given = world.channel?.({ ...self, onReplaced: needs.onReplaced });
  if (given !== undefined || cluster === undefined) return given;
  const { name = 'latchkey', nodes = [], listen = '' } = cluster;
  const parts = { ...self, ...needs, cluster: name, nodes, fingerprint: fingerprintOf(settings) };
  if (cluster.channel !== undefined) return cluster.channel({ ...parts, keys: (node) => keys.frames(name, node) });
  return meshChannel({
    ...parts,
    ...defined({ advertise: cluster.advertise, dns: cluster.dns, tls: cluster.tls, reach: world.reach }),
    listen,
    keys: (node) => keys.mesh(name, node),
  });
}

/**
 * Nodes that judge sign-ons by different limits would disagree about who is signed on, those with different voters about what
 * a majority is: they do not join.
 */
export function fingerprintOf({ lifeMs, idleMs, maxEmptyLifeMs, rememberMs, voters }: Settings): string {
  const remembered = rememberMs === 0 ? '' : `, remember.lifeMs ${rememberMs}`;
  const limits = `lifeMs ${lifeMs}, idleMs ${idleMs}, maxEmptyLife ${maxEmptyLifeMs / 1000} s${remembered}`;
  if (voters === undefined) return limits;
  return `${limits}, voters ${voters.list.join(' ')}, leaseMs ${voters.leaseMs}, whenCutOff ${voters.mode}`;
}

/** Where the others reach this node, as far as it knows itself; over a channel of its own it is known by its route. */
export function addressOf(cluster: Settings['cluster'], route: string): string {
  const { advertise, listen = '', channel } = cluster ?? {};
  if (channel !== undefined) return route;
  return advertise ?? (isWildcardAddress(listen) || listen.endsWith(':0') ? '' : listen);
}

/** The cluster's nodes as far as they are named or met; who else will come where they are found otherwise nobody knows. */
export function nodesKnown({ cluster, voters }: Settings, members: readonly { readonly state: string }[]): number {
  if (cluster === undefined) return 1;
  const named = voters?.list.length ?? 1;
  if (cluster.dns !== undefined || named === 1) return Number.POSITIVE_INFINITY;
  return Math.max(named, members.filter(({ state }) => state !== 'left').length);
}
