/**
 * One TCP proxy between a dialler and a listener on loopback, and what is wrong with it at the moment:
 * delay, slowness, bytes in single pieces, bytes that wait, bytes that vanish, connections that end. Each
 * direction has its own weather, so that one can be cut alone. Bytes are never altered: what TCP promises
 * still holds, as long as a connection lives.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Lane } from './lane.ts';

/** What one direction does to bytes. */
export interface Weather {
  /** How long each piece is under way, milliseconds. */
  readonly delayMs: number;
  /** At most so much more, by chance; order is kept. */
  readonly jitterMs: number;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Writes single bytes and small pieces, a turn of the event loop each. */
  readonly piecemeal: boolean;
  /** `hold`: nothing moves and nothing ends, and it all goes on later; `swallow`: what comes vanishes, and nobody is told. */
  readonly passage: 'open' | 'hold' | 'swallow';
}

export const clear: Weather = { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, piecemeal: false, passage: 'open' };

/** `forth`: from the dialler to the listener. */
export type Direction = 'forth' | 'back';

export class FaultProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #fraction: () => number;
  readonly #weather: Record<Direction, Weather> = { forth: clear, back: clear };
  readonly #connections = new Set<Connection>();
  #refusing = false;

  /** `target`: the listener's port on loopback; `fraction`: chance, in [0, 1). */
  constructor(target: number, fraction: () => number) {
    this.#target = target;
    this.#fraction = fraction;
    this.#server = createServer((near) => this.#accept(near));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve, reject) =>
      this.#server.once('error', reject).listen(0, '127.0.0.1', () => resolve()),
    );
    return this;
  }

  /** The port that is dialled. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** From now on, for connections that there are and that come. One that has lost bytes ends when `swallow` does. */
  set(direction: Direction, weather: Partial<Weather>): void {
    this.#weather[direction] = { ...this.#weather[direction], ...weather };
    for (const connection of this.#connections) connection.changed();
  }

  /** Ends every connection; the next may come at once. */
  lose(): void {
    for (const connection of this.#connections) connection.end();
  }

  /** Whether new connections are ended as soon as they come. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** Half-open for ever: nothing moves in the connections that there are, and neither end is told. New ones are well. */
  forget(): void {
    for (const connection of this.#connections) connection.forget();
  }

  async end(): Promise<void> {
    this.lose();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    if (this.#refusing) {
      near.on('error', () => {});
      return void near.destroy();
    }
    const far = connect(this.#target, '127.0.0.1');
    const connection = new Connection(near, far, this.#weather, this.#fraction);
    this.#connections.add(connection);
    for (const socket of [near, far])
      socket.once('close', () => near.destroyed && far.destroyed && this.#connections.delete(connection));
  }
}

class Connection {
  readonly #sockets: readonly Socket[];
  readonly #lanes: readonly Lane[];

  constructor(near: Socket, far: Socket, weather: Readonly<Record<Direction, Weather>>, fraction: () => number) {
    this.#sockets = [near, far];
    for (const socket of this.#sockets) socket.setNoDelay(true);
    this.#lanes = [
      new Lane(near, far, () => weather.forth, fraction),
      new Lane(far, near, () => weather.back, fraction),
    ];
  }

  changed(): void {
    for (const lane of this.#lanes) lane.changed();
    if (this.#lanes.some(({ torn }) => torn)) this.end();
  }

  forget(): void {
    for (const lane of this.#lanes) lane.forget();
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
