/** What the valve tells the audit: each sign-on and each refusal once, and no secret in any line. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { Audit } from '../../sso/audit/audit.ts';
import { parseToken, ssoId } from '../../sso/token.ts';
import { login } from '../../sso/valve/login.ts';
import { protect } from '../../sso/valve/protect.ts';
import { logout } from '../../sso/valve/sign-off.ts';
import { agent, alice, app, issued, secure, secureSettings, type World, world } from './world.ts';

const good = { username: 'alice', password: 'wonderland-7' };

function host(w: World, open: (req: Request) => unknown = () => {}) {
  const authenticate = ({ username, password }: { username: string; password: string }) => {
    if (username === 'down') throw new Error('the directory is down');
    return password === good.password && { name: username, roles: [] };
  };
  const audit = new Audit({ log: w.parts.log, node: 'n1' });
  w.registry.onClosed((closed) => audit.signedOff(Object.assign({ sessions: 0 }, closed)));
  return app(w, (at) => {
    at.post('/login', login(w.parts, authenticate));
    at.use('/logout', logout(w.parts));
    at.get('/basic', protect(w.parts, { basic: { realm: 'shop', authenticate } }), (_req, res) => void res.end());
    at.post('/do', (req, res, next) => {
      Promise.resolve(open(req)).then(() => res.end(), next);
    });
  });
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

const told = (w: World) =>
  w.audits.splice(0).map(({ fields }) => {
    const { event, reason, user, how, cause } = fields as Readonly<Record<string, string>>;
    return [event, reason ?? cause, user, how].filter(Boolean).join(' ');
  });

test('a sign-on is told with who, how and from where; what it takes the place of is told to have ended', async () => {
  const w = world();
  const at = host(w);
  const first = issued(await agent(at).post('/login').send(good))!;
  const { fields, level } = w.audits[0]!;
  const id = ssoId(parseToken(first.split('=')[1]!)!);
  assert.match((fields as { source: string }).source, /127\.0\.0\.1$/);
  assert.equal((fields as { signOn: string }).signOn, id.slice(0, 8));
  assert.equal(level, 'info');
  assert.deepEqual(told(w), ['sign-on alice form']);
  const second = issued(await agent(at).post('/login').set('Cookie', first).send(good))!;
  assert.deepEqual(told(w), ['sign-off replaced alice', 'sign-on alice form']);
  await agent(at).post('/logout').set('Cookie', second);
  await agent(at).post('/logout').set('Cookie', second);
  assert.deepEqual(told(w), ['sign-off logout alice'], 'V69: twice is one line');
  await agent(at).get('/basic').set('Authorization', basic('bob', good.password));
  await agent(at).get('/basic').set('Authorization', basic('bob', good.password));
  assert.deepEqual(told(w), ['sign-on bob basic']);
});

test('every refusal is told once, with its reason', async () => {
  const w = world();
  const at = host(w);
  const post = (body: object) => agent(at).post('/login').send(body);
  await post({ ...good, password: 'wrong' });
  await post({ ...good, username: 'down' });
  await post({ ...good, csrf: 'none' });
  await post(good).set('Sec-Fetch-Site', 'cross-site').set('Origin', 'https://evil.test');
  await agent(at).get('/basic').set('Authorization', basic('alice', 'wrong'));
  await agent(at).get('/basic').set('Authorization', basic('down', 'x'));
  await agent(at).post('/logout').set('Sec-Fetch-Site', 'cross-site').set('Origin', 'https://evil.test');
  await agent(at).post('/logout').send({ csrf: 'none' });
  assert.deepEqual(told(w), [
    'sign-on-refused credentials alice form',
    'sign-on-refused authenticator-failed down form',
    'sign-on-refused form-expired form',
    'sign-on-refused cross-site form',
    'sign-on-refused credentials alice basic',
    'sign-on-refused authenticator-failed down basic',
    'sign-off-refused cross-site',
    'sign-off-refused form-expired',
  ]);
  w.finality.leases = false;
  await post(good);
  await agent(at).get('/basic').set('Authorization', basic('alice', good.password));
  assert.deepEqual(told(w), ['sign-on-refused unavailable alice form', 'sign-on-refused unavailable alice basic']);
});

test('a sign-on that the deployment or the node forbids is told, by whatever way it came', async () => {
  const w = world(secureSettings);
  const at = host(w, (req) => req.sso.open(alice, 'own'));
  await agent(at).post('/do').set('Host', 'app1.xyz.com');
  await secure(agent(at).post('/login'), 'app.other.com').send(good);
  w.accepting = false;
  await secure(agent(at).post('/do'));
  assert.deepEqual(told(w), [
    'sign-on-refused insecure-connection alice own',
    'sign-on-refused foreign-host alice form',
    'sign-on-refused unavailable alice own',
  ]);
  const ended = world();
  const late = host(ended, async (req) => {
    await ended.registry.endSubject('alice');
    await req.sso.open(alice, 'own');
  });
  await agent(late).post('/do');
  assert.deepEqual(told(ended), ['sign-on-refused subject-ended alice own']);
});

test('V27: an account that the application knows no longer is told to be ended', async () => {
  const w = world({ revalidate: { check: () => false, everyMs: 1 } });
  const at = host(w);
  const { cookie } = await w.open();
  w.clock.advance(1_000);
  await agent(at).get('/who').set('Cookie', cookie);
  assert.equal((w.audits[0]!.fields as { event: string; by: string }).by, 'revalidate');
  assert.match(told(w)[0]!, /^subject-ended subject-ended alice/);
});

test('T7, check 74: whatever happens, no token and no password is in a line', async () => {
  const w = world();
  const at = host(w);
  const cookie = issued(await agent(at).post('/login').send(good))!;
  const secrets = [cookie.split('=')[1]!, good.password, 'wrong-password', basic('alice', good.password).slice(6)];
  await agent(at)
    .post('/login')
    .send({ ...good, password: 'wrong-password' });
  await agent(at).get('/basic').set('Authorization', basic('alice', good.password));
  await agent(at).get('/who').set('Cookie', `${cookie}; latchkey=other`);
  w.finality.leases = false;
  await agent(at).get('/who').set('Cookie', cookie);
  await agent(at).post('/login').send(good);
  await agent(at).post('/logout').set('Cookie', cookie);
  const text = JSON.stringify([w.lines, w.audits]);
  assert.ok(w.audits.length >= 4);
  for (const secret of secrets) assert.ok(!text.includes(secret), secret);
});
