/**
 * The channel of a cluster that has a NATS server already: every node connects there and to nothing else.
 * This file puts the parts together: the connection is `nats-connection.ts`, what travels is sealed by
 * `nats-envelope.ts`, who is up is `nats-members.ts`. The server is trusted with nothing but carrying:
 * neither it nor anybody who may publish there can read or forge a frame.
 *
 * Needs `@nats-io/transport-node`, which applications install themselves. NATS core alone, no JetStream.
 */

import { type Cancel, every } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';
import {
  type Channel,
  type ChannelEvents,
  type MakeChannel,
  maxFrameBytes,
  type Peer,
  type RefusalView,
} from './channel.ts';
import { Complaints } from './complaints.ts';
import { following } from './frame.ts';
import { frameVersions } from './hello.ts';
import { NatsConnection } from './nats-connection.ts';
import { envelopeBytesAtMost, type NatsKind, newSalt, parseEnvelope, Sealer, type Stay } from './nats-envelope.ts';
import { NatsMembers } from './nats-members.ts';
import { NatsOpener } from './nats-opener.ts';
import { checkNatsOptions, type NatsOptions, type NatsSettings, resolveNatsSettings } from './nats-options.ts';

export type { NatsLimits, NatsOptions } from './nats-options.ts';

/**
 * A channel over NATS, for `cluster.channel`: `startNode({ cluster: { nodes: ['node1', 'node2', 'node3'],
 * channel: natsChannel({ servers: 'nats://10.0.0.9', user, pass }) } })`. The nodes are named by their routes.
 * @throws SsoError ERR_CONFIG_INVALID
 */
export function natsChannel(options: NatsOptions): MakeChannel {
  checkNatsOptions(options);
  return (parts) => new NatsChannel(resolveNatsSettings(options, parts));
}

const nothing = new Uint8Array(0);

class NatsChannel implements Channel {
  readonly #settings: NatsSettings;
  readonly #log: Log;
  readonly #complaints: Complaints;
  readonly #connection: NatsConnection;
  readonly #members: NatsMembers;
  readonly #opener: NatsOpener;
  readonly #subjects: Subjects;
  #sealer: Sealer;
  #stays = 0;
  /** The number of the next data for everybody. */
  #nextOfAll = 0;
  #stopBeats: Cancel = () => {};
  #replaced = false;
  #closing: Promise<void> | undefined;

  constructor(settings: NatsSettings) {
    const { cluster, node, keys, clock, random, limits, dialled } = settings;
    this.#settings = settings;
    this.#log = settings.log ?? silentLog;
    this.#complaints = new Complaints(clock, this.#log);
    this.#subjects = subjectsOf(cluster);
    this.#opener = new NatsOpener(cluster, keys);
    this.#sealer = this.#newStay();
    this.#members = this.#makeMembers();
    this.#connection = new NatsConnection({
      clock,
      random,
      limits,
      log: this.#log,
      complaints: this.#complaints,
      name: `latchkey ${cluster} ${node}`,
      options: settings,
      servers: dialled,
      up: () => {
        this.#sealer = this.#newStay();
        return [this.#subjects.all, this.#subjects.of(this.#sealer.stay)];
      },
      ready: () => this.#beat(),
      message: (bytes) => this.#receive(bytes),
      room: () => {
        this.#sayBeat();
        this.#members.room();
      },
      down: () => this.#members.lower('the connection to the NATS server has ended'),
    });
  }

  async open(events: ChannelEvents): Promise<void> {
    if (this.#closing !== undefined) return;
    const { clock, limits } = this.#settings;
    this.#members.open(events);
    this.#connection.start();
    this.#stopBeats = every(clock, limits.pingMs, () => {
      this.#members.beat();
      this.#beat();
    });
  }

  peers(): readonly Peer[] {
    return this.#members.peers();
  }

  pending(): readonly string[] {
    return this.#members.pending();
  }

  send(to: Peer, frame: Uint8Array): void {
    checkLength(frame);
    const member = this.#closing === undefined ? this.#members.find(to) : undefined;
    if (member === undefined) return;
    const sequence = member.next;
    member.next = following(sequence);
    if (this.#put('data', member.stay, sequence, frame)) return;
    this.#complaints.count('overflow');
    member.owed = true;
  }

  broadcast(frame: Uint8Array): void {
    checkLength(frame);
    if (this.#closing !== undefined || this.#members.peers().length === 0) return;
    const sequence = this.#nextOfAll;
    this.#nextOfAll = following(sequence);
    if (this.#put('data', undefined, sequence, frame)) return;
    this.#complaints.count('overflow');
    for (const member of this.#members.all()) member.owed = true;
  }

  /** Whoever is there is heard: no addresses are needed. */
  know(): void {}

  counters(): Readonly<Record<string, number>> {
    return this.#complaints.counters();
  }

  refusals(): readonly RefusalView[] {
    return this.#members.refusals();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#stopBeats();
    this.#members.close();
    this.#put('leave', undefined, this.#nextOfAll, nothing);
    await this.#connection.close();
  }

  /** `false`: dropped, there was no room. Only data is ever dropped while the connection stands. */
  #put(kind: NatsKind, to: Stay | undefined, sequence: number, payload: Uint8Array): boolean {
    const subject = to === undefined ? this.#subjects.all : this.#subjects.of(to);
    const bytes = this.#sealer.seal(kind, to?.salt, sequence, payload);
    return this.#connection.publish(subject, bytes, kind !== 'data');
  }

  /** A sign of life for everybody; after a later process has taken this node's name there is none. */
  #beat(): void {
    if (!this.#replaced) this.#sayBeat();
  }

  #sayBeat(): void {
    this.#put('beat', undefined, this.#nextOfAll, nothing);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#closing !== undefined) return;
    if (bytes.length > maxFrameBytes + envelopeBytesAtMost) return void this.#stranger('too long for a frame');
    const sealed = parseEnvelope(bytes);
    if (sealed === undefined) return void this.#stranger('no frame');
    const { stay, to, kind } = sealed;
    const own = this.#sealer.stay;
    if (stay.salt === own.salt) return;
    if (to !== undefined && to !== own.salt) return void this.#complaints.count('stray');
    if (this.#members.isReplay(sealed)) return void this.#complaints.count('replay');
    const payload = this.#opener.open(sealed);
    if (payload === 'key') return void this.#stranger('sealed with a secret unknown here');
    if (payload === 'forged') return void this.#stranger('not sealed by a member');
    const wanted = kind === 'data' || (to === undefined) === (kind === 'beat' || kind === 'leave');
    if (!wanted) return void this.#complaints.count('frame');
    this.#members.take(sealed, payload);
  }

  /** Whoever may publish on our subjects, and has not the secret: one line for each reason, however much comes. */
  #stranger(reason: string): void {
    this.#complaints.count('stranger');
    const fields = { subjects: this.#subjects.everything, reason };
    this.#complaints.once(
      `stranger ${reason}`,
      'warn',
      fields,
      "somebody publishes on the cluster's subjects who is no member",
    );
  }

  #newStay(): Sealer {
    const { node, incarnation, cluster, keys, random } = this.#settings;
    const count = (this.#stays += 1);
    return new Sealer(cluster, { node, incarnation, count, salt: newSalt((n) => random.bytes(n)) }, keys(node)[0]!);
  }

  #makeMembers(): NatsMembers {
    const { node, incarnation, cluster, nodes, fingerprint, clock, limits } = this.#settings;
    return new NatsMembers({
      clock,
      nodes,
      limits,
      log: this.#log,
      complaints: this.#complaints,
      hello: () => ({ node, incarnation, cluster, address: node, versions: frameVersions, fingerprint }),
      own: () => this.#sealer.stay,
      nextOfAll: () => this.#nextOfAll,
      // A replaced node says hello to nobody: it is to be forgotten.
      send: (kind, to, sequence, payload) =>
        void ((kind !== 'hello' || !this.#replaced) && this.#put(kind, to, sequence, payload)),
      renew: (why) => this.#connection.renew(why),
      replaced: (latest) => this.#stepBack(latest),
    });
  }

  /** A later process has this node's name: this one shows itself to nobody any more, and its user decides. */
  #stepBack(latest: number): void {
    if (this.#replaced) return;
    this.#replaced = true;
    const { node, incarnation, onReplaced } = this.#settings;
    this.#log.error({ node, incarnation, latest }, 'a later process has the name of this node: this one must stop');
    onReplaced?.(latest);
  }
}

interface Subjects {
  /** What is for everybody. */
  readonly all: string;
  /** All of them, as an operator names them in the server's permissions. */
  readonly everything: string;
  /** What is for one stay. */
  of(stay: Stay): string;
}

function subjectsOf(cluster: string): Subjects {
  // Dots separate a subject's tokens; `~` is in no name.
  const token = (name: string) => name.replaceAll('.', '~');
  const root = `latchkey.${token(cluster)}`;
  return {
    all: `${root}.all`,
    everything: `${root}.>`,
    of: ({ node, salt }) => `${root}.to.${token(node)}.${salt}`,
  };
}

function checkLength(frame: Uint8Array): void {
  if (frame.length > maxFrameBytes)
    throw new RangeError(`a frame of ${frame.length} bytes: at most ${maxFrameBytes} travel`);
}
