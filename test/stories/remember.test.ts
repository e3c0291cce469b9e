/** Stories of sign-ons that are remembered, and of where sign-ons came from. */

import assert from 'node:assert/strict';
import { passwordOf } from '../support/applications.ts';
import type { StoryOptions } from '../support/story.ts';
import { A, B, fromOwnPage, minutes, seconds, setCookies, ssoName, story, three, who } from '../support/story.ts';

const kept = 40 * minutes;
const remembering: StoryOptions = {
  nodes: three,
  options: { remember: { lifeMs: kept }, lifeMs: 20 * minutes, idleMs: 5 * minutes, maxEmptyLife: 300 },
};
const credentials = (name: string) => ({ username: name, password: passwordOf(name) });

story(
  'who ticks the box is known as long as the operator says, however long nobody comes, and its cookie outlives the browser',
  remembering,
  async (it) => {
    const browser = it.browser();
    const answer = await browser
      .post(`${A}/login`, { at: 'n1' })
      .set(fromOwnPage)
      .type('form')
      .send({ ...credentials('alice'), remember: 'on' })
      .expect(303);
    const [cookie] = setCookies(answer, ssoName);
    assert.equal(cookie?.maxAge, kept / seconds);
    const usual = await it.signedOn('bob');
    for (const at of three) {
      const [entry] = it.entries(at, 'alice');
      assert.equal(entry?.remembered, true);
      assert.equal(it.entries(at, 'bob')[0]?.remembered, false);
    }
    await it.cluster.advance(22 * minutes);
    assert.equal(await who(browser, A, 'n2'), 'alice', 'neither idle nor empty');
    assert.equal(await who(browser, B, 'n3'), 'alice');
    assert.equal(await who(usual, A, 'n2'), null);
    await it.cluster.advance(18 * minutes);
    assert.equal(await who(browser, A, 'n1'), null, 'over');
    assert.deepEqual(it.entries('n2'), []);
  },
);

story(
  'JSON and the application itself may ask for it, in the words of a box or of a program',
  remembering,
  async (it) => {
    for (const remember of ['on', '1', 'true', true]) {
      const answer = await it
        .browser()
        .post(`${A}/login`)
        .send({ ...credentials('alice'), remember });
      assert.ok(setCookies(answer, ssoName)[0]?.maxAge, String(remember));
    }
    for (const remember of ['', 'off', '0', 'false', 'yes', false, 0]) {
      const answer = await it
        .browser()
        .post(`${A}/login`)
        .send({ ...credentials('carol'), remember });
      assert.equal(setCookies(answer, ssoName)[0]?.maxAge, null, String(remember));
    }
    assert.deepEqual(
      it.entries('n2', 'carol').filter(({ remembered }) => remembered),
      [],
    );
  },
);

story(
  'a logout and the end of a user end what is remembered as they end all, for ever',
  {
    ...remembering,
    apps: {
      more: (app, sso) => {
        app.post('/remembered', (req, res, next) => {
          req.sso
            .open({ name: 'carol', roles: [] }, 'hand', { remember: true })
            .then(() => res.json({ id: req.sso.entryId }), next);
        });
        app.post(
          '/end/:name',
          (req, res, next) =>
            void sso.endSubject(String(req.params['name'])).then((receipt) => res.json(receipt), next),
        );
      },
    },
  },
  async (it) => {
    const [one, other] = [it.browser(), it.browser()];
    for (const browser of [one, other]) {
      const answer = await browser.post(`${A}/remembered`, { at: 'n1' }).expect(200);
      assert.ok(it.entries('n3', 'carol').some(({ id, remembered }) => remembered && id === answer.body.id));
    }
    await it.cluster.advance(21 * minutes);
    await one.post(`${A}/logout`, { at: 'n2' }).expect(200);
    assert.equal(await who(one, A, 'n1'), null);
    assert.equal(await who(other, A, 'n1'), 'carol');
    assert.equal((await other.post(`${A}/end/carol`, { at: 'n3' }).expect(200)).body.state, 'complete');
    assert.equal(await who(other, A, 'n1'), null);
    await it.cluster.advance(18 * minutes);
    for (const at of three) for (const browser of [one, other]) assert.equal(await who(browser, A, at), null);
  },
);

story(
  'where the operator has not switched it on, the box changes nothing',
  { options: { idleMs: 10 * minutes } },
  async (it) => {
    const browser = it.browser();
    const answer = await browser
      .post(`${A}/login`)
      .send({ ...credentials('alice'), remember: 'on' })
      .expect(200);
    assert.equal(setCookies(answer, ssoName)[0]?.maxAge, null);
    assert.equal(it.entries('n1', 'alice')[0]?.remembered, false);
    await it.cluster.advance(20 * minutes);
    assert.equal(await who(browser, A), null);
  },
);

story(
  'check 71: an entry that would live longer than remember allows is refused, one that lives so long is not',
  remembering,
  async (it) => {
    await it
      .browser()
      .post(`${A}/login`, { at: 'n1' })
      .send({ ...credentials('alice'), remember: 'on' })
      .expect(200);
    await it.cluster.settle();
    for (const at of three) assert.equal(it.entries(at, 'alice').length, 1, at);
  },
);

story('what is remembered outlives a restart of all nodes', { ...remembering, disks: true }, async (it) => {
  const browser = it.browser();
  await browser
    .post(`${A}/login`, { at: 'n1' })
    .set('User-Agent', 'Firefox')
    .send({ ...credentials('alice'), remember: 'on' })
    .expect(200);
  await it.cluster.advance(21 * minutes);
  for (const name of three) await it.cluster.stopNode(name);
  await it.cluster.advance(minutes);
  for (const name of three) await it.cluster.restart(name);
  await it.cluster.advance(20 * seconds);
  assert.equal(await who(browser, A, 'n3'), 'alice');
  const [entry] = it.entries('n2', 'alice');
  assert.deepEqual([entry?.remembered, entry?.device], [true, 'Firefox']);
});

story(
  'every node knows from where and by what a user has signed on, by form, Basic and the application’s own means',
  {
    nodes: three,
    apps: { settings: { 'trust proxy': 'loopback' } },
  },
  async (it) => {
    const agents = ['Firefox/1', 'curl/2', 'Hand/3'];
    const from = (n: number) => ({ 'User-Agent': agents[n]!, 'X-Forwarded-For': `192.0.2.${n}` });
    await it.browser().post(`${A}/login`, { at: 'n1' }).set(from(0)).send(credentials('alice')).expect(200);
    await it.browser().get(`${B}/protected`, { at: 'n2' }).set(from(1)).auth('alice', passwordOf('alice')).expect(200);
    await it.browser().post(`${A}/by-hand/open?name=alice`, { at: 'n3' }).set(from(2)).expect(200);
    await it.cluster.settle();
    for (const at of three) {
      assert.deepEqual(
        it.entries(at, 'alice').map(({ device, source, how }) => [device, source, how]),
        agents.map((agent, n) => [agent, `192.0.2.${n}`, ['form', 'basic', 'hand'][n]]),
      );
    }
  },
);

/** Every entry as a version without tails sends it. */
function earlier(data: unknown): unknown {
  if (!Array.isArray(data)) return data;
  return (data[0] === 'open' && data.length > 12 ? data.slice(0, 12) : data).map(earlier);
}

story(
  'a node of an earlier version, which drops where from and whether it is remembered, is no conflict, and its copies harm nobody’s',
  remembering,
  async (it) => {
    const { network } = it.cluster;
    const { channel } = network;
    Object.assign(network, {
      channel: (...given: Parameters<typeof channel>) => {
        const made = channel(...given);
        const cut = (frame: Uint8Array) => {
          try {
            const tuple = JSON.parse(Buffer.from(frame).toString('utf8', 2));
            return Buffer.from(String.fromCharCode(frame[0]!, frame[1]!) + JSON.stringify(earlier(tuple)), 'utf8');
          } catch {
            return frame;
          }
        };
        return {
          ...made,
          open: made.open.bind(made),
          peers: () => made.peers(),
          pending: () => made.pending(),
          know: (addresses: readonly string[]) => made.know(addresses),
          counters: () => made.counters(),
          close: () => made.close(),
          send: (to: Parameters<typeof made.send>[0], frame: Uint8Array) => made.send(to, cut(frame)),
          broadcast: (frame: Uint8Array) => made.broadcast(cut(frame)),
        };
      },
    });
    await it.cluster.stopNode('n2');
    await it.cluster.restart('n2');
    await it.cluster.advance(10 * seconds);
    const browser = it.browser();
    await browser
      .post(`${A}/login`, { at: 'n1' })
      .set('User-Agent', 'Firefox')
      .send({ ...credentials('alice'), remember: 'on' })
      .expect(200);
    for (let i = 0; i < 4; i++) {
      await it.cluster.advance(minutes);
      assert.equal(await who(browser, A, 'n2'), 'alice', 'touched there, and told to the others without its tail');
    }
    for (const at of ['n1', 'n3']) {
      const [entry] = it.entries(at, 'alice');
      assert.deepEqual([entry?.device, entry?.remembered], ['Firefox', true], at);
    }
    assert.deepEqual(it.causes(), []);
  },
);
