/** The audit over whole stories: each thing that happened is one line in the cluster, and no line at any level holds a secret. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { passwordOf } from '../support/applications.ts';
import { A, B, C, copyOf, minutes, type Story, signOn, ssoName, story, three } from '../support/story.ts';

interface AuditLine {
  readonly at: string;
  readonly event: string;
  readonly user?: string;
  readonly signOn?: string;
  readonly cause?: string;
  readonly sessions?: number;
  readonly reason?: string;
}

function auditOf({ cluster }: Story, event?: string): readonly AuditLine[] {
  return cluster.nodes
    .flatMap(({ name, log }) => log.lines.map(({ fields }) => ({ ...fields, at: name }) as AuditLine))
    .filter((line) => line.event !== undefined && (event === undefined || line.event === event));
}

story(
  'each sign-on has one line when it begins and one when it ends, at the nodes through which that was',
  { nodes: three },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    await alice.get(`${B}/protected`, { at: 'n3' }).expect(200);
    await alice.post(`${A}/logout`, { at: 'n2' }).expect(200);
    const bob = await it.signedOn('bob', 'n3');
    await bob.get(`${A}/protected`, { at: 'n1' }).expect(200);
    await it.cluster.run(it.cluster.at('n2').sso.endSubject('bob'));
    await it.signedOn('carol', 'n2');
    await it.cluster.settle();
    await it.cluster.run(it.cluster.at('n1').sso.endEntry(it.entries('n1', 'carol')[0]!.id));
    await it.cluster.settle();
    assert.deepEqual(
      auditOf(it, 'sign-on')
        .map(({ at, user }) => `${at} ${user}`)
        .sort(),
      ['n1 alice', 'n2 carol', 'n3 bob'],
    );
    assert.deepEqual(
      auditOf(it, 'sign-off')
        .map(({ at, user, cause }) => `${at} ${user} ${cause}`)
        .sort(),
      ['n1 carol administrator', 'n2 alice logout', 'n2 bob subject-ended'],
    );
    const ofAlice = auditOf(it).filter(({ user }) => user === 'alice');
    assert.equal(new Set(ofAlice.map(({ signOn }) => signOn)).size, 1, 'one name for the sign-on on all nodes');
    assert.equal(ofAlice.find(({ event }) => event === 'sign-off')!.sessions, 2);
    assert.deepEqual(
      auditOf(it, 'subject-ended').map(({ at, user }) => `${at} ${user}`),
      ['n2 bob'],
    );
  },
);

const short = { nodes: three, options: { lifeMs: 20 * minutes } };

story('a sign-on that ends by itself is told by one node, one that lives', short, async (it) => {
  await it.signedOn('alice', 'n1');
  await it.signedOn('bob', 'n2');
  await it.cluster.settle();
  await it.cluster.kill('n1');
  await it.cluster.advance(25 * minutes);
  assert.deepEqual(
    auditOf(it, 'sign-off')
      .map(({ user }) => user)
      .sort(),
    ['alice', 'bob'],
  );
});

story(
  'T7, check 74: no token, password or session id is in any line at any level, over a whole story',
  short,
  async (it) => {
    const secrets = new Set<string>();
    for (const name of ['alice', 'bob', 'carol']) {
      const browser = await it.signedOn(name, 'n1');
      await browser.get(`${B}/protected`, { at: 'n2' }).expect(200);
      await browser.get(`${C}/public`, { at: 'n3' }).expect(200);
      secrets.add(passwordOf(name)).add(`not-${name}-word`);
      secrets.add(Buffer.from(`${name}:${passwordOf(name)}`).toString('base64'));
      for (const app of [A, B, C])
        for (const { key, value } of browser.cookies(app)) if (key.startsWith('__')) secrets.add(value.split('.')[0]!);
      await signOn(it.browser(), name, 'n2', A, `not-${name}-word`).expect(401);
      const stale = copyOf(it, browser);
      await it.cluster.split([['n1'], ['n2', 'n3']]);
      await it.cluster.advance(minutes);
      for (const at of three) {
        await stale.get(`${A}/protected`, { at });
        await stale
          .get(`${A}/protected`, { at })
          .set('Cookie', `${ssoName}=${stale.cookie(ssoName)}; ${ssoName}=other`);
      }
      await it.cluster.heal();
      await it.cluster.settle();
      if (name === 'alice') await browser.post(`${A}/logout`, { at: 'n3' });
      if (name === 'bob') await it.cluster.run(it.cluster.at('n2').sso.endSubject(name));
      if (name === 'carol') await it.cluster.run(it.cluster.at('n2').sso.setRoles(name, ['clerk']));
      await stale.get(`${A}/protected`, { at: 'n1' });
    }
    await it.cluster.kill('n3');
    await it.cluster.restart('n3');
    await it.cluster.advance(25 * minutes);
    const text = JSON.stringify(
      it.cluster.nodes.map(({ log }) => log.lines),
      (_key, value) => (value instanceof Error ? `${value.stack}` : value),
    );
    const events = new Set(auditOf(it).map(({ event }) => event));
    for (const event of ['sign-on', 'sign-on-refused', 'sign-off', 'subject-ended', 'roles-set'])
      assert.ok(events.has(event), event);
    assert.ok(secrets.size >= 12, `${secrets.size}`);
    for (const secret of secrets) {
      assert.ok(!text.includes(secret), `${secret} is in a line`);
      assert.ok(!text.includes(Buffer.from(secret).toString('hex')), `${secret} is in a line, as hex`);
    }
  },
);
