/** Two versions of the frames side by side: nodes are upgraded one by one, and taken back again. */

import assert from 'node:assert/strict';
import type { MemoryNetwork } from '../../sso/channel/memory.ts';
import type { Receipt } from '../../sso/index.ts';
import { A, accepted, copyOf, type Story, seconds, ssoName, story, three, whoEverywhere } from '../support/story.ts';
import { laterChannel } from './later-channel.ts';
import { Load } from './load.ts';

const differs = 4;

/** Answers to comparisons that found a difference since `from` frames ago. */
class Wire {
  readonly #unequal: number[] = [];
  #frames = 0;

  readonly hear = (_from: string, frame: Uint8Array): void => {
    this.#frames++;
    if (frame[1] !== differs) return;
    const maps = (JSON.parse(Buffer.from(frame).toString('utf8', 2)) as unknown[])[5] as unknown[];
    if (maps.length > 0) this.#unequal.push(this.#frames);
  };

  get frames(): number {
    return this.#frames;
  }

  unequalSince(frames: number): number {
    return this.#unequal.filter((at) => at > frames).length;
  }
}

async function replace(it: Story, name: string): Promise<void> {
  await it.cluster.at(name).sso.drain();
  await it.cluster.stopNode(name);
  await it.cluster.restart(name);
  await it.cluster.advance(seconds);
}

/** Nodes that start from now on are of the later version, or of this one. */
function versions(network: MemoryNetwork): { later(): void; present(): void } {
  const { channel } = network;
  return {
    later: () =>
      void Object.assign(network, {
        channel: (...given: Parameters<typeof channel>) => laterChannel(channel(...given)),
      }),
    present: () => void Object.assign(network, { channel }),
  };
}

for (const disks of [true, false]) {
  const wire = new Wire();
  story(
    `V48: a rolling upgrade to later frames and back, ${disks ? 'with disks' : 'in memory only'}, loses no sign-on, undoes no logout, and copies are equal`,
    { nodes: three, disks, onFrame: wire.hear },
    async (it) => {
      const version = versions(it.cluster.network);
      const out = await it.signedOn('alice', 'n2');
      const stays = await it.signedOn('bob', 'n3');
      const tokens = [copyOf(it, out).cookie(ssoName)!];
      await out.post(`${A}/logout`, { at: 'n3' }).expect(200);
      const load = await new Load(it).begin(4);
      for (const change of [version.later, version.present]) {
        change();
        for (const [i, name] of three.entries()) {
          await replace(it, name);
          // Else leases of several former lives might run, and the logouts be pending until T has passed.
          await it.cluster.advance(7_000);
          const [here, there] = [name, three[(i + 1) % 3]!];
          for (const [opened, closed] of [
            [here, there],
            [there, here],
          ] as const) {
            const browser = await it.signedOn('carol', opened);
            tokens.push(copyOf(it, browser).cookie(ssoName)!);
            assert.deepEqual(await whoEverywhere(it, browser), ['carol', 'carol', 'carol']);
            const receipt = (await browser.post(`${A}/logout`, { at: closed }).expect(200)).body as Receipt;
            assert.equal(receipt.state, 'complete', `${opened} ${closed}`);
          }
        }
      }
      await load.end();
      await it.cluster.settle();
      const { frames } = wire;
      await it.cluster.settle();
      assert.equal(wire.unequalSince(frames), 0, 'copies are equal');
      for (const token of tokens) assert.equal(await accepted(it, token), 0);
      assert.deepEqual(await whoEverywhere(it, stays), ['bob', 'bob', 'bob']);
      assert.deepEqual(new Set(it.causes()), new Set(['logout']));
    },
  );
}

story(
  'V96: what a later version sends is ignored as far as it is unknown, and no connection is ended for it',
  { nodes: three },
  async (it) => {
    versions(it.cluster.network).later();
    await replace(it, 'n1');
    const browser = await it.signedOn('alice', 'n1');
    await it.cluster.advance(10 * seconds);
    const { counters } = { counters: it.cluster.at('n2').sso.counters() };
    assert.ok((counters['maps-unknown'] ?? 0) > 0);
    assert.ok((counters['frame-type'] ?? 0) > 0);
    for (const name of ['frame-shape', 'frame-json', 'frame-failed', 'values-dropped'])
      assert.equal(counters[name] ?? 0, 0, name);
    assert.deepEqual(await whoEverywhere(it, browser), ['alice', 'alice', 'alice']);
    assert.deepEqual(it.cluster.at('n2').sso.finality().leases.length, 2);
  },
);
