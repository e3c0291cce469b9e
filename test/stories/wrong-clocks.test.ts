/** Stories of FINAL-LOGOUT.md, Clocks: one of three wall clocks is wrong by up to a year, and nobody is signed out by it, or stays signed on. */

import assert from 'node:assert/strict';
import { A, guarded, hours, minutes, seconds, signOn, story, three } from '../support/story.ts';

const year = 365 * 24 * hours;
const lifeMs = 20 * minutes;
const options = { options: { lifeMs } } as const;

/** The state of a sign-on at each of these nodes. */
async function states(browser: Parameters<typeof guarded>[0]) {
  return Promise.all(three.map((at) => guarded(browser, A, at)));
}

for (const [what, skew] of [
  ['a year ahead', year],
  ['a year behind', -year],
  ['thirteen hours ahead', 13 * hours],
  ['three seconds behind', -3 * seconds],
] as const) {
  story(
    `check 26, S3: with one of three clocks ${what} from the start, an absolute limit holds on every node to within two seconds`,
    { nodes: three, ...options },
    async (it) => {
      it.cluster.at('n2').skew.ms = skew;
      await it.cluster.advance(10 * seconds);
      const browser = await it.signedOn('alice', 'n1');
      await it.cluster.advance(lifeMs - 2 * seconds);
      assert.deepEqual(await states(browser), [200, 200, 200], 'two seconds before its end');
      await it.cluster.advance(5 * seconds);
      assert.deepEqual(await states(browser), [401, 401, 401], 'two seconds after its end, which is a whole second');
    },
  );
}

story(
  'S3, V85: a wall clock that leaps by a year and back while sign-ons are open ends none of them, on no node',
  { nodes: three, ...options },
  async (it) => {
    const browser = await it.signedOn('alice', 'n2');
    for (const skew of [year, 0, -year, 13 * hours, -13 * hours, 0]) {
      it.cluster.at('n2').skew.ms = skew;
      assert.equal(await guarded(browser, A, 'n1'), 200, `at once, by ${skew}`);
      await it.cluster.advance(minutes);
      assert.deepEqual(await states(browser), [200, 200, 200], `a minute later, by ${skew}`);
    }
    assert.deepEqual(it.causes(), []);
  },
);

story(
  'a node whose clock is off by more than a minute opens no sign-on, says so, and still ends them',
  { nodes: three, ...options },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    it.cluster.at('n2').skew.ms = 2 * minutes;
    await it.cluster.advance(10 * seconds);
    const refused = await signOn(it.browser(), 'bob', 'n2').expect(503);
    assert.ok(refused.get('Retry-After') !== undefined);
    assert.equal(await guarded(browser, A, 'n2'), 200);
    await browser.post(`${A}/logout`, { at: 'n2' }).expect(200);
    for (const at of three) assert.equal(await guarded(browser, A, at), 401);
    it.cluster.at('n2').skew.ms = 0;
    await it.cluster.advance(10 * seconds);
    await signOn(it.browser(), 'bob', 'n2').expect(200);
  },
);
