/** What a mesh is told, and what it takes at most. */

import type { Clock } from '../clock.ts';
import { configError } from '../errors.ts';
import type { MeshKey } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { type Address, isWildcard, parseAddress } from './address.ts';
import type { Certificates } from './certificates.ts';
import { maxFrameBytes } from './channel.ts';
import { clusterNameAtMost } from './credentials.ts';
import { fingerprintBytesAtMost, namePattern } from './hello.ts';
import type { Resolve } from './lookup.ts';

export interface MeshOptions {
  readonly node: string;
  /** Later processes of the same node have greater ones. */
  readonly incarnation: number;
  /** Part of the keys: nodes of another name are strangers, even with the same secret. Default `latchkey`. */
  readonly cluster?: string | undefined;
  /** `host:port`; port 0: the operating system picks one. */
  readonly listen: string;
  /** Where the others reach this node, if not at `listen`. */
  readonly advertise?: string | undefined;
  /** The configured list, own address included or not. */
  readonly nodes: readonly string[];
  /** A DNS name whose addresses are nodes. */
  readonly dns?: { readonly name: string; readonly port: number } | undefined;
  readonly resolve?: Resolve | undefined;
  /** Where an address is dialled in truth, `host:port`: for tests that put a proxy between two nodes whose lists must be equal. Default: there. */
  readonly reach?: ((address: string) => string) | undefined;
  /** The keys of a node of this cluster, newest secret first; none for a node that may not join. Asked at every handshake. */
  readonly keys: (node: string) => readonly MeshKey[];
  /** The operator's own certificates in place of keys. */
  readonly tls?: Certificates | undefined;
  /** Settings that must be equal on all members, as text an operator can read; a member that differs is refused. At most 1 KiB. */
  readonly fingerprint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log | undefined;
  readonly limits?: Partial<MeshLimits> | undefined;
  /** A later process with this node's name lives: this one must stop, or take an incarnation beyond `latest`. Called once. */
  readonly onReplaced?: ((latest: number) => void) | undefined;
}

export interface MeshLimits {
  /** The longest frame, bytes; the same on all members. */
  readonly maxFrameBytes: number;
  /** What may wait for one member, bytes: beyond it frames are dropped and told as a gap. At least twice `maxFrameBytes`. */
  readonly maxQueueBytes: number;
  /** Connections that have not proven yet that they are members'. */
  readonly maxStrangers: number;
  /** Members connected at once. */
  readonly maxPeers: number;
  /** From the connection to the accept. */
  readonly handshakeMs: number;
  /** Between two heartbeats. Smaller: more idle traffic. */
  readonly pingMs: number;
  /** A member is down after so long without a whole frame. Smaller: a pause of the other process counts as its end. */
  readonly silenceMs: number;
  /** Before the first redial, at most. */
  readonly redialMs: number;
  readonly redialAtMostMs: number;
  /** Between two look-ups of the DNS name. */
  readonly dnsEveryMs: number;
  /** How long `close` waits for the others to take what was sent. */
  readonly closeMs: number;
}

export const meshLimits: MeshLimits = {
  maxFrameBytes,
  maxQueueBytes: 16 * 1024 * 1024,
  maxStrangers: 64,
  maxPeers: 256,
  handshakeMs: 5_000,
  pingMs: 1_000,
  silenceMs: 5_000,
  redialMs: 250,
  redialAtMostMs: 5_000,
  dnsEveryMs: 30_000,
  closeMs: 500,
};

/** Everything checked, every default in place. */
export interface MeshSettings extends MeshOptions {
  readonly cluster: string;
  readonly listenAt: Address;
  readonly limits: MeshLimits;
}

/** @throws SsoError ERR_CONFIG_INVALID */
export function resolveMeshOptions(options: MeshOptions): MeshSettings {
  const { node, cluster = 'latchkey', advertise, fingerprint, incarnation } = options;
  const limits = { ...meshLimits, ...options.limits };
  if (!namePattern.test(node))
    throw configError(
      'route',
      `"${node}" cannot name a node of a cluster: letters, digits, ".", "_" and "-", at most 128`,
    );
  if (!namePattern.test(cluster) || cluster.length > clusterNameAtMost) {
    throw configError(
      'cluster.name',
      `"${cluster}" cannot name a cluster: letters, digits, ".", "_" and "-", at most ${clusterNameAtMost}`,
    );
  }
  if (!Number.isSafeInteger(incarnation) || incarnation < 0)
    throw configError('incarnation', 'must be a safe integer, not negative');
  const listenAt = requireAddress('cluster.listen', options.listen, 0);
  if (advertise !== undefined && isWildcard(requireAddress('cluster.advertise', advertise, 1).host)) {
    throw configError('cluster.advertise', `nobody can reach "${advertise}": name an address of this machine`);
  }
  for (const [i, address] of options.nodes.entries()) requireAddress(`cluster.nodes[${i}]`, address, 1);
  if (Buffer.byteLength(fingerprint) > fingerprintBytesAtMost)
    throw configError('fingerprint', `must be at most ${fingerprintBytesAtMost} bytes`);
  if (limits.maxQueueBytes < 2 * limits.maxFrameBytes)
    throw configError('limits.maxQueueBytes', 'must be at least twice maxFrameBytes');
  return { ...options, cluster, listenAt, limits };
}

function requireAddress(path: string, text: string, leastPort: number): Address {
  const address = parseAddress(text);
  if (address === undefined || address.port < leastPort)
    throw configError(path, `"${text}" is no address: write host:port`);
  return address;
}
