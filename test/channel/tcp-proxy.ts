/** A wire that can be tapped, cut and held: forwards TCP from a port of its own on loopback to another. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What went through one connection, in order. */
export interface Tap {
  /** From the dialler. */
  readonly forth: Buffer[];
  /** From the listener. */
  readonly back: Buffer[];
  /** Ends the listener's side. */
  lose(): void;
  /** Writes to the listener as if the dialler had. */
  inject(bytes: Buffer): void;
  readonly closed: Promise<void>;
}

export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly taps: Tap[] = [];
  /** The port that is dialled. */
  port = 0;
  /** The port behind; 0: nobody is there. */
  target = 0;
  #parted = false;
  #frozen = false;
  #torn = false;
  #record: Buffer | undefined;

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends what there is and what comes. */
  part(): void {
    this.#parted = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#parted = false;
  }

  /** The listener's ends are lost, the dialler's know nothing of it. */
  tear(): void {
    this.#torn = true;
    for (const tap of this.taps) tap.lose();
  }

  /** Whoever dials is answered with these bytes, whatever it sends. */
  play(bytes: Buffer): void {
    this.#record = bytes;
  }

  /** Nothing moves any more, and nothing ends. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  async end(): Promise<void> {
    this.part();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    if (this.#record !== undefined) {
      near.on('error', () => {});
      return void near.resume().write(this.#record);
    }
    if (this.#parted || this.target === 0) return void near.destroy();
    const far = connect(this.target, '127.0.0.1');
    const tap = {
      forth: [] as Buffer[],
      back: [] as Buffer[],
      inject: (bytes: Buffer) => void far.write(bytes),
      lose: () => void far.destroy(),
      closed: ended(far),
    };
    this.taps.push(tap);
    this.#join(near, far, tap.forth);
    this.#join(far, near, tap.back);
  }

  #join(from: Socket, to: Socket, tap: Buffer[]): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      tap.push(chunk);
      if (!to.destroyed) to.write(chunk);
    });
    from.on('end', () => !this.#torn && to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#frozen && !this.#torn) to.destroySoon();
    });
    if (this.#frozen) from.pause();
  }
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}
