/**
 * The connection to the NATS server: dialled until it stands, made anew when it ends, one at a time. It
 * knows subjects and bytes, and nothing of members.
 *
 * The client library dials and speaks the protocol; the waiting between two attempts is ours, and so is
 * the bound on what is on its way: the library would queue without end for a server that does not read.
 * Every so many bytes the server is asked whether it has taken them.
 */

import { type NatsConnection as Connection, type ConnectionOptions, connect, errors } from '@nats-io/transport-node';
import type { Cancel, Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { maxFrameBytes } from './channel.ts';
import type { Complaints } from './complaints.ts';
import { envelopeBytesAtMost } from './nats-envelope.ts';
import type { NatsLimits, NatsOptions, NatsServer } from './nats-options.ts';
import { Probe } from './nats-probe.ts';

export interface NatsConnectionParts {
  readonly name: string;
  readonly options: NatsOptions;
  readonly servers: readonly NatsServer[];
  readonly limits: NatsLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly complaints: Complaints;
  /** It stands: the subjects to hear of. */
  up(): readonly string[];
  /** The server has been told the subjects: what is published from now on is answered to them. */
  ready(): void;
  message(bytes: Uint8Array): void;
  /** After something was dropped there is room again. */
  room(): void;
  down(): void;
}

/** What a message costs in the library's queue beside its bytes. */
const messageOverhead = 256;
/** The server needs a message of the longest frame. */
const payloadBytes = maxFrameBytes + envelopeBytesAtMost;

export class NatsConnection {
  readonly #parts: NatsConnectionParts;
  readonly #failures = new Set<string>();
  #connection: Connection | undefined;
  #attempt = 0;
  #since = 0;
  #probe: Probe | undefined;
  /** The attempt under way. */
  #dialling: Promise<void> = Promise.resolve();
  #cancelRedial: Cancel = () => {};
  #closed = false;
  /** Bytes that the server has not said it took. */
  #unconfirmed = 0;
  /** The connection that has been asked, and has not answered. */
  #confirming: Connection | undefined;
  #dropped = false;

  constructor(parts: NatsConnectionParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#dialling = this.#dial();
  }

  /** `false`: there is no connection, or no room. What is `needed` goes out in any case. */
  publish(subject: string, bytes: Uint8Array, needed: boolean): boolean {
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return false;
    const { maxQueueBytes } = this.#parts.limits;
    if (!needed && this.#unconfirmed + bytes.length > maxQueueBytes) {
      this.#dropped = true;
      return false;
    }
    connection.publish(subject, bytes);
    this.#unconfirmed += bytes.length + messageOverhead;
    if (this.#unconfirmed > maxQueueBytes / 16) void this.#confirm(connection);
    return true;
  }

  /** Ends the connection, to begin a new one. */
  renew(why: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#ended(connection, undefined, why);
    void connection.close();
  }

  /** Waits until the server took what was published, for `closeMs` at most; then nothing is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRedial();
    this.#probe?.end();
    await this.#dialling;
    const connection = this.#connection;
    if (connection === undefined) return;
    const { clock, limits } = this.#parts;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(limits.closeMs, resolve);
      connection.flush().then(
        () => resolve(void cancel()),
        () => resolve(void cancel()),
      );
    });
    await connection.close();
  }

  async #dial(): Promise<void> {
    const { servers, limits, options, name } = this.#parts;
    const server = servers[this.#attempt % servers.length]!;
    this.#attempt += 1;
    try {
      this.#probe = new Probe(server, limits.connectMs, this.#parts.clock);
      await this.#probe.answered;
      if (this.#closed) return;
      const connection = await connect(connectionOptions(server, options, limits, name));
      if (this.#closed) return await connection.close();
      await this.#stand(connection, server);
    } catch (error) {
      this.#failed(server, error);
    }
  }

  async #stand(connection: Connection, server: NatsServer): Promise<void> {
    const { clock, log, complaints, up, ready } = this.#parts;
    const { max_payload: most = 0 } = connection.info ?? {};
    if (most < payloadBytes) {
      await connection.close();
      throw new PayloadError(`its max_payload is ${most} bytes: Latchkey needs at least ${payloadBytes}`);
    }
    this.#connection = connection;
    this.#since = clock.monotonic();
    this.#unconfirmed = 0;
    this.#dropped = false;
    this.#failures.clear();
    complaints.settle(`server ${server.address}`);
    log.info({ server: server.address }, 'connected to the NATS server');
    void connection.closed().then((error) => {
      const why = error instanceof Error ? error.message : 'closed by the server';
      this.#ended(connection, server, why);
    });
    void this.#watch(connection, server);
    for (const subject of up())
      connection.subscribe(subject, {
        callback: (error, { data }) => void (error === null && this.#take(connection, data)),
      });
    ready();
  }

  /** What throws here would end the library's reading without a word: it is thrown where everybody sees it. */
  #take(connection: Connection, data: Uint8Array): void {
    if (this.#connection !== connection) return;
    try {
      this.#parts.message(data);
    } catch (error) {
      this.#parts.clock.soon(() => {
        throw error;
      });
    }
  }

  /** Says what the server objects to while the connection stands. */
  async #watch(connection: Connection, server: NatsServer): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof errors.PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      this.#fail(
        'permission',
        { server: server.address, operation, subject },
        'the NATS server forbids this node a subject',
      );
    }
  }

  #ended(connection: Connection, server: NatsServer | undefined, why: string): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    const { clock, limits, complaints, down } = this.#parts;
    if (this.#closed) return;
    if (clock.monotonic() - this.#since >= limits.redialAtMostMs) this.#attempt = 0;
    complaints.count('server');
    const at = server?.address;
    complaints.once(`server ${at}`, 'warn', { server: at, why }, 'the connection to the NATS server has ended');
    down();
    this.#redial();
  }

  #failed(server: NatsServer, error: unknown): void {
    if (this.#closed) return;
    const { complaints } = this.#parts;
    const why = error instanceof Error ? error.message : 'closed before it answered';
    complaints.count('server');
    const at = { server: server.address, why };
    if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
      this.#fail(server.address, at, "the NATS server refuses this node's user, password or token");
    else if (error instanceof PayloadError) this.#fail(server.address, at, 'the NATS server takes too short messages');
    else complaints.once(`server ${server.address}`, 'warn', at, 'the NATS server is not reached');
    this.#redial();
  }

  /** One error line for each thing that an operator has to mend, until a connection stands again. */
  #fail(topic: string, fields: object, message: string): void {
    const said = `${topic} ${message}`;
    if (this.#failures.has(said)) return;
    this.#failures.add(said);
    this.#parts.log.error(fields, message);
  }

  #redial(): void {
    const { clock, random, limits } = this.#parts;
    const doubled = limits.redialMs * 2 ** Math.min(16, Math.max(0, this.#attempt - 1));
    const wait = Math.min(limits.redialAtMostMs, doubled) * (0.5 + random.fraction() / 2);
    this.#cancelRedial = clock.after(wait, () => {
      this.#dialling = this.#dial();
    });
  }

  /** Asks the server whether it took all so far; one question at a time. */
  async #confirm(connection: Connection): Promise<void> {
    if (this.#confirming === connection) return;
    this.#confirming = connection;
    const { maxQueueBytes } = this.#parts.limits;
    try {
      while (this.#connection === connection && this.#unconfirmed > maxQueueBytes / 16) {
        const asked = this.#unconfirmed;
        await connection.flush();
        if (this.#connection !== connection) return;
        this.#unconfirmed -= asked;
        if (!this.#dropped || this.#unconfirmed > maxQueueBytes / 2) continue;
        this.#dropped = false;
        this.#parts.room();
      }
    } catch {
      // The connection ended: what was on its way is told as a gap when the next one stands.
    } finally {
      if (this.#confirming === connection) this.#confirming = undefined;
    }
  }
}

class PayloadError extends Error {}

function connectionOptions(
  { address }: NatsServer,
  { user, pass, token, authenticator, tls, servers }: NatsOptions,
  limits: NatsLimits,
  name: string,
): ConnectionOptions {
  const required = [servers].flat().every((one) => one.startsWith('tls://'));
  return {
    servers: [address],
    name,
    noEcho: true,
    reconnect: false,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    timeout: limits.connectMs,
    pingInterval: Math.ceil(limits.silenceMs / 2),
    maxPingOut: 2,
    ...(user !== undefined && { user }),
    ...(pass !== undefined && { pass }),
    ...(token !== undefined && { token }),
    ...(authenticator !== undefined && { authenticator }),
    ...(tls !== undefined ? { tls } : required ? { tls: {} } : {}),
  };
}
