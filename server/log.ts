/** Where the server's own words go: JSON lines by pino for an operator, plain lines for the demonstration. */

import { pino } from 'pino';
import type { Log } from '../sso/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** On standard output, one JSON object a line. `route` is who speaks; a line's own `node` is whom it is about. */
export function jsonLog(level: LogLevel, route: string | undefined): Log {
  return pino({ level, base: route === undefined ? {} : { route }, timestamp: pino.stdTimeFunctions.isoTime });
}

/** Errors only, on standard error: what else happens, the demonstration's own lines tell. */
export function plainLog(name: string): Log {
  const nothing = () => {};
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields, message) => console.error(`${name}: ${message}${reason(fields)}`),
  };
}

function reason(fields: object): string {
  const { err } = fields as { err?: unknown };
  return err instanceof Error ? ` (${err.message})` : '';
}
