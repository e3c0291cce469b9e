/**
 * Verifies passwords in threads of their own with a bounded queue. Not on the event loop, where a
 * hash would stop every request for its time, and not in libuv's pool, which disk flushes and look-ups
 * of names share. What the queue cannot hold is refused at once: a flood of log-ins waits for nothing
 * and makes nobody else wait (T13, check 77).
 */

import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface Question {
  readonly id: number;
  readonly hash: string;
  readonly password: string;
}

export interface Answer {
  readonly id: number;
  readonly matches: boolean;
}

export interface HashingOptions {
  /** Threads. Default: half of the cores, at least 1, at most 4; each takes one core while it hashes and its hash's memory. */
  readonly threads?: number;
  /** Passwords that are being verified or wait. Default 32 a thread, some 0.8 s of work: longer, and who waits gives up before the answer. */
  readonly maxPending?: number;
  /** Node's options for the threads. Default: none; a program that runs from TypeScript names its loader here. */
  readonly execArgv?: readonly string[];
}

/** `busy`: the queue is full, nothing was verified. */
export type Verification = 'matches' | 'differs' | 'busy';

interface Pending {
  readonly resolve: (verification: Verification) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

export class HashingPool {
  readonly #threads: (Thread | undefined)[];
  readonly #maxPending: number;
  readonly #execArgv: readonly string[];
  #pending = 0;
  #nextId = 0;
  #stopped = false;

  constructor(options: HashingOptions = {}) {
    const count = options.threads ?? Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)));
    this.#threads = Array.from({ length: count }, () => undefined);
    this.#maxPending = options.maxPending ?? 32 * count;
    this.#execArgv = options.execArgv ?? [];
  }

  /** How many more questions would be taken now. */
  get room(): number {
    return this.#stopped ? 0 : this.#maxPending - this.#pending;
  }

  /** Whether the next question would be refused. */
  get full(): boolean {
    return this.room <= 0;
  }

  /** @throws Error the thread died; the next question gets a new one */
  verify(hash: string, password: string): Promise<Verification> {
    if (this.full) return Promise.resolve('busy');
    return new Promise((resolve, reject) => {
      const thread = this.#leastBusy();
      const question: Question = { id: this.#nextId++, hash, password };
      thread.pending.set(question.id, { resolve, reject });
      this.#pending++;
      thread.worker.ref();
      thread.worker.postMessage(question);
    });
  }

  /** Ends the threads; what still waits is answered `busy`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const threads = this.#threads.filter((thread) => thread !== undefined);
    for (const thread of threads) this.#settleAll(thread, (pending) => pending.resolve('busy'));
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #leastBusy(): Thread {
    let slot = 0;
    for (const [index, thread] of this.#threads.entries()) {
      if ((thread?.pending.size ?? 0) < (this.#threads[slot]?.pending.size ?? 0)) slot = index;
    }
    return (this.#threads[slot] ??= this.#start(slot));
  }

  #start(slot: number): Thread {
    // The same module runs as it is written and as it is built: its neighbour has its own extension.
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      execArgv: [...this.#execArgv],
    });
    const thread: Thread = { worker, pending: new Map() };
    const failed = (error: Error) => {
      if (this.#threads[slot] === thread) this.#threads[slot] = undefined;
      this.#settleAll(thread, (pending) => pending.reject(error));
    };
    worker.on('message', (answer: Answer) => {
      const pending = thread.pending.get(answer.id);
      if (!thread.pending.delete(answer.id)) return;
      this.#pending--;
      if (thread.pending.size === 0) worker.unref();
      pending?.resolve(answer.matches ? 'matches' : 'differs');
    });
    worker.on('error', failed);
    worker.on('exit', () => failed(new Error('a hashing thread ended')));
    worker.unref();
    return thread;
  }

  #settleAll(thread: Thread, settle: (pending: Pending) => void): void {
    this.#pending -= thread.pending.size;
    for (const pending of thread.pending.values()) settle(pending);
    thread.pending.clear();
  }
}
