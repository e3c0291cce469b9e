import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audit } from '../../sso/audit/audit.ts';
import { auditEvents } from '../../sso/audit/events.ts';
import type { Cause } from '../../sso/entry.ts';
import { LogLines } from '../../sso/testing/log-lines.ts';
import type { SsoId } from '../../sso/token.ts';

const id = 'aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789-_aBcDe' as SsoId;

function start(speaks?: () => boolean) {
  const log = new LogLines();
  return { log, audit: new Audit({ log, node: 'n1', ...(speaks && { speaks }) }) };
}

const fields = ({ lines }: LogLines) => lines.map((line) => line.fields);

test('each event is one line at info, with its name first, the node, what is known, and its sentence', () => {
  const { log, audit } = start();
  audit.signedOn({ user: 'alice', how: 'form', signOn: id, source: '192.0.2.7' });
  audit.refused({ reason: 'credentials', user: 'alice', how: 'form', source: '192.0.2.7' });
  audit.refused({ reason: 'cross-site', user: undefined, how: 'form', source: undefined });
  audit.signedOff({ id, principal: { name: 'alice' }, cause: 'logout', own: true, sessions: 3 });
  audit.signOffRefused({ reason: 'form-expired', source: '192.0.2.7' });
  audit.subjectEnded({ user: 'alice', cause: 'administrator', by: 'root' });
  audit.rolesSet({ user: 'alice', roles: ['clerk'], by: undefined });
  audit.administered({ act: 'stop-application', app: 'shop' });
  audit.administered({ act: 'end-entry', signOn: id, by: 'root' });
  audit.nodeEnds({ act: 'drain', cause: 'SIGTERM' });
  audit.nodeEnds({ act: 'stop' });
  assert.deepEqual(fields(log), [
    { event: 'sign-on', node: 'n1', user: 'alice', how: 'form', signOn: 'aBcDeFgH', source: '192.0.2.7' },
    { event: 'sign-on-refused', node: 'n1', reason: 'credentials', user: 'alice', how: 'form', source: '192.0.2.7' },
    { event: 'sign-on-refused', node: 'n1', reason: 'cross-site', how: 'form' },
    { event: 'sign-off', node: 'n1', user: 'alice', signOn: 'aBcDeFgH', cause: 'logout', sessions: 3 },
    { event: 'sign-off-refused', node: 'n1', reason: 'form-expired', source: '192.0.2.7' },
    { event: 'subject-ended', node: 'n1', user: 'alice', cause: 'administrator', by: 'root' },
    { event: 'roles-set', node: 'n1', user: 'alice', roles: ['clerk'] },
    { event: 'administration', node: 'n1', act: 'stop-application', app: 'shop' },
    { event: 'administration', node: 'n1', act: 'end-entry', by: 'root', signOn: 'aBcDeFgH' },
    { event: 'node-ends', node: 'n1', act: 'drain', cause: 'SIGTERM' },
    { event: 'node-ends', node: 'n1', act: 'stop', cause: 'call' },
  ]);
  for (const { level, message, fields } of log.lines) {
    assert.equal(level, 'info');
    assert.equal(Object.keys(fields)[0], 'event');
    assert.equal(message, auditEvents[(fields as { event: keyof typeof auditEvents }).event]);
  }
  assert.deepEqual(new Set(log.lines.map(({ message }) => message)), new Set(Object.values(auditEvents)));
});

test('of an SsoId a line says eight characters: no line can be turned into what the cluster knows a sign-on by', () => {
  const { log, audit } = start();
  audit.signedOn({ user: 'alice', how: 'form', signOn: id, source: undefined });
  audit.signedOff({ id, principal: undefined, cause: 'logout', own: true, sessions: 0 });
  assert.ok(!JSON.stringify(log.lines).includes(id.slice(0, 9)));
});

test('a name that nobody has is cut', () => {
  const { log, audit } = start();
  audit.refused({ reason: 'credentials', user: 'x'.repeat(5_000), how: 'form', source: undefined });
  assert.equal((fields(log)[0] as { user: string }).user.length, 200);
});

test('V69: an end is told by the node through which it came; one that all conclude, by the one that speaks for them', () => {
  const told = (cause: Cause, own: boolean, speaks: boolean) => {
    const { log, audit } = start(() => speaks);
    audit.signedOff({ id, principal: { name: 'alice' }, cause, own, sessions: 0 });
    return log.lines.length;
  };
  const causes: readonly Cause[] = [
    'logout',
    'invalidated',
    'idle',
    'empty',
    'replaced',
    'administrator',
    'subject-ended',
  ];
  for (const cause of causes) {
    for (const speaks of [true, false])
      assert.deepEqual([told(cause, true, speaks), told(cause, false, speaks)], [1, 0], cause);
  }
  for (const cause of ['expired', 'epoch', 'conflict'] as const)
    assert.deepEqual([told(cause, false, true), told(cause, false, false), told(cause, true, false)], [1, 0, 1], cause);
});
