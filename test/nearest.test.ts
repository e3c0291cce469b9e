import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../sso/nearest.ts';

test('the nearest word is a misspelling of it, and none is nearest to what is far from all', () => {
  const known = ['cookieDomain', 'cookieName', 'secret', 'demo'];
  assert.equal(nearest('cookiedomain', known), 'cookieDomain');
  assert.equal(nearest('cokieDomian', known), 'cookieDomain');
  assert.equal(nearest('cookie_name', known), 'cookieName');
  assert.equal(nearest('dmeo', known), 'demo');
  assert.equal(nearest('zebra', known), undefined);
  assert.equal(nearest('', known), undefined);
});
