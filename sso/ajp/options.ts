/** What an AJP listener can be told, checked before anything listens. */

import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import { configError, requireKnown } from '../errors.ts';
import type { Log } from '../log.ts';

export interface AjpOptions {
  /** `address:port`, an IPv6 address in brackets; port 0: any that is free. 8009 is the custom. */
  readonly listen: string;
  /**
   * What balancer and node share: `secret=` of BalancerMember, `worker.….secret` of mod_jk. At least 16
   * printable characters. Whoever knows it can be any browser with any address; without one only a
   * loopback address is listened on, with a warning, and every user of this machine is trusted so.
   */
  readonly secret?: string;
  /** Default: silent. */
  readonly log?: Log;
  /**
   * Bytes of the largest packet, its header counted, 8192 (default) to 65536. A request's headers and an
   * answer's have to fit into one. Must be what the balancer has: `max_packet_size` of mod_jk,
   * `ProxyIOBufferSize` of mod_proxy_ajp; both have 8192 by default. A larger packet than this closes the
   * connection; an answer with larger headers becomes a 500.
   */
  readonly maxPacketSize?: number;
  /** Connections at once, default 1024; one more is closed at once. Every thread of a balancer keeps one. */
  readonly maxConnections?: number;
  /** Header fields of one request, default 100; more are answered 431. */
  readonly headersAtMost?: number;
  /** A connection on which nothing comes for so long is closed; default 600,000. Must be more than mod_jk's `connection_pool_timeout`. */
  readonly idleMs?: number;
  /** A packet that has begun, and the first on a connection, must be whole within this; default 10,000. */
  readonly packetMs?: number;
  /** A request's body must be whole within this, counted from the request; default 300,000, as node:http has it. */
  readonly requestMs?: number;
  /** An answer of which the balancer takes nothing for so long is cut; default 300,000. */
  readonly stalledMs?: number;
  /**
   * Names of request attributes that the balancer's configuration adds (`JkEnvVar`, `SetEnv AJP_…`), exact.
   * Any that is neither here nor sent by balancers themselves is refused with 403.
   */
  readonly attributes?: readonly string[];
  /**
   * `dropped` (default): Forwarded and X-Forwarded-* never reach the application, for anybody can write
   * them, and AJP itself says who asks, by what host and whether by TLS. `kept`: where the balancer stands
   * behind another proxy and does not know either (better: mod_remoteip there).
   */
  readonly forwardedHeaders?: 'dropped' | 'kept';
  /**
   * Asked at every CPing. `false`: it gets no answer and its connection is closed, so that a balancer that
   * asks before a request (`ping_mode=A`, `ping=`) sends it to another node. Requests that come without
   * having asked are served. Default: always ready.
   */
  readonly isReady?: () => boolean;
  /** Time, for tests. */
  readonly clock?: Clock;
}

export type Limits = Required<
  Pick<
    AjpOptions,
    'maxPacketSize' | 'maxConnections' | 'headersAtMost' | 'idleMs' | 'packetMs' | 'requestMs' | 'stalledMs'
  >
>;

export interface CheckedOptions {
  readonly host: string;
  readonly port: number;
  readonly isLoopback: boolean;
  readonly limits: Limits;
}

const bounds: Readonly<Record<keyof Limits, readonly [fallback: number, least: number, most: number]>> = {
  maxPacketSize: [8_192, 8_192, 65_536],
  maxConnections: [1_024, 1, 1_000_000],
  headersAtMost: [100, 1, 2_000],
  idleMs: [600_000, 10, 0x7fff_ffff],
  packetMs: [10_000, 10, 600_000],
  requestMs: [300_000, 10, 0x7fff_ffff],
  stalledMs: [300_000, 10, 0x7fff_ffff],
};

const names = [
  ...['listen', 'secret', 'log', 'attributes', 'forwardedHeaders', 'isReady', 'clock'],
  ...Object.keys(bounds),
];

/** @throws SsoError ERR_CONFIG_INVALID */
export function checkAjpOptions(options: AjpOptions): CheckedOptions {
  requireKnown('ajp', options, names);
  const { host, port } = parseListen(options.listen);
  const isLoopback = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
  checkSecretOption(options.secret, isLoopback, options.listen);
  const { forwardedHeaders, attributes } = options;
  if (forwardedHeaders !== undefined && forwardedHeaders !== 'dropped' && forwardedHeaders !== 'kept')
    throw configError('ajp.forwardedHeaders', "must be 'dropped' or 'kept'");
  const areNames = Array.isArray(attributes) && attributes.every((one) => typeof one === 'string' && one !== '');
  if (attributes !== undefined && !areNames) throw configError('ajp.attributes', 'must be a list of names');
  const limits = Object.fromEntries(
    Object.entries(bounds).map(([name, bound]) => [name, checkLimit(name as keyof Limits, options, bound)]),
  ) as unknown as Limits;
  return { host, port, isLoopback, limits };
}

function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(String(listen));
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host === undefined || port > 65_535 || (found?.[1] !== undefined && isIP(host) !== 6))
    throw configError('ajp.listen', 'must be address:port, as in 127.0.0.1:8009');
  return { host: host.toLowerCase(), port };
}

function checkSecretOption(secret: unknown, isLoopback: boolean, listen: string): void {
  if (secret === undefined) {
    if (isLoopback) return;
    throw configError('ajp.secret', `is missing: on ${listen} anybody who reaches the port could be any browser`);
  }
  if (typeof secret !== 'string' || !/^[\x21-\x7e][\x20-\x7e]{14,253}[\x21-\x7e]$/.test(secret))
    throw configError(
      'ajp.secret',
      'must have 16 to 255 printable characters (ASCII), none of them a space at its ends',
    );
}

function checkLimit(
  name: keyof Limits,
  options: AjpOptions,
  [fallback, least, most]: readonly [number, number, number],
) {
  const value = options[name] ?? fallback;
  if (!Number.isInteger(value) || value < least || value > most)
    throw configError(`ajp.${name}`, `must be a whole number, ${least} to ${most}`);
  return value;
}
