/**
 * What a node keeps beyond its process: the port, without a word about files. Values are text under a
 * map's name and a key; what is put is written behind, in order, and is durable once a `flush` that
 * began after it has resolved. Many callers share one flush. Writing goes by transactions, each there
 * as a whole or not at all; a process that ends at any moment leaves what a flush had made durable, and
 * perhaps some transactions after it.
 */

/** What was found at the start. */
export interface Kept {
  /**
   * `intact`: all that a flush had made durable is here. `missing`: there was nothing. `damaged`: there was something that
   * cannot be read; it has been put aside, and nothing of it is given.
   */
  readonly state: 'intact' | 'missing' | 'damaged';
  /** The last note that became durable, as it was given. */
  readonly note: string | undefined;
  /** All that a map holds, in no particular order; may be iterated once, before the first `put`. */
  values(map: string): Iterable<readonly [key: string, text: string]>;
}

export interface Disk {
  /** Opens and reads. To be called once, first. @throws SsoError ERR_DISK_FAILED the directory can't be made, read or written, another process has it, or a later version wrote it */
  open(): Promise<Kept>;
  /** The last value of a key is what counts: earlier ones that still wait are never written. */
  put(map: string, key: string, text: string): void;
  remove(map: string, key: string): void;
  /** Replaces the note: one text that says what the maps are worth. Becomes durable together with what was put before it, never without. */
  note(text: string): void;
  /**
   * Resolves once all that was put, removed and noted until now would survive a power cut.
   * @throws SsoError ERR_DISK_FAILED it could not be written; what was given stays queued, and the next flush tries again
   */
  flush(): Promise<void>;
  /** Why the last write failed, in words for an operator; `undefined` while all is well. */
  readonly failure: string | undefined;
  /** How many values wait to be written: a number for the metrics. */
  readonly waiting: number;
  /** Writes what is queued, if it can, and lets go of the files. Calls after the first do nothing. */
  close(): Promise<void>;
}
