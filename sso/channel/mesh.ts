/**
 * The channel of a cluster that needs nothing else installed: one TLS connection for each pair of
 * members, every member connected to every other. This file puts the parts together: who may come in is
 * the listener's and the credentials' business, who is dialled and when the dialer's, which connection
 * is in use the links'. What the frames mean is nobody's here.
 */

import { connect, type TLSSocket } from 'node:tls';
import { type Cancel, every } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';
import { formatAddress, isWildcard, parseAddress } from './address.ts';
import { certificateCredentials } from './certificates.ts';
import type { Channel, ChannelEvents, Peer, RefusalView } from './channel.ts';
import { Complaints } from './complaints.ts';
import { type Credentials, keyCredentials, protocolOf } from './credentials.ts';
import { dialFailure, foreignListener } from './dial-failure.ts';
import { Dialer } from './dialer.ts';
import { frameVersions } from './hello.ts';
import { Links } from './links.ts';
import { Listener } from './listener.ts';
import { Lookup, systemResolve } from './lookup.ts';
import { type MeshOptions, type MeshSettings, resolveMeshOptions } from './mesh-options.ts';

export interface MeshChannel extends Channel {
  /** Where the others can dial this node, once open; '' if it listens everywhere and nothing has told yet which address leads here. */
  address(): string;
}

/** @throws SsoError ERR_CONFIG_INVALID an option, the keys or the certificates are unusable: there is no plain way instead */
export function meshChannel(options: MeshOptions): MeshChannel {
  return new Mesh(resolveMeshOptions(options));
}

class Mesh implements MeshChannel {
  readonly #settings: MeshSettings;
  readonly #log: Log;
  readonly #complaints: Complaints;
  readonly #credentials: Credentials;
  readonly #links: Links;
  readonly #listener: Listener;
  readonly #dialer: Dialer;
  readonly #lookup: Lookup | undefined;
  readonly #dialling = new Set<TLSSocket>();
  #address = '';
  #replaced = false;
  #stopBeats: Cancel = () => {};
  #closing: Promise<void> | undefined;

  constructor(settings: MeshSettings) {
    const { node, cluster, keys, tls, clock, random, limits, nodes } = settings;
    this.#settings = settings;
    this.#log = settings.log ?? silentLog;
    this.#complaints = new Complaints(clock, this.#log);
    this.#credentials =
      tls === undefined ? keyCredentials(cluster, node, keys) : certificateCredentials(cluster, node, tls, clock.now());
    this.#dialer = new Dialer({
      ...limits,
      clock,
      random,
      dial: (address, attempt) => this.#dial(address, attempt),
      connected: (one) => this.#links.connected(one),
    });
    this.#dialer.name('configured', nodes.map(spell));
    this.#links = this.#makeLinks();
    this.#listener = new Listener({
      ...limits,
      clock,
      credentials: this.#credentials,
      protocol: protocolOf(cluster),
      complaints: this.#complaints,
      secured: (socket, trusted) => this.#links.add(socket, undefined, trusted),
    });
    this.#lookup = this.#makeLookup();
  }

  async open(events: ChannelEvents): Promise<void> {
    const { listenAt, advertise, clock, limits } = this.#settings;
    const port = await this.#listener.listen(listenAt.host, listenAt.port);
    if (this.#closing !== undefined) return this.#listener.close();
    const listening = formatAddress(listenAt.host, port);
    this.#address = advertise !== undefined ? spell(advertise) : isWildcard(listenAt.host) ? '' : listening;
    for (const own of [listening, this.#address]) this.#dialer.own(own);
    this.#links.open(events);
    this.#dialer.start();
    this.#lookup?.start();
    this.#stopBeats = every(clock, limits.pingMs, () => this.#links.beat());
  }

  address(): string {
    return this.#address;
  }

  peers(): readonly Peer[] {
    return this.#links.peers();
  }

  pending(): readonly string[] {
    const { dns } = this.#settings;
    const unanswered = dns !== undefined && this.#lookup?.answered === false ? [`${dns.name}:${dns.port}`] : [];
    return [...this.#dialer.pending(), ...unanswered];
  }

  send(to: Peer, frame: Uint8Array): void {
    this.#put(frame, to);
  }

  broadcast(frame: Uint8Array): void {
    this.#put(frame);
  }

  know(addresses: readonly string[]): void {
    const valid = addresses.filter((address) => (parseAddress(address)?.port ?? 0) > 0).map(spell);
    if (valid.length < addresses.length) this.#complaints.count('address');
    this.#dialer.name('members', valid.slice(0, this.#settings.limits.maxPeers * 2));
  }

  counters(): Readonly<Record<string, number>> {
    return this.#complaints.counters();
  }

  refusals(): readonly RefusalView[] {
    return this.#links.refusals();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#stopBeats();
    this.#dialer.stop();
    this.#lookup?.stop();
    const listenerClosed = this.#listener.close();
    const diallingClosed = [...this.#dialling].map(
      (socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve())),
    );
    for (const socket of this.#dialling) socket.destroy();
    await Promise.all([listenerClosed, this.#links.close(), ...diallingClosed]);
  }

  #put(frame: Uint8Array, to?: Peer): void {
    const { maxFrameBytes } = this.#settings.limits;
    if (frame.length > maxFrameBytes)
      throw new RangeError(`a frame of ${frame.length} bytes: at most ${maxFrameBytes} travel`);
    if (this.#closing !== undefined) return;
    for (const link of this.#links.inUse(to)) if (!link.send(frame)) this.#complaints.count('overflow');
  }

  #dial(address: string, attempt: number): void {
    const { clock, limits, cluster, reach } = this.#settings;
    const { host, port } = parseAddress(reach?.(address) ?? address)!;
    const socket = connect({ host, port, ...this.#credentials.client(attempt) });
    let failure = new Error('closed in the handshake');
    let secured = false;
    const deadline = clock.after(limits.handshakeMs, () => socket.destroy(new Error('no answer in time')));
    this.#dialling.add(socket);
    socket.on('error', (error) => {
      failure = error;
    });
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== protocolOf(cluster))
        return void socket.destroy(foreignListener('what listens there is no node'));
      secured = true;
      this.#dialling.delete(socket);
      this.#links.add(socket, address, deadline);
    });
    socket.once('close', () => {
      if (secured) return;
      deadline();
      this.#dialling.delete(socket);
      this.#notReached(address, attempt, failure);
    });
  }

  #notReached(address: string, attempt: number, error: Error): void {
    const { kind, why } = dialFailure(error);
    this.#complaints.count(kind === 'credentials' ? 'dial-refused' : 'dial');
    const harmless = kind === 'absent' || kind === 'unknown';
    if (harmless) this.#complaints.once(`dial ${address}`, 'info', { address, why }, 'a node is not reached');
    const tryAnotherKey = kind === 'credentials' && attempt + 1 < this.#credentials.choices();
    if (!harmless && !tryAnotherKey) {
      this.#complaints.once(`at ${address}`, 'warn', { address, why }, 'a node cannot be talked to');
    }
    this.#dialer.failed(address, kind);
  }

  #makeLinks(): Links {
    const { node, incarnation, cluster, fingerprint, clock, limits } = this.#settings;
    return new Links({
      clock,
      limits,
      log: this.#log,
      complaints: this.#complaints,
      hello: () => ({ node, incarnation, cluster, address: this.#address, versions: frameVersions, fingerprint }),
      vouches: (link, claimed) =>
        this.#credentials.vouches(link.socket, link.dialled === undefined ? 'by-them' : 'by-us', claimed),
      met: (address, one) => {
        this.#dialer.met(address, one);
        for (const topic of ['dial', 'at']) this.#complaints.settle(`${topic} ${address}`);
      },
      metSelf: (address) => {
        this.#dialer.own(address);
        if (this.#address === '') this.#address = address;
      },
      settled: (one) => this.#dialer.settled(one),
      lost: (one) => this.#dialer.lost(one),
      over: (address) => this.#dialer.failed(address, 'over'),
      replaced: (latest) => this.#stepBack(latest),
    });
  }

  #makeLookup(): Lookup | undefined {
    const { dns, clock, limits, resolve } = this.#settings;
    if (dns === undefined) return undefined;
    return new Lookup({
      ...dns,
      clock,
      resolve: resolve ?? systemResolve,
      everyMs: limits.dnsEveryMs,
      firstMs: Math.min(2_000, limits.dnsEveryMs),
      found: (addresses) => this.#dialer.name('dns', addresses),
      failed: ({ message }) => {
        this.#complaints.count('dns');
        this.#complaints.once('dns', 'warn', { name: dns.name, why: message }, "the nodes' name cannot be looked up");
      },
    });
  }

  /** A later process has this node's name: this one dials nobody any more, and its user decides. */
  #stepBack(latest: number): void {
    if (this.#replaced) return;
    this.#replaced = true;
    this.#dialer.stop();
    const { node, incarnation, onReplaced } = this.#settings;
    this.#log.error({ node, incarnation, latest }, 'a later process has the name of this node: this one must stop');
    onReplaced?.(latest);
  }
}

/** One spelling per address. */
function spell(address: string): string {
  const { host, port } = parseAddress(address)!;
  return formatAddress(host, port);
}
