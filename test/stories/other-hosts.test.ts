/** The main stories once more where a host is still on Express 4, or an application on express-session. */

import assert from 'node:assert/strict';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import express4 from 'express4';
import type { Receipt, SsoNode } from '../../sso/index.ts';
import { Gates } from '../support/applications.ts';
import {
  A,
  B,
  C,
  copyOf,
  deletes,
  guarded,
  see,
  setCookies,
  signOn,
  ssoName,
  story,
  three,
  who,
} from '../support/story.ts';

const onExpress4 = { nodes: three, apps: { make: () => express4() as Express } };

story('Express 4: V02, V03, V05, V30: challenges, a sign-on, and the other application', onExpress4, async (it) => {
  const browser = it.browser();
  await browser.get(`${A}/protected`).set({ Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate' }).expect(303);
  assert.match((await browser.get(`${B}/protected`).expect(401)).get('WWW-Authenticate') ?? '', /^Basic /);
  await browser.get(`${C}/protected`).expect(403);
  const response = await signOn(browser, 'alice', 'n1').expect(200);
  assert.equal(setCookies(response, ssoName).length, 1);
  assert.equal((await see(browser, `${B}/protected`, 'n2')).user, 'alice');
  await browser.get(`${B}/admin`, { at: 'n3' }).expect(403);
});

story('Express 4: V40, V61, V66, V85: ids, ends, and a node that dies', onExpress4, async (it) => {
  const browser = it.browser();
  await browser.post(`${A}/note?text=basket`).expect(200);
  const anonymous = copyOf(it, browser, [A, D]);
  await signOn(browser, 'alice', 'n1').expect(200);
  assert.equal((await see(anonymous, `${A}/session`)).note, '');
  await browser.post(`${B}/note?text=of-b`, { at: 'n1' }).expect(200);
  await it.cluster.kill('n1');
  assert.equal((await see(browser, `${B}/protected/session`, 'n2')).note, 'of-b');
  const response = await browser.post(`${A}/destroy`, { at: 'n3' }).expect(200);
  assert.ok(setCookies(response, ssoName).some(deletes));
  assert.equal(await who(browser, B, 'n2'), null);
});

story('Express 4: what goes wrong reaches its error handler', onExpress4, async (it) => {
  const response = await it.browser().post(`${A}/by-hand/logout`).expect(401);
  assert.deepEqual(response.body, { error: 'ERR_NOT_SIGNED_IN' });
});

/** What express-session puts on a request, as the stories below use it. */
interface OldSession {
  note?: string;
  regenerate(done: (error?: unknown) => void): void;
  destroy(done: (error?: unknown) => void): void;
}

const gates = new Gates();

const D = 'https://app4.xyz.test';

/** An application that has stayed with express-session, beside A, B and C. */
function old(sso: SsoNode): Express {
  const app = express();
  const of = (req: object) => (req as { session: OldSession }).session;
  const does = (work: (own: OldSession, query: Record<string, unknown>) => Promise<void> | void): RequestHandler => {
    return (req, res, next) => {
      Promise.resolve(work(of(req), req.query)).then(() => res.json({ note: of(req)?.note ?? '' }), next);
    };
  };
  const kept = session({
    secret: 'of express-session',
    store: sso.store({ app: 'old' }),
    resave: false,
    saveUninitialized: false,
    name: 'old',
  });
  app.use(kept);
  app.get(
    '/note',
    does(() => {}),
  );
  app.post(
    '/note',
    does((own, query) => void (own.note = String(query['text']))),
  );
  app.post(
    '/slow',
    does(async (own, query) => {
      await gates.pass('old');
      own.note = String(query['text']);
    }),
  );
  app.post(
    '/regenerate',
    does((own) => new Promise((resolve) => own.regenerate(() => resolve()))),
  );
  app.post(
    '/destroy',
    does((own) => new Promise((resolve) => own.destroy(() => resolve()))),
  );
  return app;
}

const withOld = { apps: { d: old } };

story('express-session: a session made while signed on is linked, and ends with the sign-on', withOld, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${D}/note?text=kept`).expect(200);
  assert.equal((await browser.get(`${D}/note`, { at: 'n2' }).expect(200)).body.note, 'kept');
  const copy = copyOf(it, browser, [A, D]);
  const receipt = (await browser.post(`${B}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
  assert.deepEqual(
    receipt.applications.find(({ app }) => app === 'old'),
    { app: 'old', sessions: 1 },
  );
  for (const at of ['n1', 'n2']) assert.equal((await copy.get(`${D}/note`, { at }).expect(200)).body.note, '');
});

story('express-session: V67: a late save after a logout revives nothing', withOld, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${D}/note?text=before`).expect(200);
  const copy = copyOf(it, browser, [A, D]);
  const gate = gates.close('old');
  const slow = copy.post(`${D}/slow?text=late`, { at: 'n2' }).then((response) => response.status);
  await gate.reached;
  await browser.post(`${A}/logout`, { at: 'n1' }).expect(200);
  gate.open();
  await slow;
  for (const at of ['n1', 'n2']) assert.equal((await copy.get(`${D}/note`, { at }).expect(200)).body.note, '');
});

story('express-session: V40: destroy ends the sign-on everywhere, regenerate does not', withOld, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${D}/note?text=kept`).expect(200);
  assert.equal((await browser.post(`${D}/regenerate`).expect(200)).body.note, '');
  assert.equal(await guarded(browser, B, 'n2'), 200);
  await browser.post(`${D}/note?text=again`).expect(200);
  const copy = copyOf(it, browser, [A, D]);
  await browser.post(`${D}/destroy`).expect(200);
  assert.equal(await guarded(copy, B, 'n2'), 401);
  assert.deepEqual(it.causes('n2'), ['invalidated']);
});
