/** Stories of VALVE-BEHAVIOUR.md 2.6: nodes that leave or join, and clocks that disagree. */

import assert from 'node:assert/strict';
import {
  A,
  B,
  copyOf,
  guarded,
  minutes,
  type Story,
  seconds,
  see,
  setCookies,
  signOn,
  ssoName,
  story,
  three,
} from '../support/story.ts';

story(
  'V88: a node that stops gracefully signs nobody out, and its sessions have their last change',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.get(`${A}/protected/visits`, { at: 'n1' }).expect(200);
    await browser.post(`${A}/note?text=last`, { at: 'n1' }).expect(200);
    await it.cluster.stopNode('n1');
    const seen = await see(browser, `${A}/protected/visits`, 'n2');
    assert.deepEqual([seen.user, seen.note, seen.visits], ['alice', 'last', 2]);
    await it.cluster.advance(10 * minutes);
    assert.deepEqual(it.causes(), []);
    assert.equal((await see(browser, `${A}/protected/session`, 'n3')).note, 'last');
  },
);

story('V88: a draining node takes no sign-on, still serves who is signed on, and signs nobody out', {}, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await it.cluster.at('n1').sso.drain();
  assert.equal(await guarded(browser, A, 'n1'), 200);
  const refused = await signOn(it.browser(), 'bob', 'n1').expect(503);
  assert.ok(refused.get('Retry-After') !== undefined);
  assert.equal(await guarded(browser, A, 'n2'), 200);
  await signOn(it.browser(), 'bob', 'n2').expect(200);
});

story(
  'V89: a node with an old copy does not time out a session that is active through another',
  { nodes: three, apps: { a: { idleMs: minutes } }, options: { maxEmptyLife: 60, processExpiresInterval: 10 } },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=active`, { at: 'n1' }).expect(200);
    await it.cluster.settle();
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    for (let i = 0; i < 12; i++) {
      await it.cluster.advance(30 * seconds);
      await browser.get(`${A}/protected/session`, { at: i % 2 === 0 ? 'n2' : 'n3' }).expect(200);
    }
    const response = await browser.get(`${A}/protected`, { at: 'n1' });
    assert.deepEqual(setCookies(response, ssoName), [], 'n1 alone cannot tell, so it deletes nothing');
    assert.deepEqual(it.causes(), [], 'and ends nothing');
    await it.cluster.heal();
    await it.cluster.settle();
    for (const at of three) assert.equal((await see(browser, `${A}/protected/session`, at)).note, 'active', at);
    assert.deepEqual(it.causes(), []);
  },
);

const tenMinutesApart = { apps: { a: { idleMs: 15 * minutes }, b: { idleMs: 60 * minutes } } };

function apart(it: Story): void {
  it.cluster.at('n2').skew.ms = 10 * minutes;
}

story(
  'V90: a timeout is a timeout on a node whose clock is ten minutes ahead, too: the sign-on survives',
  tenMinutesApart,
  async (it) => {
    apart(it);
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=of-a`, { at: 'n1' }).expect(200);
    await browser.post(`${B}/note?text=of-b`, { at: 'n1' }).expect(200);
    await it.cluster.advance(16 * minutes);
    const seen = await see(browser, `${A}/protected/session`, 'n1');
    assert.deepEqual([seen.user, seen.note], ['alice', ''], 'timed out');
    for (const at of ['n2', 'n1']) assert.equal((await see(browser, `${B}/protected/session`, at)).note, 'of-b');
    assert.deepEqual(it.causes(), []);
  },
);

story(
  'V91: a logout, and an end in code, on the fast node are what they are on the slow one',
  tenMinutesApart,
  async (it) => {
    apart(it);
    for (const [path, cause] of [
      ['/logout', 'logout'],
      ['/destroy', 'invalidated'],
    ] as const) {
      const browser = await it.signedOn('alice', 'n1');
      await browser.post(`${A}/note?text=x`, { at: 'n1' }).expect(200);
      const copy = copyOf(it, browser);
      await browser.post(A + path, { at: 'n2' }).expect(200);
      assert.equal(await guarded(copyOf(it, copy), B, 'n1'), 401);
      assert.equal(await guarded(copyOf(it, copy), B, 'n2'), 401);
      assert.deepEqual([it.causes('n1').at(-1), it.causes('n2').at(-1)], [cause, cause]);
    }
  },
);

story(
  'V90b: a node that joins after the sign-on takes a timeout for nothing else',
  { nodes: ['n1'], apps: { a: { idleMs: 5 * minutes }, b: { idleMs: 60 * minutes } } },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=of-a`, { at: 'n1' }).expect(200);
    await browser.post(`${B}/note?text=of-b`, { at: 'n1' }).expect(200);
    await it.cluster.advance(3 * minutes);
    await it.cluster.join('n2');
    await it.cluster.advance(3 * minutes);
    for (const at of ['n2', 'n1']) assert.equal((await see(browser, `${B}/protected/session`, at)).note, 'of-b');
    assert.equal((await see(browser, `${A}/protected/session`, 'n2')).note, '', 'the transfer was no activity');
    assert.deepEqual(it.causes(), []);
  },
);
