/** Which cookies a node says it sets: those of the applications that are mounted on it now. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import supertest from 'supertest';
import { Balanced } from '../../sso/balancer/balanced.ts';
import type { ProbeAnswer } from '../../sso/balancer/probe-answer.ts';
import { signProbe } from '../../sso/balancer/probe-pass.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { manualClock, secret } from '../valve/world.ts';

test('an application’s cookies are told once each, until it stops', async () => {
  const clock = manualClock();
  const balanced = new Balanced({
    keys: deriveKeys(secret, []),
    clock,
    route: 'n1',
    mayOpen: () => true,
    cookie: { name: 'latchkey', secure: false },
    settings: { sameSite: 'lax', partitioned: false, onSignOn: [] },
    ajpOf: () => undefined,
    onRest: () => {},
    standing: () => ({ state: 'up', ready: true, why: [] }),
    members: () => [],
  });
  let nonces = 0;
  const told = async () => {
    const nonce = Buffer.from(String(++nonces).padStart(16, 'n')).toString('base64url');
    const pass = signProbe(secret, { method: 'GET', act: '', node: '', ms: '' }, { at: clock.now(), nonce });
    const app = express().use('/probe', balanced.probe());
    const { body } = await supertest(app).get('/probe').set('Latchkey-Probe', pass).expect(200);
    return (body as ProbeAnswer).cookies.sessions.map(({ app: of, path }) => `${of}${path}`);
  };
  const mount = (app: string, path: string) =>
    balanced.noteSessions({ app, name: `latchkey-${app}`, path, secure: false });
  mount('shop', '/');
  mount('shop', '/');
  mount('shop', '/old');
  mount('desk', '/desk');
  assert.deepEqual(await told(), ['shop/', 'shop/old', 'desk/desk']);
  balanced.forgetSessions('shop');
  assert.deepEqual(await told(), ['desk/desk']);
  mount('shop', '/');
  assert.deepEqual(await told(), ['desk/desk', 'shop/']);
});
