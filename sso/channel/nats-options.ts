/** What the channel over NATS is told, by the operator and by the node it works for, and what it takes at most. */

import type { Authenticator } from '@nats-io/transport-node';
import { configError, requireKnown } from '../errors.ts';
import { formatAddress, parseAddress } from './address.ts';
import { type ChannelParts, maxFrameBytes } from './channel.ts';
import { clusterNameAtMost } from './credentials.ts';
import { fingerprintBytesAtMost, namePattern } from './hello.ts';

export interface NatsOptions {
  /** `nats://host:port`, or a list of servers of one NATS cluster, of which one is used at a time. Without a port: 4222. */
  readonly servers: string | readonly string[];
  /** What the server asks for: a user and a password, a token, or neither. */
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** NKeys, credential files and the like: an authenticator of `@nats-io/transport-node`. */
  readonly authenticator?: Authenticator;
  /** PEM text. If it is there, TLS is required, with `{}` by the system's authorities; left out: TLS where the server offers it. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
  readonly limits?: Partial<NatsLimits>;
}

export interface NatsLimits {
  /** What may be on its way to the server, bytes: beyond it frames are dropped and told as a gap. At least twice a frame. */
  readonly maxQueueBytes: number;
  /** Members that are up at once. */
  readonly maxPeers: number;
  /** Nodes whose latest life is remembered, those that are gone included; beyond it the connection is made anew. More than `maxPeers`. */
  readonly maxRemembered: number;
  /** From the dial until the server has answered everything. */
  readonly connectMs: number;
  /** Between two signs of life. Smaller: more idle traffic. */
  readonly pingMs: number;
  /** A member is down, and a server is given up, after so long without a sign of life. Smaller: a pause counts as an end. */
  readonly silenceMs: number;
  /** Before the first redial, at most. */
  readonly redialMs: number;
  readonly redialAtMostMs: number;
  /** How long `close` waits for the server to take what was sent. */
  readonly closeMs: number;
}

export const natsLimits: NatsLimits = {
  maxQueueBytes: 16 * 1024 * 1024,
  maxPeers: 256,
  maxRemembered: 10_000,
  connectMs: 5_000,
  pingMs: 1_000,
  silenceMs: 5_000,
  redialMs: 250,
  redialAtMostMs: 5_000,
  closeMs: 500,
};

/** A server, as it is dialled and as it is logged. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/** Everything checked, every default in place. */
export interface NatsSettings extends NatsOptions, ChannelParts {
  readonly dialled: readonly NatsServer[];
  readonly limits: NatsLimits;
}

const known = ['servers', 'user', 'pass', 'token', 'authenticator', 'tls', 'limits'];

/** @throws SsoError ERR_CONFIG_INVALID */
export function checkNatsOptions(options: NatsOptions): readonly NatsServer[] {
  requireKnown('natsChannel', options, known);
  const servers = typeof options.servers === 'string' ? [options.servers] : options.servers;
  if (!Array.isArray(servers) || servers.length === 0)
    throw configError('natsChannel.servers', 'name at least one server: nats://host:4222');
  if (options.pass !== undefined && options.user === undefined)
    throw configError('natsChannel.pass', 'needs a user: a password alone is a token');
  if (options.tls !== undefined && (options.tls.cert === undefined) !== (options.tls.key === undefined))
    throw configError('natsChannel.tls', 'a certificate needs its key, and a key its certificate');
  const limits = { ...natsLimits, ...options.limits };
  if (limits.maxQueueBytes < 2 * maxFrameBytes)
    throw configError('natsChannel.limits.maxQueueBytes', `must be at least ${2 * maxFrameBytes}`);
  return servers.map((text: unknown, i) => parseServer(`natsChannel.servers[${i}]`, text));
}

/** @throws SsoError ERR_CONFIG_INVALID */
export function resolveNatsSettings(options: NatsOptions, parts: ChannelParts): NatsSettings {
  const dialled = checkNatsOptions(options);
  const { node, incarnation, cluster, nodes, keys, fingerprint } = parts;
  const nameError = `cannot name a node of a cluster: letters, digits, ".", "_" and "-", at most 128`;
  if (!namePattern.test(node)) throw configError('route', `"${node}" ${nameError}`);
  for (const [i, name] of nodes.entries())
    if (!namePattern.test(name))
      throw configError(`cluster.nodes[${i}]`, `"${name}" is no node's route: over NATS nodes are named, not dialled`);
  if (!namePattern.test(cluster) || cluster.length > clusterNameAtMost) {
    throw configError(
      'cluster.name',
      `"${cluster}" cannot name a cluster: letters, digits, ".", "_" and "-", at most ${clusterNameAtMost}`,
    );
  }
  if (!Number.isSafeInteger(incarnation) || incarnation < 0)
    throw configError('incarnation', 'must be a safe integer, not negative');
  if (Buffer.byteLength(fingerprint) > fingerprintBytesAtMost)
    throw configError('fingerprint', `must be at most ${fingerprintBytesAtMost} bytes`);
  const own = keys(node);
  if (own.length === 0 || own.some(({ key }) => key.length !== 32))
    throw configError('secret', 'gives no key for the cluster');
  return { ...options, ...parts, dialled, limits: { ...natsLimits, ...options.limits } };
}

const shape = /^(?:(?:nats|tls):\/\/)?([^/@\s]+?)\/?$/;

/** The text is not repeated in an error: it may hold a password. */
function parseServer(path: string, text: unknown): NatsServer {
  if (typeof text !== 'string' || text.includes('@'))
    throw configError(path, 'write nats://host:port; user, pass and token are options of their own');
  const place = shape.exec(text)?.[1];
  const found = place === undefined ? undefined : (parseAddress(place) ?? parseAddress(`${place}:4222`));
  if (found === undefined || found.port === 0)
    throw configError(path, `"${text}" is no server: write nats://host:port`);
  return { ...found, address: formatAddress(found.host, found.port) };
}
