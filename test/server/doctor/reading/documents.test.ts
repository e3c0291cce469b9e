/** The two documents that Latchkey began with: what is wrong in their own examples, and where their requests go. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ReadingQuestion, readConfiguration } from '../../../../server/doctor/reading/read.ts';
import { UsageError } from '../../../../server/usage.ts';

const installations = join(import.meta.dirname, '../../../corpus/installations');

function read(file: string, asked: ReadingQuestion = {}) {
  const { findings, journey, kind } = readConfiguration(join(installations, file), asked);
  const wrong = findings.filter(({ ok }) => ok === false);
  return { kind, findings, wrong, checks: [...new Set(wrong.map(({ check }) => check))].sort(), journey };
}

const line = (where: string | undefined) => where?.replace(/^.*:/, '');

test('the Plone page: its quotes, its rewrites for VirtualHostBase and its lb:// are found on their lines', () => {
  const { wrong, kind } = read('plone-sticky/httpd.conf');
  const found = (check: string) => wrong.filter((one) => one.check === check).map(({ where }) => line(where));
  assert.equal(kind, 'httpd');
  assert.deepEqual(found('route-quoted'), ['5', '6']);
  assert.deepEqual(found('balancer-scheme'), ['10']);
  assert.deepEqual(found('zope-path'), ['10,11']);
  assert.match(wrong.find(({ check }) => check === 'route-quoted')!.remedy!, /route=192-168-1-10 .*quoted: 'zope'/);
  assert.match(wrong.find(({ check }) => check === 'balancer-scheme')!.remedy!, /balancer:\/\/lb/);
});

test('the Plone page: what it does not say is found as well', () => {
  assert.deepEqual(read('plone-sticky/httpd.conf').checks, [
    ...['answer-timeout', 'balancer-scheme', 'connect-timeout', 'forwarded-proto', 'health-check', 'host-not-passed'],
    ...['idle-connections', 'retry', 'route-quoted', 'websocket-upgrade', 'zope-path'],
  ]);
  assert.deepEqual(read('plone-plain/httpd.conf').checks, [
    ...[
      'answer-timeout',
      'balancer-scheme',
      'connect-timeout',
      'health-check',
      'idle-connections',
      'retry',
      'zope-path',
    ],
  ]);
});

test('the Plone page: a quoted cookie leads to its node, the same without quotes does not, and why is told', () => {
  const to = (cookie: string, url = '/page') => read('plone-sticky/httpd.conf', { cookie, url }).journey!;
  assert.equal(to('STICKY_ROUTE="route.192-168-1-10"').to, '192-168-1-10" (http://192.168.1.10:8282)');
  const unquoted = to('STICKY_ROUTE=route.192-168-1-10');
  assert.match(unquoted.to, /whoever has the least to do/);
  assert.match(unquoted.steps.at(-1)!, /Only quotes or spaces differ/);
  assert.equal(
    to('STICKY_ROUTE="route.192-168-1-10"', '/admin/manage').to,
    '500',
    'lb:// is nothing that httpd speaks',
  );
  assert.match(to('', '/page').steps[1]!, /VirtualHostBase\/http\/foo.bar.com:80\/myportal\/VirtualHostRoot\/page/);
});

test('the value of a cookie is not told, only its name: it may be a session', () => {
  const { journey } = read('jboss/mod-jk.conf', {
    cookie: 'JSESSIONID=verysecret.node2; other=alsosecret',
    url: '/application/a',
  });
  assert.doesNotMatch(JSON.stringify(journey), /secret/);
  assert.equal(journey!.asked, '/application/a with the cookies JSESSIONID and other');
});

test('the JBoss guide: old names, what is not mounted, what is not said', () => {
  const { checks, kind, wrong } = read('jboss/mod-jk.conf');
  assert.equal(kind, 'mod_jk');
  assert.deepEqual(checks, [
    ...['ajp-secret', 'answer-timeout', 'connect-timeout', 'health-check', 'mount-incomplete', 'property-old'],
    ...['repeated-requests', 'retry', 'uri-forwarding'],
  ]);
  const old = wrong.find(({ check }) => check === 'property-old')!;
  assert.deepEqual([line(old.where), old.remedy], ['11,19', 'Write worker.NAME.connection_pool_size=10.']);
  assert.deepEqual(read('jboss/workers.properties').checks, checks, 'the same by any of its files');
});

test('the JBoss guide: quoted cookies, paths and unknown routes', () => {
  const to = (cookie: string | undefined, url: string) =>
    read('jboss/mod-jk.conf', { url, ...(cookie === undefined ? {} : { cookie }) }).journey!.to;
  assert.equal(to('JSESSIONID="abc.node2"', '/application/x'), 'node2');
  assert.equal(to(undefined, '/application/x;jsessionid=abc.node1'), 'node1');
  assert.equal(to('JSESSIONID=abc.node3', '/jmx-console'), 'whoever has the least to do: node1 or node2');
  assert.equal(to('JSESSIONID=abc.node1', '/application'), 'httpd itself');
  assert.equal(to(undefined, '/jkstatus/'), 'the status worker');
});

test('names in another case and doubled cookies are pointed at', () => {
  const steps = (cookie: string) => read('plone-sticky/httpd.conf', { cookie }).journey!.steps.join(' ');
  assert.match(steps('sticky_route=a.b'), /There is a cookie sticky_route, but case counts/);
  assert.match(steps('STICKY_ROUTE=a; STICKY_ROUTE="route.192-168-1-10"'), /The first of 2 cookies of that name/);
  assert.match(
    read('jboss/mod-jk.conf', { cookie: 'jsessionid=a.node1', url: '/jmx-console' }).journey!.steps.join(' '),
    /case counts/,
  );
});

test('what is no configuration is said to be none, in a line', () => {
  for (const file of ['no-such-file.conf', 'planted.ts'])
    assert.throws(
      () => readConfiguration(join(installations, file)),
      (error: Error) => error instanceof UsageError && !error.message.includes('\n'),
    );
});
