/**
 * Where a process puts down what it does not need in memory now, and takes it up again: a port, without a
 * word about files. Nothing on it outlives the process: `open` finds it empty, so nothing has to survive a
 * power cut and nothing is ever restored from it. Whoever uses it encrypts what it puts there.
 */

/** Under each key what is to lie there, or `undefined`: nothing is. */
export type ShelfWrites = ReadonlyMap<string, Uint8Array | undefined>;

export interface Shelf {
  /** Takes away whatever an earlier process left, whether or not this one will use the shelf. @throws SsoError ERR_DISK_FAILED */
  purge(): void;
  /** To be called once, before `read` and `write`. @throws SsoError ERR_DISK_FAILED */
  open(): Promise<void>;
  /** What lies under the key, at once. `undefined`: nothing. @throws SsoError ERR_DISK_FAILED */
  read(key: string): Uint8Array | undefined;
  /** Resolves once `read` gives what was written: all of it. @throws SsoError ERR_DISK_FAILED nothing of it was written */
  write(writes: ShelfWrites): Promise<void>;
  /** Lets go of it, and of all that lies on it. Calls after the first do nothing. */
  close(): Promise<void>;
}
