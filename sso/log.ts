/**
 * Where the library says what happened: the shape of pino, console and most others. Silent by
 * default. No line holds a token, a session id, a password or an SsoId in full.
 */

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = () => {};

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
