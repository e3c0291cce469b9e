/** Roles that an application derives itself (V32, V37), and where such a mapping ends. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Express, RequestHandler } from 'express';
import { protect, roleMapping } from '../../sso/valve/protect.ts';
import { Realms } from '../../sso/valve/realms.ts';
import { agent, alice, app, hosts, sessionRecorder, world } from './world.ts';

const seen: RequestHandler = (req, res) => void res.json({ roles: req.sso.roles, name: req.sso.principal?.name });

for (const { name, express } of hosts) {
  test(`V37: a mapping holds in the application that asked for it and below, not in one that gets the request next (${name})`, async () => {
    const w = world();
    const { cookie } = await w.open();
    const at = app(
      w,
      (host) => {
        const [portal, inner, forum, desk] = [express(), express(), express(), express()];
        inner.get('/inner', seen);
        inner.get('/desk', protect(w.parts, { mapRoles: ({ roles }) => [...roles, 'desk'] }), (_req, _res, next) =>
          next(),
        );
        portal.use(protect(w.parts, { mapRoles: ({ roles }) => roles.map((role) => `portal ${role}`) }), inner);
        portal.get('/portal', seen);
        portal.get('/desk', (req, res, next) => (req.query['stay'] === undefined ? next() : seen(req, res, next)));
        forum.get('/forum', seen);
        desk.get('/desk', seen);
        host.use(portal, forum);
        host.use(desk);
        host.get('/host', seen);
      },
      { express },
    );
    const roles = async (path: string) => (await agent(at).get(path).set('Cookie', cookie)).body.roles as string[];
    assert.deepEqual(await roles('/portal'), ['portal customer']);
    assert.deepEqual(await roles('/inner'), ['portal customer'], 'mounted below');
    assert.deepEqual(await roles('/forum'), ['customer'], 'the portal handed it on');
    assert.deepEqual(await roles('/host'), ['customer']);
    assert.deepEqual(await roles('/desk?stay'), ['portal customer'], 'the inner one handed it on');
    assert.deepEqual(await roles('/desk'), ['customer']);
  });
}

test('V37: a mapping starts from the roles in force, never from those of another mapping, and sees who it is and where', async () => {
  const w = world();
  const { cookie } = await w.open({ ...alice, attributes: { display: 'Alice' } });
  const asked: unknown[] = [];
  const map =
    (to: string) =>
    (...given: readonly unknown[]) => {
      asked.push(given);
      return [to];
    };
  const at = app(
    w,
    (host) => {
      host.use(roleMapping(map('first')));
      host.get('/p', protect(w.parts, { roles: ['second'], mapRoles: map('second') }), (req, res) => {
        const { sso } = req;
        res.json([sso.hasRole('second'), sso.hasRole('first'), sso.hasRole('customer'), sso.principal]);
      });
    },
    { before: [sessionRecorder().handler] },
  );
  const { body } = await agent(at).get('/p').set('Cookie', cookie);
  assert.deepEqual(body, [true, false, false, { ...alice, roles: ['second'], attributes: { display: 'Alice' } }]);
  assert.equal(asked.length, 1, 'once in a request, and the first had nothing to say');
  assert.deepEqual((asked[0] as readonly { name: string; roles: string[] }[])[0]?.roles, ['customer']);
});

test('check 40: a mapping that throws or gives no list of names lets nobody in, and nobody has a role', async () => {
  const wrong: readonly unknown[] = [undefined, null, 'admin', {}, [1], [''], Promise.resolve(['admin'])];
  for (const answer of [...wrong, new Error('away')]) {
    const w = world();
    const { cookie, id } = await w.open();
    const mapRoles = () => {
      if (answer instanceof Error) throw answer;
      return answer as string[];
    };
    const at = app(w, (host) => {
      host.get('/p', protect(w.parts, { mapRoles }), seen);
      host.get('/open', roleMapping(mapRoles), seen);
    });
    assert.equal((await agent(at).get('/p').set('Cookie', cookie)).status, 503);
    assert.deepEqual((await agent(at).get('/open').set('Cookie', cookie)).body, { roles: [], name: 'alice' });
    assert.equal((await agent(at).get('/p')).status, 401, 'nobody is asked about nobody');
    assert.ok(w.lines.some(({ level, message }) => level === 'error' && message.startsWith('mapRoles')));
    assert.equal(w.registry.isOpen(id), true);
  }
});

test('a sign-on in this request is mapped too, and roles that change within it are mapped anew', async () => {
  const w = world();
  const at = app(w, (host) => {
    host.post(
      '/open',
      roleMapping(({ name, roles }) => [`${name} ${roles.join()}`]),
      (req, res, next) => {
        req.sso
          .open({ name: 'bob', roles: ['clerk'] })
          .then(async (principal) => {
            const before = req.sso.roles;
            await w.registry.setRoles('bob', ['auditor']);
            res.json([principal.roles, before, req.sso.roles]);
          })
          .catch(next);
      },
    );
  });
  assert.deepEqual((await agent(at).post('/open')).body, [['bob clerk'], ['bob clerk'], ['bob auditor']]);
});

test('an assertion speaks of the identity, not of what one application makes of it', async () => {
  const w = world();
  const { cookie } = await w.open();
  const at = app(w, (host: Express) => {
    host.get(
      '/p',
      roleMapping(() => ['owner of everything']),
      (req, res, next) => {
        req.sso.assertion({ audience: 'billing' }).then((text) => void res.json({ text }), next);
      },
    );
  });
  const { text } = (await agent(at).get('/p').set('Cookie', cookie)).body;
  assert.deepEqual(JSON.parse(Buffer.from(text.split('.')[1], 'base64url').toString()).roles, ['customer']);
});

test('what is no function is refused when it is mounted', () => {
  const { parts } = world();
  for (const wrong of [null, 'admin', {}, []] as never[]) {
    assert.throws(() => protect(parts, { mapRoles: wrong }), /protect\.mapRoles: must be a function/);
    assert.throws(() => roleMapping(wrong), /mapRoles: must be a function/);
  }
  assert.throws(() => roleMapping(undefined as never), /mapRoles: must be a function/);
});

test('V32: realms are warned about once each, where they check in different ways and no mapping is given', () => {
  const warned: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {} };
  const realms = new Realms(log);
  const [one, other] = [() => {}, () => {}];
  realms.note('desk', one, false);
  realms.note('desk', one, false);
  realms.note('the same users', one, false);
  assert.deepEqual(warned, []);
  realms.note('mapped', other, true);
  assert.deepEqual(warned, []);
  realms.note('other', other, false);
  realms.note('other', other, false);
  assert.deepEqual(warned, [{ realm: 'other', other: 'desk' }]);
});
