/**
 * A file that is read again when it changes. It is looked at every two seconds (editors replace files, and
 * notifications of file systems miss that), and at once when told. A version that cannot be read changes
 * nothing: the one before stays in force, and the log says what is wrong, once for each version.
 */

import { statSync } from 'node:fs';
import { ConfigError } from '../../config/document.ts';
import type { Log } from '../../sso/index.ts';

export interface WatchedFile<T> {
  /** The latest version that could be read. */
  readonly value: T;
  /** Looks now. */
  reload(): void;
  close(): void;
}

export interface WatchOptions {
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Between looks, milliseconds. Default 2,000. */
  readonly everyMs?: number;
}

/** @throws ConfigError what `read` throws of the first version */
export function watchFiles<T>(
  files: readonly string[],
  read: () => T,
  { log, everyMs = 2_000 }: WatchOptions,
): WatchedFile<T> {
  let seen = versions(files);
  let value = read();
  const reload = () => {
    const now = versions(files);
    if (now === seen) return;
    // Before reading: what changes meanwhile is another version, and read the next time.
    seen = now;
    try {
      value = read();
      log.info({ files }, 'people were read again');
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : [String(error)];
      log.warn({ files, problems }, 'a changed file of people is wrong: the version before stays in force');
    }
  };
  const timer = setInterval(reload, everyMs);
  timer.unref();
  return {
    get value() {
      return value;
    },
    reload,
    close: () => clearInterval(timer),
  };
}

function versions(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { bigint: true, throwIfNoEntry: false });
      return found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    })
    .join('\n');
}
