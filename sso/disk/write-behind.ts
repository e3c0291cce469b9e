/**
 * The order of writing, the same for every disk: what is put waits as the last value of each key, goes
 * out as transactions one after the other, and whoever flushes meanwhile shares the next round. A note
 * is in the last transaction of the round that it waited for, so it is never durable before what was
 * put before it. What could not be written goes back to what waits, behind nothing newer, and is tried
 * again by the next flush or after a while. No file is known here: `write` is handed in.
 */

import type { Cancel, Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';

/** One value of a map; without text it is removed. */
export interface Write {
  readonly map: string;
  readonly key: string;
  readonly text: string | undefined;
}

/** What becomes durable as a whole. */
export interface Transaction {
  readonly writes: readonly Write[];
  /** Left out: the note stays as it is. */
  readonly note: string | undefined;
}

export interface WriteBehindOptions {
  /** What is put is written after so long without being asked to, milliseconds. Smaller: a crash loses less. Larger: a key that changes often is written less often. */
  readonly afterMs: number;
  /** After a failure the next attempt is made so much later, milliseconds, unless a flush comes first. */
  readonly retryMs: number;
  /** Values in one transaction at most. Smaller: more flushes of a large amount. Larger: handing them over takes a longer turn. */
  readonly atMost: number;
}

export const writeBehindDefaults: WriteBehindOptions = { afterMs: 200, retryMs: 1_000, atMost: 2_000 };

export interface WriteBehindParts {
  readonly clock: Clock;
  /** Makes one transaction durable. Rejects with an error whose message says why in words for an operator. */
  write(transaction: Transaction): Promise<void>;
  readonly options?: Partial<WriteBehindOptions> | undefined;
}

/** The last value of each key, in the order in which the keys came, and the note. */
class Queue {
  readonly maps = new Map<string, Map<string, string | undefined>>();
  size = 0;
  note: string | undefined;

  get isEmpty(): boolean {
    return this.size === 0 && this.note === undefined;
  }

  put(map: string, key: string, text: string | undefined): void {
    let values = this.maps.get(map);
    if (values === undefined) this.maps.set(map, (values = new Map()));
    const before = values.size;
    values.set(key, text);
    this.size += values.size - before;
  }

  /** What was put later counts. */
  putAll(later: Queue): void {
    for (const [map, values] of later.maps) for (const [key, text] of values) this.put(map, key, text);
    this.note = later.note ?? this.note;
  }

  /** Made one by one, as they are written. */
  *transactions(atMost: number): Generator<Transaction> {
    let writes: Write[] = [];
    for (const [map, values] of this.maps) {
      for (const [key, text] of values) {
        if (writes.length >= atMost) {
          yield { writes, note: undefined };
          writes = [];
        }
        writes.push({ map, key, text });
      }
    }
    if (writes.length > 0 || this.note !== undefined) yield { writes, note: this.note };
  }
}

/** The callers of one round: they learn together. */
interface Round {
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: SsoError): void;
}

export class WriteBehind {
  readonly #parts: WriteBehindParts;
  readonly #options: WriteBehindOptions;
  /** Later than what the present round writes. */
  #queue = new Queue();
  /** What the present round writes, from the first transaction on. */
  #writing = new Queue();
  /** Of the present round: transactions and values that are durable. */
  #done = { transactions: 0, values: 0 };
  #present: Round | undefined;
  /** What is queued now has callers that wait for it. */
  #next: Round | undefined;
  #timer: Cancel | undefined;
  #failure: string | undefined;
  #ended = false;

  constructor(parts: WriteBehindParts) {
    this.#parts = parts;
    this.#options = { ...writeBehindDefaults, ...parts.options };
  }

  /** Why the last write failed; `undefined` after one that did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How many values are not durable yet. */
  get waiting(): number {
    return this.#queue.size + this.#writing.size - this.#done.values;
  }

  put(map: string, key: string, text: string | undefined): void {
    if (this.#ended) return;
    this.#queue.put(map, key, text);
    this.#wake();
  }

  note(text: string): void {
    if (this.#ended) return;
    this.#queue.note = text;
    this.#wake();
  }

  /** @throws SsoError ERR_DISK_FAILED what was given until now could not be written, and waits on */
  flush(): Promise<void> {
    if (this.#ended) return Promise.reject(new SsoError('ERR_DISK_FAILED', 'dataDir: it is closed'));
    if (this.#queue.isEmpty) return this.#present?.done ?? Promise.resolve();
    this.#next ??= round();
    const { done } = this.#next;
    if (this.#present === undefined) this.#start();
    return done;
  }

  /** What is not durable yet, in the order in which it would become so: for a disk that plays a crash. */
  unwritten(): readonly Transaction[] {
    const { atMost } = this.#options;
    const present = [...this.#writing.transactions(atMost)].slice(this.#done.transactions);
    return [...present, ...this.#queue.transactions(atMost)];
  }

  /** Takes nothing more and writes nothing more. What a flush waits for stays open for ever, as after a crash. */
  end(): void {
    this.#ended = true;
    this.#timer?.();
    this.#timer = undefined;
  }

  /** Sees to it that what waits is written some time. */
  #wake(): void {
    if (this.#timer !== undefined || this.#present !== undefined) return;
    const { afterMs, retryMs } = this.#options;
    this.#timer = this.#parts.clock.after(this.#failure === undefined ? afterMs : retryMs, () => {
      this.#timer = undefined;
      if (this.#present === undefined && !this.#queue.isEmpty) this.#start();
    });
  }

  #start(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#present = this.#next ?? round();
    this.#next = undefined;
    this.#writing = this.#queue;
    this.#queue = new Queue();
    void this.#write(this.#present);
  }

  async #write(present: Round): Promise<void> {
    const error = await this.#writeAll();
    if (this.#ended) return;
    if (error !== undefined) {
      // What was durable already is written once more: it is the same, and a failure is rare.
      this.#writing.putAll(this.#queue);
      this.#queue = this.#writing;
    }
    this.#failure = error?.message;
    this.#writing = new Queue();
    this.#done = { transactions: 0, values: 0 };
    this.#present = undefined;
    // Who asked meanwhile asked after what failed had been given: its own attempt begins at once.
    if (this.#next !== undefined) this.#start();
    else if (!this.#queue.isEmpty) this.#wake();
    if (error === undefined) present.resolve();
    else present.reject(error);
  }

  async #writeAll(): Promise<SsoError | undefined> {
    try {
      for (const transaction of this.#writing.transactions(this.#options.atMost)) {
        await this.#parts.write(transaction);
        if (this.#ended) return undefined;
        this.#done.transactions++;
        this.#done.values += transaction.writes.length;
      }
      return undefined;
    } catch (cause) {
      if (cause instanceof SsoError) return cause;
      return new SsoError('ERR_DISK_FAILED', cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }
}

function round(): Round {
  let resolve = () => {};
  let reject: (error: SsoError) => void = () => {};
  const done = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // A round that nobody waits for may fail without a word: `failure` says it.
  done.catch(() => {});
  return { done, resolve, reject };
}
