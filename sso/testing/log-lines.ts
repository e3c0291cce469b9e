/** A log that a test can read: every line, in order, the oldest dropped beyond `linesAtMost`. */

import type { Log } from '../log.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

const linesAtMost = 10_000;

export class LogLines implements Log {
  readonly #lines: LogLine[] = [];

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message);
  }

  #add(level: LogLine['level'], fields: object, message: string): void {
    this.#lines.push({ level, fields, message });
    if (this.#lines.length > linesAtMost) this.#lines.shift();
  }
}
