/**
 * Looks whether a NATS server answers at all, before the client library dials it: the library waits for
 * the first line of a server that never speaks on a socket it does not close, so a server that hangs for
 * an hour would cost a socket with every attempt.
 */

import { connect, type Socket } from 'node:net';
import type { Cancel, Clock } from '../clock.ts';
import type { NatsServer } from './nats-options.ts';

export class Probe {
  /** Resolves once the server has said its first bytes, and the socket is closed. */
  readonly answered: Promise<void>;
  readonly #socket: Socket;
  readonly #deadline: Cancel;

  constructor({ host, port }: NatsServer, connectMs: number, clock: Clock) {
    const socket = connect(port, host);
    this.#socket = socket;
    this.#deadline = clock.after(connectMs, () => socket.destroy(new Error('no answer in time')));
    this.answered = new Promise((resolve, reject) => {
      let spoke = false;
      let failure = new Error('closed before it answered');
      socket.once('data', () => {
        spoke = true;
        socket.destroy();
      });
      socket.on('error', (error) => {
        failure = error;
      });
      socket.once('close', () => {
        this.#deadline();
        if (spoke) resolve();
        else reject(failure);
      });
    });
  }

  /** Gives it up. */
  end(): void {
    this.#socket.destroy();
  }
}
