/** `stickyRoute` of a configuration file. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { stickyCookieOf } from '../../sso/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
after(() => rmSync(directory, { recursive: true }));

function hooksOf(text: string) {
  const file = join(directory, 'latchkey.yaml');
  writeFileSync(file, `secret: { env: LATCHKEY_SECRET }\nusers: users.yaml\n${text}`);
  return loadConfig(file, { LATCHKEY_SECRET: 'f3'.repeat(32) }).node.hooks?.onSignOn;
}

test('without it there is no sticky cookie; with it there is one, as the library sets it', () => {
  assert.equal(hooksOf(''), undefined);
  const cookies = (text: string) => hooksOf(text)?.map(stickyCookieOf);
  assert.deepEqual(cookies('stickyRoute: {}'), [{ name: 'STICKY_ROUTE', path: '/', quoted: false, routeFrom: 'node' }]);
  assert.deepEqual(
    cookies('stickyRoute: { cookieName: ROUTEID, routeFrom: host, routeHosts: [192.168.1.10], quoted: zope }'),
    [{ name: 'ROUTEID', path: '/', quoted: true, routeFrom: 'host' }],
  );
});

test('what is wrong is told with its line and field', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['stickyRoute: STICKY_ROUTE', /:3: stickyRoute: must /],
    ['stickyRoute: { cookie: ROUTEID }', /:3: stickyRoute\.cookie: is not a known field/],
    ['stickyRoute:\n  maxAgeMs: 5', /:4: stickyRoute\.maxAgeMs: must be a whole number of milliseconds, at least 1000/],
    ['stickyRoute: { routeFrom: host }', /:3: stickyRoute\.routeHosts: must name the hosts/],
    ['stickyRoute: { cookieName: "a b" }', /:3: stickyRoute: /],
    ['stickyRoute: { domain: com }', /:3: stickyRoute\.domain: .*public suffix/],
    ['stickyRoute: { quoted: true }', /:3: stickyRoute\.quoted: must be false or zope/],
  ];
  for (const [text, says] of wrong)
    assert.throws(
      () => hooksOf(text),
      (error) => error instanceof ConfigError && error.problems.length === 1 && says.test(error.problems[0]!),
      text,
    );
});
