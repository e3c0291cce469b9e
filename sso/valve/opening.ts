/**
 * Opens a sign-on within a request: whether this request may open one is judged here, and when it may not,
 * the audit hears why.
 */

import type { Request, Response } from 'express';
import type { Audit } from '../audit/audit.ts';
import type { RefusalReason } from '../audit/events.ts';
import { SsoError, type SsoErrorCode } from '../errors.ts';
import { connectionOf } from '../http/connection.ts';
import { hostBelongsTo } from '../http/own-host.ts';
import { retryLater } from '../http/reply.ts';
import { areHeadersGone } from '../http/stand-in.ts';
import { originOf } from '../origin.ts';
import type { Opened, Opening } from '../registry.ts';
import type { SsoId } from '../token.ts';
import type { ValveParts } from './settings.ts';

export interface OpeningParts extends Pick<ValveParts, 'registry' | 'settings' | 'log'> {
  readonly audit: Pick<Audit, 'refused'>;
}

/** What the audit calls it when a sign-on cannot be opened. */
const refusalReasons: Readonly<Partial<Record<SsoErrorCode, RefusalReason>>> = {
  ERR_INSECURE_CONNECTION: 'insecure-connection',
  ERR_FOREIGN_HOST: 'foreign-host',
  ERR_UNAVAILABLE: 'unavailable',
  ERR_LIMIT_REACHED: 'limit',
};

/**
 * `undefined`: the subject's sign-ons were ended since the mark was taken.
 * @throws SsoError those of `requireOpenable`, ERR_UNAVAILABLE, ERR_LIMIT_REACHED
 */
export function openWithin(
  parts: OpeningParts,
  req: Request,
  res: Response,
  opening: Omit<Opening, 'origin'>,
): Opened | undefined {
  const source = connectionOf(req).ip;
  const origin = originOf(req.headers['user-agent'], source);
  try {
    requireOpenable(parts, req, res);
    return parts.registry.openNow({ ...opening, origin });
  } catch (error) {
    const { principal, how } = opening;
    const reason = error instanceof SsoError ? refusalReasons[error.code] : undefined;
    if (reason !== undefined) parts.audit.refused({ reason, user: principal.name, how, source });
    if (reason === 'unavailable' || reason === 'limit') retryLater(res);
    throw error;
  }
}

/**
 * Whether a cookie can be set by this answer, and be kept secret by this connection.
 * @throws SsoError ERR_ANSWER_STARTED, ERR_INSECURE_CONNECTION, ERR_FOREIGN_HOST
 */
export function requireOpenable(
  { settings, log }: Pick<OpeningParts, 'settings' | 'log'>,
  req: Request,
  res: Response,
): void {
  if (areHeadersGone(res))
    throw new SsoError('ERR_ANSWER_STARTED', 'the headers are sent: no cookie can be set any more');
  const { secure, protocol, hostname } = connectionOf(req);
  if (!settings.allowInsecureCookie && !secure) {
    log.warn(
      { protocol },
      'a sign-on was refused: the connection is not secure by the trust proxy setting of the host',
    );
    throw new SsoError('ERR_INSECURE_CONNECTION', 'signing on needs a secure connection');
  }
  if (settings.cookieDomain !== undefined && !hostBelongsTo(hostname, settings.cookieDomain)) {
    log.warn(
      { host: hostname, cookieDomain: settings.cookieDomain },
      'a sign-on was refused: the host lies outside the cookieDomain',
    );
    throw new SsoError('ERR_FOREIGN_HOST', 'this host lies outside the domain of the sign-on');
  }
}

/**
 * Of a sign-on that has ended already: nothing was wrong with the credentials where others of its user came after it.
 * @throws SsoError ERR_LIMIT_REACHED
 */
export function requirePlace({ registry }: Pick<OpeningParts, 'registry'>, id: SsoId): void {
  const look = registry.look(id);
  if (look.state !== 'over' || look.cause !== 'replaced') return;
  throw new SsoError('ERR_LIMIT_REACHED', 'later sign-ons of this user have taken its place');
}
