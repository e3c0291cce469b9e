/** Checks 74 and 78 of SECURITY.md, G and H: what is on the wire and in the log, and what there may be too much of. */

import assert from 'node:assert/strict';
import { seededRandom } from '../../sso/random.ts';
import { passwordOf, type Seen } from '../support/applications.ts';
import { A, B, copyOf, guarded, minutes, seconds, see, signOn, ssoName, story, who } from '../support/story.ts';

const frames: Uint8Array[] = [];

story(
  'check 74: neither on the wire nor in a log, an entry or an event is a token, a session id or a password',
  { nodes: ['n1', 'n2', 'n3'], onFrame: (_from, frame) => void frames.push(Uint8Array.from(frame)) },
  async (it) => {
    frames.length = 0;
    const secrets = new Set<string>();
    for (const name of ['alice', 'bob']) {
      const browser = it.browser();
      secrets.add((await browser.get(`${A}/form-token`).expect(200)).body.token);
      await signOn(browser, name, 'n1').expect(200);
      for (const [app, at] of [
        [A, 'n1'],
        [B, 'n2'],
      ] as const)
        await browser.post(`${app}/note?text=marked-note`, { at }).expect(200);
      await browser.post(`${A}/regenerate`, { at: 'n3' }).expect(200);
      await browser
        .get(`${A}/protected`, { at: 'n3' })
        .set('Cookie', `${browser.cookies(A).map(String).join('; ')}; ${ssoName}=garbage-${name}`);
      await browser.get(`${A}/session`, { at: 'n2' }).expect(200);
      secrets.add(passwordOf(name)).add((await browser.get(`${A}/assertion?audience=x`).expect(200)).body.assertion);
      for (const app of [A, B])
        for (const { key, value } of browser.cookies(app)) if (key.startsWith('__')) secrets.add(value.split('.')[0]!);
      await signOn(it.browser(), name, 'n2', A, `wrong-${name}`).expect(401);
      secrets.add(`wrong-${name}`);
      const stale = copyOf(it, browser);
      if (name === 'alice') await browser.post(`${A}/logout`, { at: 'n3' }).expect(200);
      await stale.get(`${A}/protected`, { at: 'n1' });
      await stale.get(`${A}/protected`, { at: 'n1' }).set('Cookie', `${ssoName}=${stale.cookie(ssoName) ?? 'x'}y`);
    }
    await it.cluster.kill('n3');
    await it.cluster.restart('n3');
    await it.cluster.settle();
    assert.ok(secrets.size >= 12, `${secrets.size}`);
    const wire = frames.map((frame) => Buffer.from(frame).toString('latin1')).join('\n');
    assert.ok(wire.includes('alice') && wire.includes('marked-note'), 'the wire was heard');
    const views = it.cluster.nodes
      .map(({ sso, log }) => JSON.stringify([log.lines, sso.entries(), sso.members(), sso.counters()]))
      .join('\n');
    for (const secret of secrets) {
      for (const spelling of [
        secret,
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret, 'base64url').toString('latin1'),
      ]) {
        if (spelling.length < 8) continue;
        assert.ok(!wire.includes(spelling), `${secret} is on the wire`);
        assert.ok(!views.includes(spelling), `${secret} is shown`);
      }
    }
  },
);

story(
  "check 78: one sign-on too many of a user ends the oldest, on all nodes; others' are untouched",
  { options: { limits: { entriesPerUser: 4 } } },
  async (it) => {
    const other = await it.signedOn('bob');
    const browsers = [];
    for (let i = 0; i < 6; i++) {
      browsers.push(await it.signedOn('alice', i % 2 === 0 ? 'n1' : 'n2'));
      await it.cluster.advance(seconds);
    }
    const known = [];
    for (const browser of browsers) known.push(await who(copyOf(it, browser), A, 'n2'));
    assert.deepEqual(known, [null, null, 'alice', 'alice', 'alice', 'alice']);
    assert.equal(it.entries('n1', 'alice').length, 4);
    assert.equal(await who(other, A), 'bob');
  },
);

story(
  'check 78: one session too many of a sign-on ends the oldest of them, and not the sign-on',
  { options: { limits: { sessionsPerSignOn: 3 } } },
  async (it) => {
    const first = await it.signedOn();
    const browsers = [];
    for (let i = 0; i < 5; i++) {
      const browser = it.browser();
      browser.jar.take(new URL(A), [`${ssoName}=${first.cookie(ssoName)}; Domain=xyz.test; Path=/; Secure`]);
      await browser.post(`${B}/note?text=${i}`).expect(200);
      browsers.push(browser);
      await it.cluster.advance(seconds);
    }
    const notes = [];
    for (const browser of browsers.slice(2)) notes.push((await see(browser, `${B}/session`)).note);
    assert.deepEqual(notes, ['2', '3', '4']);
    assert.ok(it.entries('n1', 'alice')[0]!.sessions.length <= 3);
    assert.deepEqual(it.causes(), []);
  },
);

story(
  'check 78: when all places are taken new sign-ons are refused with 503, and none is given up for them',
  { options: { limits: { entries: 6 } } },
  async (it) => {
    const browsers = [];
    for (let i = 0; i < 6; i++) browsers.push(await it.signedOn(['alice', 'bob', 'carol'][i % 3]!, 'n1'));
    const refused = await signOn(it.browser(), 'alice', 'n2').expect(503);
    assert.equal(refused.get('Set-Cookie'), undefined);
    for (const browser of browsers) assert.equal(await guarded(browser, A, 'n2'), 200);
    await browsers[0]!.post(`${A}/logout`).expect(200);
    assert.deepEqual(it.causes('n1'), ['logout']);
  },
);

story(
  'check 78: junk ids are never accepted, leave nothing behind, and cost no question to the others',
  {},
  async (it) => {
    const random = seededRandom(78);
    const genuine = (await it.signedOn()).cookie(ssoName)!;
    const before = it.cluster.now();
    const junk = Array.from({ length: 160 }, (_, i) => {
      if (i % 2 === 0) return Buffer.from(random.bytes(52)).toString('base64url').padEnd(70, 'A');
      const at = Math.floor(random.fraction() * 70);
      const other = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[
        Math.floor(random.fraction() * 64)
      ]!;
      return genuine[at] === other ? `${genuine}x` : genuine.slice(0, at) + other + genuine.slice(at + 1);
    });
    for (let i = 0; i < junk.length; i += 20) {
      const answers = await Promise.all(
        junk
          .slice(i, i + 20)
          .map((value) =>
            it
              .browser()
              .get(`${A}/public`, { at: 'n2' })
              .set('Cookie', `${ssoName}=${value}; __Host-latchkey-a=${value}`)
              .expect(200),
          ),
      );
      assert.ok(answers.every(({ body }) => (body as Seen).user === null));
    }
    assert.ok(it.cluster.now() - before < minutes);
    for (const at of ['n1', 'n2']) assert.equal(it.entries(at).length, 1);
  },
);
