/**
 * The one error class of the library. Expected outcomes are values; this is thrown for bad
 * configuration, for a sign-on that may not happen, and for absent infrastructure. Each code says
 * whose fault it is and whether our state changed. No message holds a secret.
 */

import { nearest } from './nearest.ts';

export type SsoErrorCode =
  | 'ERR_CONFIG_INVALID' // the configuration's fault, nothing was started, or the request refused whose cookie a function made wrong; the field's path opens the message
  | 'ERR_PRINCIPAL_INVALID' // the application's fault: what authenticate() or open() was given is no principal; state untouched
  | 'ERR_AUTHENTICATOR_FAILED' // the application's authenticate() threw or never answered; state untouched
  | 'ERR_INSECURE_CONNECTION' // the deployment's fault: a sign-on over plain HTTP without allowInsecureCookie; state untouched
  | 'ERR_FOREIGN_HOST' // the deployment's fault: the request's host lies outside cookieDomain (V09); state untouched
  | 'ERR_CROSS_SITE' // the browser says that the request comes from another origin (check 36); state untouched
  | 'ERR_BODY_INVALID' // the client's fault: a body that is malformed or too large; state untouched
  | 'ERR_NOT_SIGNED_IN' // the caller's fault: logout, leave or assertion without a sign-on; state untouched
  | 'ERR_LIMIT_REACHED' // a named limit (entries, sessions, links); state untouched
  | 'ERR_UNAVAILABLE' // this node does not accept sign-ons now (joining, draining, stopped), or saves no sessions any more (stopped); state untouched, but `clear` of a store may have ended some
  | 'ERR_ANSWER_STARTED' // the application's fault: the headers are sent, no cookie can be set; state untouched
  | 'ERR_SESSION_INVALID' // the application's fault: its session holds what cannot be stored; the stored session is as before
  | 'ERR_CHANNEL_FAILED' // the network's or the operating system's fault: an address cannot be listened on
  | 'ERR_DISK_FAILED'; // the data directory cannot be read or written; what is in memory goes on

export class SsoError extends Error {
  override readonly name = 'SsoError';
  readonly code: SsoErrorCode;
  /** The HTTP status that Express answers with when this reaches its error handler. */
  readonly status: number;
  /** The same by its other name: Nest takes for an answer only what has both, and the same in them. */
  readonly statusCode: number;
  /** Express' convention: whether the message may be shown to the client. */
  readonly expose: boolean;
  /** Express' convention too: what its answer to this error carries. `undefined`: nothing. */
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: SsoErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.status = statusOf[code];
    this.statusCode = this.status;
    this.expose = this.status < 500;
    this.headers = this.status === 503 ? { 'Retry-After': String(retryAfterSeconds) } : undefined;
  }
}

/** When who was answered 503 may try again, seconds. */
export const retryAfterSeconds = 10;

const statusOf: Readonly<Record<SsoErrorCode, number>> = {
  ERR_CONFIG_INVALID: 500,
  ERR_PRINCIPAL_INVALID: 500,
  ERR_AUTHENTICATOR_FAILED: 503,
  ERR_INSECURE_CONNECTION: 403,
  ERR_FOREIGN_HOST: 421,
  ERR_CROSS_SITE: 403,
  ERR_BODY_INVALID: 400,
  ERR_NOT_SIGNED_IN: 401,
  ERR_LIMIT_REACHED: 503,
  ERR_UNAVAILABLE: 503,
  ERR_ANSWER_STARTED: 500,
  ERR_SESSION_INVALID: 500,
  ERR_CHANNEL_FAILED: 500,
  ERR_DISK_FAILED: 503,
};

/** A configuration error that opens with the field's path: `cluster.listen: …`. */
export function configError(path: string, message: string): SsoError {
  return new SsoError('ERR_CONFIG_INVALID', path === '' ? message : `${path}: ${message}`);
}

/** What is said of an option that does not exist, after its path: the one that was probably meant, else which there are. */
export function noOption(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `is no option: there are ${known.join(', ')}` : `is no option: did you mean "${meant}"?`;
}

/** @throws SsoError ERR_CONFIG_INVALID no options at all, or something else in their place */
export function requireOptions(where: string, options: object, example: string): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  if (!isObject) throw configError(where, `must be an object of options, such as { ${example}: … }`);
}

/**
 * @param where the path of the options; '': they are named without one
 * @param elsewhere what to say of a word that has its place elsewhere, or another name here
 * @throws SsoError ERR_CONFIG_INVALID no options at all, or one that does not exist: a mistyped `roles` must not leave a door open
 */
export function requireKnown(
  where: string,
  options: object,
  known: readonly string[],
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  requireOptions(where, options, known[0]!);
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const better = Object.hasOwn(elsewhere, unknown) ? `is no option: ${elsewhere[unknown]}` : noOption(unknown, known);
  throw configError(where === '' ? unknown : `${where}.${unknown}`, better);
}
