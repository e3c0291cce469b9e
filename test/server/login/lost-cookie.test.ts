/** Which cookie did not come back, and why: a line for each thing that keeps it away. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Facts, lostCookiePage, type Reason, reasonsOf } from '../../../server/login/lost-cookie.ts';
import { dictionaries } from '../../../server/words/language.ts';

const well: Facts = {
  cookie: { name: '__Secure-latchkey', domain: 'xyz.com', secure: true },
  here: { host: 'sso.xyz.com', secure: true },
  there: { host: 'app1.xyz.com', secure: true },
  isSignedOnHere: true,
  keepsCookies: true,
};

const cases: readonly (readonly [string, Partial<Facts>, readonly Reason[]])[] = [
  ['a host outside the cookieDomain', { there: { host: 'app1.other.com', secure: true } }, ['outside']],
  ['a host whose name only ends alike', { there: { host: 'evilxyz.com', secure: true } }, ['outside']],
  ['no cookieDomain', { cookie: { ...well.cookie, domain: undefined } }, ['host-only']],
  ['an application over http', { there: { host: 'app1.xyz.com', secure: false } }, ['insecure-there']],
  ['a cookie that arrives and is not believed', {}, ['unknown-there']],
  ['this host over http', { isSignedOnHere: false, here: { host: 'sso.xyz.com', secure: false } }, ['insecure-here']],
  ['a domain that the browser refuses', { isSignedOnHere: false }, ['public-suffix', 'blocked']],
  ['cookies that are blocked', { isSignedOnHere: false, keepsCookies: false }, ['blocked']],
  [
    'a cookie of this host that is lost',
    { isSignedOnHere: false, cookie: { ...well.cookie, domain: undefined } },
    ['blocked'],
  ],
];

for (const [name, facts, reasons] of cases) {
  test(`the reason is told: ${name}`, () => {
    assert.deepEqual(reasonsOf({ ...well, ...facts }), reasons);
    for (const words of Object.values(dictionaries)) {
      const page = lostCookiePage({ ...well, ...facts }, 'https://app1.xyz.com/', words).toString();
      assert.match(page, /__Secure-latchkey/);
      assert.doesNotMatch(page, /undefined/);
    }
  });
}
