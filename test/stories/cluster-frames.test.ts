/** Stories of VALVE-BEHAVIOUR.md 2.6: splits, and frames that are late, doubled, replayed or nonsense. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import { seededRandom } from '../../sso/random.ts';
import {
  A,
  B,
  copyOf,
  deletes,
  guarded,
  minutes,
  seconds,
  see,
  setCookies,
  ssoName,
  story,
  three,
  who,
  whoEverywhere,
} from '../support/story.ts';

story(
  'V92: a logout on one side of a split wins over activity on the other once it heals',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=x`).expect(200);
    const active = copyOf(it, browser);
    await it.cluster.settle();
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.equal(receipt.state, 'pending', 'nobody claims that the others know');
    assert.deepEqual([...receipt.nodes.outstanding].sort(), ['n2', 'n3']);
    for (let i = 0; i < 3; i++) {
      await active.post(`${A}/note?text=later${i}`, { at: 'n2' }).expect(200);
      await it.cluster.advance(minutes);
    }
    await it.cluster.heal();
    await it.cluster.settle();
    for (const at of three) {
      assert.equal(await guarded(copyOf(it, active), A, at), 401, at);
      assert.equal((await see(copyOf(it, active), `${A}/session`, at)).note, '');
      assert.deepEqual(it.entries(at), []);
    }
    assert.deepEqual(
      three.map((at) => it.causes(at)),
      [['logout'], ['logout'], ['logout']],
    );
  },
);

for (const seed of [1, 2, 3]) {
  story(
    `V94: doubled, reordered, late and lost frames end in the same state everywhere (seed ${seed})`,
    { nodes: three, seed },
    async (it) => {
      const { network } = it.cluster;
      network.double(0.4);
      network.reorder(0.4, 500);
      network.lose(0.1);
      it.cluster.delay(20);
      const out = await it.signedOn('alice', 'n1');
      const stays = await it.signedOn('bob', 'n2');
      const late = copyOf(it, out);
      for (let i = 0; i < 4; i++) {
        await Promise.all([
          out.post(`${A}/note?text=${i}`, { at: three[i % 3]! }),
          stays.post(`${B}/note?text=${i}`, { at: three[i % 3]! }),
        ]);
      }
      await Promise.all([
        out.post(`${A}/logout`, { at: 'n3' }),
        late.post(`${A}/note?text=late`, { at: 'n1' }),
        late.post(`${B}/note?text=late`, { at: 'n2' }),
      ]);
      await it.cluster.at('n2').sso.setRoles('bob', ['last']);
      network.double(0);
      network.reorder(0);
      network.lose(0);
      await it.cluster.advance(5 * minutes);
      for (const at of three) {
        assert.equal(await guarded(copyOf(it, late), A, at), 401, at);
        const seen = await see(stays, `${B}/protected/session`, at);
        assert.deepEqual([seen.user, seen.roles, seen.note], ['bob', ['last'], '3'], at);
        assert.deepEqual(
          it.entries(at).map(({ principal }) => principal.name),
          ['bob'],
        );
      }
    },
  );
}

/** Every frame that was sent, with its sender. */
const wire: { from: string; frame: Uint8Array }[] = [];

story(
  'V95: recorded frames that come again, from the node of the same name, change nothing',
  { onFrame: (from, frame) => void wire.push({ from, frame: Uint8Array.from(frame) }) },
  async (it) => {
    wire.length = 0;
    const browser = await it.signedOn('alice', 'n1');
    await browser.post(`${A}/note?text=x`, { at: 'n1' }).expect(200);
    await it.cluster.at('n1').sso.setRoles('alice', ['old']);
    const recorded = wire.filter(({ from }) => from === 'n1').map(({ frame }) => frame);
    assert.ok(recorded.length > 3);
    await it.cluster.at('n1').sso.setRoles('alice', ['new']);
    const copy = copyOf(it, browser);
    await browser.post(`${A}/logout`, { at: 'n1' }).expect(200);
    const stays = await it.signedOn('alice', 'n2');
    const { incarnation } = it.cluster
      .at('n2')
      .sso.members()
      .find(({ node }) => node === 'n1')!;
    await it.cluster.kill('n1');
    const forged = it.cluster.network.channel({ node: 'n1', incarnation });
    await forged.open({
      up() {
        for (const frame of recorded) forged.broadcast(frame);
      },
      down() {},
      frame() {},
      gap() {},
    });
    await it.cluster.advance(5 * seconds);
    assert.equal(await guarded(copy, A, 'n2'), 401);
    assert.deepEqual(
      it.entries('n2').map(({ principal }) => principal.name),
      ['alice'],
    );
    assert.deepEqual(it.causes('n2'), ['logout']);
    assert.equal(await who(stays, A, 'n2'), 'alice');
    assert.notDeepEqual((await see(stays, `${A}/public`, 'n2')).roles, ['old']);
    await it.cluster.run(forged.close());
  },
);

story(
  'V96: frames of nonsense are dropped and counted; nothing is polluted, nobody is signed on or off',
  {},
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    const before = Object.values(it.cluster.at('n2').sso.counters()).reduce((sum, count) => sum + count, 0);
    const random = seededRandom(96);
    const texts = [
      '{"__proto__":{"polluted":true}}',
      '[{"constructor":{"prototype":{"polluted":true}}}]',
      '{"v":999999,"kind":"put"}',
      `[${'['.repeat(20_000)}${']'.repeat(20_000)}]`,
      `{"values":[${'0,'.repeat(100_000)}0]}`,
      '{"entries":{"__proto__":["open","mallory",["admin"]]}}',
      'null',
      '1e999',
      '"text"',
      '',
      '[]',
      '{}',
    ];
    const frames = [
      ...texts.map((text) => new TextEncoder().encode(text)),
      ...Array.from({ length: 200 }, () => random.bytes(Math.floor(random.fraction() * 400))),
    ];
    const channel = it.cluster.network.channel({ node: 'nonsense', incarnation: 1 });
    let sent = 0;
    await channel.open({
      up: (peer) => {
        for (const frame of frames.slice(sent, sent + 40)) channel.send(peer, frame);
        sent += 20;
      },
      down() {},
      frame() {},
      gap() {},
    });
    await it.cluster.advance(20 * seconds);
    assert.ok(sent >= 40, 'the intruder was heard');
    await it.cluster.run(channel.close());
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    const after = Object.values(it.cluster.at('n2').sso.counters()).reduce((sum, count) => sum + count, 0);
    assert.ok(after > before, 'counted');
    for (const at of ['n1', 'n2'])
      assert.deepEqual(
        it.entries(at).map(({ principal }) => principal.name),
        ['alice'],
      );
    assert.deepEqual(await whoEverywhere(it, browser), ['alice', 'alice']);
    assert.ok(setCookies(await browser.post(`${A}/logout`, { at: 'n2' }).expect(200), ssoName).some(deletes));
    assert.deepEqual([it.causes('n1'), it.causes('n2')], [['logout'], ['logout']]);
  },
);
