/** Guessing against whole nodes: real requests, the production gossip, virtual time. */

import assert from 'node:assert/strict';
import type { Response } from 'supertest';
import { passwordOf } from '../support/applications.ts';
import { A, B, minutes, type Story, seconds, setCookies, signOn, story, three } from '../support/story.ts';

const cluster = { nodes: three } as const;
const knownName = '__Host-latchkey-known';

const wrong = (it: Story, at: string, name = 'alice') => signOn(it.browser(), name, at, A, 'a guess');
const right = (it: Story, at: string, name = 'alice') => signOn(it.browser(), name, at);

async function exhaust(it: Story, name = 'alice'): Promise<void> {
  for (let i = 0; i < 5; i++) await wrong(it, three[i % 3]!, name).expect(401);
}

const checkThrottled = (answer: Response) => {
  assert.equal(answer.status, 429);
  assert.equal(answer.body.error, 'throttled');
  assert.equal(answer.get('Retry-After'), String(Math.ceil(answer.body.retryAfterMs / 1_000)));
  assert.equal(answer.get('Cache-Control'), 'no-store');
  assert.deepEqual(setCookies(answer), []);
};

const burst = Number(process.env['LATCHKEY_THROTTLE_BURST'] ?? 150);

story(
  `check 32: of ${burst} wrong passwords for one account that come to three nodes at once five are looked at, and all others refused`,
  { ...cluster, options: { throttle: { source: { failures: 1_000_000 } } } },
  async (it) => {
    const answers = await Promise.all(Array.from({ length: burst }, (_, i) => wrong(it, three[i % 3]!)));
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 401).length, 5);
    assert.equal(statuses.filter((status) => status === 429).length, burst - 5);
    for (const answer of answers.filter(({ status }) => status === 429)) checkThrottled(answer);
    for (const at of three) checkThrottled(await right(it, at)); // nobody learns from it that this one was right
    await it.cluster.advance(1 * seconds);
    await right(it, 'n2').expect(200);
  },
);

story('check 32: each failure beyond the budget doubles the wait, whichever node it comes to', cluster, async (it) => {
  await exhaust(it);
  for (const [turn, wait] of [1, 2, 4, 8, 16].entries()) {
    const refused = await wrong(it, three[turn % 3]!);
    checkThrottled(refused);
    assert.equal(Number(refused.get('Retry-After')), wait);
    await it.cluster.advance(wait * seconds);
    await wrong(it, three[(turn + 1) % 3]!).expect(401);
  }
});

story('check 33: an account has one count, whatever its name is written like', cluster, async (it) => {
  for (const [i, name] of ['alice', 'ALICE', ' alice', 'ａｌｉｃｅ', 'Alice '].entries())
    await signOn(it.browser(), name, three[i % 3]!, A, 'a guess').expect(401);
  for (const at of three) checkThrottled(await signOn(it.browser(), 'aLiCe', at, A, 'a guess'));
  await wrong(it, 'n1', 'bob').expect(401);
});

story('check 34: whoever signed on from this browser before gets in while strangers guess', cluster, async (it) => {
  const victim = await it.signedOn('alice', 'n1');
  await victim.post(`${A}/logout`).expect(200);
  const other = await it.signedOn('bob', 'n1');
  await other.post(`${A}/logout`).expect(200);
  await exhaust(it);
  checkThrottled(await right(it, 'n2'));
  checkThrottled(await signOn(other, 'alice', 'n2')); // known to bob's account alone
  await signOn(victim, 'alice', 'n3').expect(200);
});

story('check 34: who is signed on may type the password again while strangers guess', cluster, async (it) => {
  const victim = await it.signedOn('alice', 'n1');
  victim.jar.take(new URL(A), [`${knownName}=; Max-Age=0; Path=/; Secure`]);
  assert.equal(victim.cookie(knownName, A), undefined);
  await exhaust(it);
  await signOn(victim, 'alice', 'n2').expect(200);
});

story(
  'check 34: the cookie of a known browser is set by a sign-on alone, host-only and out of scripts’ reach',
  cluster,
  async (it) => {
    const browser = it.browser();
    const failed = await signOn(browser, 'alice', 'n1', A, 'a guess').expect(401);
    assert.deepEqual(setCookies(failed, knownName), []);
    const [cookie, ...more] = setCookies(await signOn(browser, 'alice', 'n1').expect(200), knownName);
    assert.equal(more.length, 0);
    const { secure, httpOnly, sameSite, domain, path, maxAge } = cookie!;
    assert.deepEqual(
      { secure, httpOnly, sameSite, domain, path, maxAge },
      {
        secure: true,
        httpOnly: true,
        sameSite: 'lax',
        domain: null,
        path: '/',
        maxAge: 90 * 24 * 3_600,
      },
    );
  },
);

story(
  'check 31: a stranger to the user list learns nothing: unknown names are slowed as known ones are',
  cluster,
  async (it) => {
    const seen = async (name: string) => {
      const answers: object[] = [];
      for (let i = 0; i < 7; i++) {
        const { status, body, headers } = await wrong(it, three[i % 3]!, name);
        const { date: _, connection: __, ...others } = headers;
        answers.push({ status, body, others });
      }
      return answers;
    };
    assert.deepEqual(await seen('alice'), await seen('nobody-of-this-name'));
  },
);

story(
  'check 35: a long or odd password is counted as any other, and one that is too large not at all',
  cluster,
  async (it) => {
    for (let i = 0; i < 8; i++) await signOn(it.browser(), 'alice', 'n1', A, 'x'.repeat(1 << 20)).expect(413);
    for (const password of ['p'.repeat(64), 'пароль 密码 🔑', 'a\0b', 'x'.repeat(10_000), ''])
      await signOn(it.browser(), 'alice', 'n2', A, password).expect(401);
    checkThrottled(await signOn(it.browser(), 'alice', 'n3', A, 'p'.repeat(64)));
  },
);

story('a form goes back to its page, with the reason and the seconds', cluster, async (it) => {
  await exhaust(it);
  const browser = it.browser();
  await browser.visit(`${A}/login?return_to=%2Fprotected`, { at: 'n1' });
  const answer = await browser
    .post(`${A}/login`, { at: 'n1' })
    .type('form')
    .set({ 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html' })
    .send({ username: 'alice', password: passwordOf('alice'), return_to: '/protected' });
  assert.equal(answer.status, 303);
  assert.equal(answer.get('Location'), '/login?error=throttled&retry_after=1&return_to=%2Fprotected');
});

story('HTTP Basic is counted with the forms, and what a client proved before is its own', cluster, async (it) => {
  const ask = (at: string, password: string) => it.browser().get(`${B}/protected`, { at }).auth('alice', password);
  await ask('n1', passwordOf('alice')).expect(200);
  for (let i = 0; i < 5; i++) await ask(three[i % 3]!, 'a guess').expect(401);
  checkThrottled(await wrong(it, 'n2'));
  const refused = await ask('n3', passwordOf('alice'));
  checkThrottled(refused);
  assert.equal(refused.get('WWW-Authenticate'), undefined);
  await it.cluster.advance(2 * minutes); // the password is to be checked again
  for (let i = 0; i < 2; i++) await wrong(it, 'n1');
  await ask('n1', passwordOf('alice')).expect(200);
});

story(
  'nodes that are cut off count alone, and add up once they meet',
  { ...cluster, options: { cluster: { whenCutOff: 'serve' } } },
  async (it) => {
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    for (let i = 0; i < 5; i++) {
      await wrong(it, 'n1').expect(401);
      await wrong(it, three[1 + (i % 2)]!).expect(401);
    }
    for (const at of three) checkThrottled(await wrong(it, at));
    await it.cluster.heal();
    await it.cluster.settle();
    await it.cluster.advance(30 * seconds - 5 * seconds);
    for (const at of three) assert.ok((await wrong(it, at)).body.retryAfterMs > 1_000, at); // ten failures: 32 s
  },
);

story('a restart forgets nothing that the other nodes know', cluster, async (it) => {
  await exhaust(it);
  for (const at of three) {
    await it.cluster.kill(at);
    await it.cluster.advance(10);
    await it.cluster.restart(at);
    checkThrottled(await wrong(it, at));
  }
});

story('the death of a node sets no count back and keeps nobody out', cluster, async (it) => {
  await exhaust(it);
  await it.cluster.advance(1 * seconds);
  await it.cluster.kill('n1');
  await wrong(it, 'n2').expect(401);
  await it.cluster.advance(2 * seconds);
  await right(it, 'n3').expect(200);
});

story('a refusal is audited and counted by its reason', cluster, async (it) => {
  await exhaust(it);
  await wrong(it, 'n1');
  const lines = it.cluster.at('n1').log.lines.map(({ fields }) => fields as Record<string, unknown>);
  const refusals = lines.filter(({ event }) => event === 'sign-on-refused');
  assert.equal(refusals.at(-1)!['reason'], 'throttled');
  assert.equal(refusals.at(-1)!['user'], 'alice');
});

story('who wants none has none', { ...cluster, options: { throttle: false } }, async (it) => {
  for (let i = 0; i < 12; i++) await wrong(it, three[i % 3]!).expect(401);
  assert.deepEqual(setCookies(await right(it, 'n1').expect(200), knownName), []);
});
