/** Which notices an application hears: the guide's two policies, and one's own function. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../../sso/errors.ts';
import {
  type NoticeCause,
  type NoticeKind,
  noticeCauses,
  noticeKinds,
  type SessionNotice,
} from '../../../sso/session/notices/notice.ts';
import { type NoticeOptions, noticeSettings } from '../../../sso/session/notices/policy.ts';

const notice = (kind: NoticeKind, cause: NoticeCause, used: boolean): SessionNotice => ({
  ...{ kind, cause, used, app: 'shop', session: 'key', signOn: undefined, end: undefined, signOnCause: undefined },
  ...{ attribute: undefined, value: undefined, previous: undefined },
});

/** `kind cause` of all that this policy lets pass. */
function passing(options: Omit<NoticeOptions, 'onEvent'>, used: boolean): string[] {
  const settings = noticeSettings({ onEvent: () => {}, ...options });
  assert(settings !== undefined);
  return noticeKinds.flatMap((kind) =>
    noticeCauses
      .filter((cause) => settings.policy.allows(notice(kind, cause, used)))
      .map((cause) => `${kind} ${cause}`),
  );
}

const all = noticeKinds.flatMap((kind) => noticeCauses.map((cause) => `${kind} ${cause}`));
const isOfSession = (line: string) => /^(created|destroyed) /.test(line);

test('legacy lets pass what concerns sessions that this node uses, but for created and destroyed where a session only changes its node', () => {
  assert.deepEqual(
    passing({ sessionNotificationPolicy: 'legacy' }, true),
    all.filter((line) => !(isOfSession(line) && /fail(over|away)$/.test(line))),
  );
});

test('ignore-undeploy is the default: as legacy, but of an undeploy only passivated and activated', () => {
  const expected = all.filter(
    (line) =>
      !(isOfSession(line) && /fail(over|away)$/.test(line)) &&
      !(line.endsWith(' undeploy') && !/^(passivated|activated) /.test(line)),
  );
  assert.deepEqual(passing({}, true), expected);
  assert.deepEqual(passing({ sessionNotificationPolicy: 'ignore-undeploy' }, true), expected);
});

test('neither lets pass anything of copies that other nodes use; a function may', () => {
  assert.deepEqual(passing({}, false), []);
  assert.deepEqual(passing({ sessionNotificationPolicy: 'legacy' }, false), []);
  assert.deepEqual(passing({ sessionNotificationPolicy: ({ cause }) => cause === 'timeout' }, false), [
    ...noticeKinds.map((kind) => `${kind} timeout`),
  ]);
});

test('a function that gives anything but true lets nothing pass', () => {
  const one = (() => 'yes') as unknown as () => boolean;
  assert.deepEqual(passing({ sessionNotificationPolicy: one }, true), []);
});

test('nobody listens unless an application says so; what is no listener and no policy is refused at start', () => {
  assert.equal(noticeSettings({}), undefined);
  const refused = (options: unknown, path: RegExp) =>
    assert.throws(
      () => noticeSettings(options as NoticeOptions),
      (error) => error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && path.test(error.message),
    );
  refused({ onEvent: 'log' }, /^onEvent: /);
  refused({ onEvent: () => {}, sessionNotificationPolicy: 'Legacy' }, /^sessionNotificationPolicy: /);
  refused({ onEvent: () => {}, sessionNotificationPolicy: null }, /^sessionNotificationPolicy: /);
  refused({ sessionNotificationPolicy: 'legacy' }, /^sessionNotificationPolicy: .*onEvent/);
});
