/** What whoever asked is told of an error that a handler did not see to. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import supertest from 'supertest';
import { failed } from '../../server/errors.ts';
import { SsoError } from '../../sso/errors.ts';

const nothing = () => {};
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function answerTo(error: unknown) {
  const app = express();
  app.use((_req, _res, next) => next(error));
  app.use(failed({ site: 'Example', theme: 'plain' }, silent));
  return supertest(app).get('/').accept('json');
}

test('of what is not possible at the moment it is said when to come again', async () => {
  const answer = await answerTo(new SsoError('ERR_UNAVAILABLE', 'node7 is joining')).expect(503);
  assert.equal(answer.get('Retry-After'), '10');
  assert.doesNotMatch(answer.text, /node7/);
});

test('what is nobody’s to wait for has no such header, and of others’ errors none is taken over', async () => {
  assert.equal((await answerTo(new SsoError('ERR_CROSS_SITE', 'no')).expect(403)).get('Retry-After'), undefined);
  const foreign = Object.assign(new Error('no'), { status: 503, headers: { 'X-Node': 'node7' } });
  assert.equal((await answerTo(foreign).expect(503)).get('X-Node'), undefined);
});

test('an error has its status by both names, or Nest makes a 500 of it', () => {
  const { status, statusCode } = new SsoError('ERR_LIMIT_REACHED', 'no room');
  assert.deepEqual([status, statusCode], [503, 503]);
});
