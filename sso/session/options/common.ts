/** What `sessions()` and `sso.store()` are told alike: whose sessions, how long they live, how they travel, what is heard of them. */

import { configError } from '../../errors.ts';
import type { EndHandler } from '../end-handlers.ts';
import { type NoticeOptions, type NoticeSettings, noticeSettings } from '../notices/policy.ts';
import type { SessionParts } from '../parts.ts';
import { anonymousLifeMs } from '../record.ts';
import {
  type PassivationOptions,
  type PassivationSettings,
  passivationOptionNames,
  passivationSettings,
} from './passivation.ts';
import {
  type ReplicationOptions,
  type ReplicationSettings,
  replicationOptionNames,
  replicationSettings,
} from './replication.ts';

export interface CommonOptions extends ReplicationOptions, PassivationOptions, NoticeOptions {
  /** The application's name: letters, digits, `-` and `_`. The same on all nodes; other applications do not see its sessions. */
  readonly app: string;
  /**
   * Milliseconds without a request after which a session is over; default 30 minutes, 0 = never. Only where the cookie has no
   * `maxAge`. Too small: people lose what they were doing. Too large: memory on every node. Whatever it says, a session ends with
   * its sign-on, and one without a sign-on 30 days after it began.
   */
  readonly idleMs?: number | undefined;
  /**
   * Called at the end of each session on the node that served it: its sign-on ended, it timed out, it was destroyed. What it
   * throws is logged and named in the receipt of the logout; the session has ended all the same. It must not take long.
   */
  readonly onEnd?: EndHandler | undefined;
}

export interface CommonSettings extends ReplicationSettings {
  readonly app: string;
  readonly idleMs: number;
  readonly onEnd: EndHandler | undefined;
  /** `undefined`: as many sessions in memory as there are. */
  readonly passivation: PassivationSettings | undefined;
  /** `undefined`: nobody listens. */
  readonly notices: NoticeSettings | undefined;
}

export const commonOptionNames = [
  'app',
  'idleMs',
  'onEnd',
  ...replicationOptionNames,
  ...passivationOptionNames,
  'onEvent',
  'sessionNotificationPolicy',
];

const beside = (names: string) => `what it holds stands beside "app" here: ${names}`;
const pool = 'it is one of startNode(): cluster.buddyPool';

/** The guide's words for what has another name here, or its place with the node: what to say of them. */
export const commonOtherWords: Readonly<Record<string, string>> = {
  cacheName: 'there are no caches to name, each application has settings of its own, by its name: "app"',
  cacheConfig: 'there are no caches to set up, each application has settings of its own, by its name: "app"',
  clusterName: 'it is one of startNode(): cluster.name',
  useLocalCache: 'did you mean "distributable"? With false what is in the sessions stays on its node',
  replicationConfig: beside('replicationTrigger, replicationGranularity, useRoute, snapshotMode …'),
  passivationConfig: beside('useSessionPassivation, passivationMinIdleTime, passivationMaxIdleTime'),
  buddyReplicationConfig: 'did you mean "buddies"? Its buddyPoolName is one of startNode(): cluster.buddyPool',
  enabled: 'there is nothing to switch on: "buddies" says on how many nodes a session is, "total" on all',
  numBuddies: 'did you mean "buddies"?',
  buddyPool: pool,
  buddyPoolName: pool,
  dataDir: 'it is one of startNode()',
  route: 'it is one of startNode()',
  jvmRoute: 'it is one of startNode(): route',
  ttl: 'did you mean "idleMs"?',
  maxInactiveInterval: 'did you mean "idleMs"? It is in milliseconds',
  sessionTimeout: 'did you mean "idleMs"? It is in milliseconds',
};

const defaultIdleMs = 30 * 60_000;

/** @throws SsoError ERR_CONFIG_INVALID */
export function checkCommon({ app, idleMs = defaultIdleMs, onEnd }: CommonOptions): void {
  if (typeof app !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(app))
    throw configError('app', "is required: the application's name, 1 to 64 letters, digits, - or _");
  if (!Number.isSafeInteger(idleMs) || idleMs < 0)
    throw configError('idleMs', 'must be a whole number of milliseconds; 0 means never');
  if (onEnd !== undefined && typeof onEnd !== 'function') throw configError('onEnd', 'must be a function');
}

/**
 * @param maxAge of the cookie that all sessions get: it takes the place of `idleMs`
 * @throws SsoError ERR_CONFIG_INVALID
 */
export function commonSettings(parts: SessionParts, options: CommonOptions, maxAge?: number | null): CommonSettings {
  const { app, idleMs = defaultIdleMs, onEnd } = options;
  const usualIdleMs = maxAge ?? idleMs;
  if (usualIdleMs > anonymousLifeMs)
    parts.log.warn(
      { app, idleMs: usualIdleMs },
      'sessions: the idle limit is longer than 30 days, and a session without a sign-on ends 30 days after it began, however often it is used',
    );
  const passivation = passivationSettings(app, options, usualIdleMs, parts.log);
  if (passivation?.passivates && parts.passivation === undefined)
    throw configError('useSessionPassivation', 'needs a place on disk: the node has no `dataDir`');
  return {
    app,
    idleMs,
    onEnd,
    passivation,
    notices: noticeSettings(options),
    ...replicationSettings(app, options, usualIdleMs, parts.log),
  };
}

/** Tells the node what it has to know of this application's sessions. @throws SsoError ERR_CONFIG_INVALID */
export function enroll(parts: SessionParts, settings: CommonSettings): void {
  const { app, onEnd, passivation, notices, classes, telling } = settings;
  parts.mounts?.note(app, settings);
  if (!telling.stays) parts.placement?.note(app, telling.buddies);
  if (passivation !== undefined) parts.passivation?.configure(app, passivation);
  if (notices !== undefined) parts.notices?.listen(app, { ...notices, classes });
  if (onEnd !== undefined) parts.table.onEnd(app, onEnd, classes);
}
