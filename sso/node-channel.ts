/** How a node finds the others: the channel that its options ask for, and what it tells them of itself. */

import { hostname } from 'node:os';
import { isWildcardAddress } from './channel/address.ts';
import type { Channel } from './channel/channel.ts';
import { meshChannel } from './channel/mesh.ts';
import type { Keys } from './keys.ts';
import type { Settings } from './options.ts';
import type { ValveParts } from './valve/settings.ts';

/** The channel to the other nodes: the operator's own, or the mesh. */
export function channelOf(
  settings: Settings,
  cluster: NonNullable<Settings['cluster']>,
  self: { node: string; incarnation: number },
  keys: Keys,
  world: Pick<ValveParts, 'clock' | 'random' | 'log'> & { readonly onReplaced: (latest: number) => void },
): Channel {
  const { name = 'latchkey', nodes = [], listen = '' } = cluster;
  const parts = { ...self, ...world, cluster: name, nodes, fingerprint: fingerprintOf(settings) };
  if (cluster.channel !== undefined) return cluster.channel({ ...parts, keys: (node) => keys.frames(name, node) });
  return meshChannel({
    ...parts,
    ...defined({ advertise: cluster.advertise, dns: cluster.dns, tls: cluster.tls, reach: settings.world.reach }),
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

/**
 * A node that listens on all interfaces cannot tell which of `nodes` it is where these are host names: what an operator should
 * add, if it is one of them; at most one line.
 */
export function voteAdvice({ route, voters, cluster }: Settings): readonly string[] {
  const { listen = '', advertise } = cluster ?? {};
  if (voters === undefined || voters.own !== undefined || advertise !== undefined || !isWildcardAddress(listen))
    return [];
  const names = new Set([route, hostname()].flatMap((name) => [name.toLowerCase(), firstLabel(name.toLowerCase())]));
  const port = listen.slice(listen.lastIndexOf(':'));
  const samePort = voters.list.filter((one) => one.endsWith(port));
  const alike = samePort.filter((one) => names.has(hostOf(one)) || names.has(firstLabel(hostOf(one))));
  const [likely, ...others] = alike.length === 1 ? alike : samePort.length > 0 ? samePort : voters.list;
  const lines = `"advertise: ${likely}"${others.length > 0 ? ' (or another of cluster.nodes)' : ''}`;
  return [
    `this node has no vote: it listens on ${listen}, and none of cluster.nodes is an address of this machine; if it is one of them, add to cluster the line ${lines}`,
  ];
}

const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':')).toLowerCase();
const firstLabel = (name: string) => name.split('.', 1)[0]!;

/** Without the fields that are undefined: defaults take their place. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
