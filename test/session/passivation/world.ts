/** One node whose disk takes its time, and an application that passivates. */

import { MemoryShelf } from '../../../sso/disk/memory-shelf.ts';
import type { ShelfWrites } from '../../../sso/disk/shelf.ts';
import { Heart } from '../../../sso/heart.ts';
import { deriveKeys } from '../../../sso/keys.ts';
import { seededRandom } from '../../../sso/random.ts';
import type { PassivationSettings } from '../../../sso/session/options/passivation.ts';
import type { LiveSession } from '../../../sso/session/record.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';

export const seconds = 1_000;
export const minutes = 60 * seconds;

/** Writes only when it is told to. */
export class SlowShelf extends MemoryShelf {
  #waiting: (() => void)[] = [];
  isSlow = true;

  override async write(writes: ShelfWrites): Promise<void> {
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await super.write(writes);
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export async function world(settings: Partial<PassivationSettings> = {}) {
  const clock = virtualClock();
  let fault: string | undefined;
  const shelf = new SlowShelf(() => fault);
  const heart = new Heart({
    self: { node: 'n1', incarnation: 1 },
    route: 'n1',
    address: '',
    clock,
    random: seededRandom(1),
    keys: deriveKeys('m7QvX2w9Lr4TzB8nKd3HsY6jPf1GcA5e'),
    shelf,
  });
  await heart.start();
  const none = Number.POSITIVE_INFINITY;
  heart.passivation.configure('shop', {
    maxActive: none,
    passivates: true,
    minIdleMs: none,
    maxIdleMs: 60 * seconds,
    ...settings,
  });
  const { table, passivation } = heart;
  const keyOf = (name: string) => table.key('shop', name);
  return {
    ...{ clock, shelf, heart, table, passivation, keyOf },
    setFault: (why: string | undefined) => (fault = why),
    write(name: string, text: string) {
      const changes = { fields: [{ part: '0', field: '.note', text: JSON.stringify(text) }], gone: [] };
      return table.write(keyOf(name), { app: 'shop', signOn: undefined, idleMs: 20 * minutes, changes });
    },
    /** As a request does. */
    read(name: string): string | undefined {
      const look = table.look(keyOf(name));
      if (look.state !== 'live') return undefined;
      table.touch(keyOf(name), { afterMs: 60 * seconds });
      return noteOf(look.session);
    },
    formOf: (name: string) => (heart.sessions.get(keyOf(name)) as LiveSession).data.form,
    /** Lets everything happen that waits for nothing but its turn. */
    settle: () => clock.advanceAsync(0),
    elapse: (ms: number) => clock.advanceAsync(ms),
  };
}

const noteOf = ({ data }: LiveSession): string | undefined => {
  const text = data.get('0', '.note');
  return text === undefined ? undefined : JSON.parse(text);
};
