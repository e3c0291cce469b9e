/**
 * A few connections for many questions. Who finds none free waits in a bounded queue; what the queue
 * cannot hold is told `Busy` at once. A connection that has broken while nobody used it is replaced and
 * the question asked again, once: that is how a restart of the server stays unseen. After a failure to
 * connect nobody tries for a moment, so that a server that is down costs one attempt and not one each.
 */

import type { LdapConnection } from './connection.ts';

export interface PoolParts {
  readonly open: () => Promise<LdapConnection>;
  readonly size: number;
  readonly maxWaiting: number;
  /** The longest wait for a connection, milliseconds. */
  readonly waitMs: number;
}

/** Nothing was asked. */
export class Busy extends Error {
  override readonly name = 'Busy';
}

/** Unused for longer, a connection is not trusted: what stands between may have forgotten it. Milliseconds. */
const idleAtMostMs = 60_000;
/** After a failure to connect, milliseconds. */
const restMs = 500;

interface Idle {
  readonly connection: LdapConnection;
  readonly since: number;
}

export class LdapPool {
  readonly #parts: PoolParts;
  readonly #waiting: (() => void)[] = [];
  #idle: Idle[] = [];
  readonly #used = new Set<LdapConnection>();
  #taken = 0;
  #closed = false;
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** @throws Busy; and what connecting or `ask` throws */
  async use<T>(ask: (connection: LdapConnection) => Promise<T>): Promise<T> {
    await this.#take();
    try {
      const idle = this.#pickIdle();
      if (idle !== undefined) {
        try {
          return await this.#ask(idle, ask);
        } catch (error) {
          if (idle.isAlive || isSlow(error)) throw error;
        }
      }
      return await this.#ask(await this.#open(), ask);
    } finally {
      this.#give();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of this.#idle) connection.close();
    for (const connection of this.#used) connection.close();
    this.#idle = [];
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #ask<T>(connection: LdapConnection, ask: (connection: LdapConnection) => Promise<T>): Promise<T> {
    this.#used.add(connection);
    try {
      return await ask(connection);
    } finally {
      this.#used.delete(connection);
      if (this.#closed) connection.close();
      else if (connection.isAlive) this.#idle.push({ connection, since: performance.now() });
    }
  }

  #pickIdle(): LdapConnection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.connection.isAlive && performance.now() - idle.since < idleAtMostMs) return idle.connection;
      idle.connection.close();
    }
    return undefined;
  }

  async #open(): Promise<LdapConnection> {
    if (this.#closed) throw new Error('the directory is closed');
    if (this.#failure !== undefined && performance.now() < this.#failure.until) throw this.#failure.error;
    try {
      const connection = await this.#parts.open();
      this.#failure = undefined;
      return connection;
    } catch (error) {
      this.#failure = { error, until: performance.now() + restMs };
      throw error;
    }
  }

  async #take(): Promise<void> {
    if (this.#taken < this.#parts.size) {
      this.#taken++;
      return;
    }
    if (this.#waiting.length >= this.#parts.maxWaiting) throw new Busy('too many wait for the directory');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        reject(new Busy(`no connection was free within ${this.#parts.waitMs} ms`));
      }, this.#parts.waitMs);
      const wake = () => {
        clearTimeout(timer);
        this.#taken++;
        resolve();
      };
      this.#waiting.push(wake);
    });
  }

  #give(): void {
    this.#taken--;
    this.#waiting.shift()?.();
  }
}

/** A server that let the time pass once would do it again. */
function isSlow(error: unknown): boolean {
  return error instanceof Error && /within \d+ ms/.test(error.message);
}
