/** The guide's two policies (VALVE-BEHAVIOUR.md 1.6), and what `sessions()` is told of notices, checked once at start. */

import { configError } from '../../errors.ts';
import type { NoticePolicy, SessionListener, SessionNotice } from './notice.ts';

export interface NoticeOptions {
  readonly onEvent?: SessionListener | undefined;
  readonly sessionNotificationPolicy?: NoticePolicy | undefined;
}

export interface NoticeSettings {
  readonly onEvent: SessionListener;
  readonly policy: Policy;
}

export interface Policy {
  /** Whether it may let pass what happens to copies of sessions that other nodes use: else nobody need find out. */
  readonly isForCopies: boolean;
  allows(notice: SessionNotice): boolean;
}

/** `undefined`: nobody listens. @throws SsoError ERR_CONFIG_INVALID */
export function noticeSettings({ onEvent, sessionNotificationPolicy }: NoticeOptions): NoticeSettings | undefined {
  const policy = policyOf(sessionNotificationPolicy);
  if (onEvent === undefined) {
    if (sessionNotificationPolicy !== undefined)
      throw configError('sessionNotificationPolicy', 'says which notices `onEvent` hears, and there is no `onEvent`');
    return undefined;
  }
  if (typeof onEvent !== 'function') throw configError('onEvent', 'must be a function');
  return { onEvent, policy };
}

const legacy: Policy = {
  isForCopies: false,
  allows: ({ kind, cause, used }) => used && !(isOfSession(kind) && (cause === 'failover' || cause === 'failaway')),
};

/** JBAS-5778: activation listeners still hear of an undeploy. */
const ignoreUndeploy: Policy = {
  isForCopies: false,
  allows: (notice) =>
    legacy.allows(notice) &&
    (notice.cause !== 'undeploy' || notice.kind === 'passivated' || notice.kind === 'activated'),
};

function isOfSession(kind: SessionNotice['kind']): boolean {
  return kind === 'created' || kind === 'destroyed';
}

function policyOf(policy: unknown): Policy {
  if (policy === undefined || policy === 'ignore-undeploy') return ignoreUndeploy;
  if (policy === 'legacy') return legacy;
  if (typeof policy === 'function')
    return { isForCopies: true, allows: (notice) => (policy as (notice: SessionNotice) => boolean)(notice) === true };
  throw configError('sessionNotificationPolicy', 'must be "ignore-undeploy", "legacy", or a function of a notice');
}
