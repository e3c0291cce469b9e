/** One node of a real cluster on loopback, without HTTP, in a process of its own. Instants are of the monotonic clock, which all processes of a machine share. */

import { join } from 'node:path';
import { meshChannel } from '../../sso/channel/mesh.ts';
import { systemClock } from '../../sso/clock.ts';
import { stateFile } from '../../sso/disk/directory.ts';
import { LmdbDisk } from '../../sso/disk/lmdb-disk.ts';
import { Heart } from '../../sso/heart.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { silentLog } from '../../sso/log.ts';
import { votersOf } from '../../sso/logout/voters.ts';
import { systemRandom } from '../../sso/random.ts';
import type { SsoId } from '../../sso/token.ts';
import { answerCalls, cpuMicros } from './child.ts';
import { type CuttableChannel, cuttable } from './cuttable-channel.ts';
import { sharedNow } from './shared-now.ts';
import { stallCalls } from './stalls.ts';
import { type Stock, takeStock } from './stock.ts';

export interface NodeAddress {
  readonly name: string;
  readonly listen: string;
  /** The voters. */
  readonly nodes: readonly string[];
  readonly dataDir: string | undefined;
}

/** Sign-ons opened between two turns of the event loop. */
const batch = 256;
/** Sign-ons under way before the sender waits for all members to have them. */
const window = 8_192;

const keys = deriveKeys('Wq6nE1uXb8Yt3Rk9Pz5Lm2Vc7Hs4Jd0G');
let heart: Heart;
let channel: CuttableChannel;
const closedAt = new Map<string, number>();
let directory = '';
let sizeWanted = 0;
let sizeReached: (at: number) => void = () => {};

answerCalls({
  ...stallCalls,
  /** Starts the node; resolves when it has joined and may accept sign-ons, with when that began and the milliseconds it took. */
  async start({ name, listen, nodes, dataDir }: NodeAddress) {
    directory = dataDir ?? '';
    const self = { node: name, incarnation: Date.now() * 512 };
    channel = cuttable(
      meshChannel({
        ...self,
        listen,
        nodes,
        keys: (node) => keys.mesh('bench', node),
        cluster: 'bench',
        fingerprint: '',
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      }),
    );
    heart = new Heart({
      self,
      route: name,
      address: listen,
      channel,
      voters: votersOf(nodes, listen),
      clock: systemClock,
      random: systemRandom,
      keys,
      disk: dataDir === undefined ? undefined : new LmdbDisk({ directory: dataDir, clock: systemClock }),
      // A stock of a million is full by the default.
      registry: { entries: 4_000_000 },
    });
    heart.registry.onClosed(({ id }) => closedAt.set(id, sharedNow()));
    heart.entries.onChange(({ before }) => {
      if (before === undefined && heart.entries.size === sizeWanted) sizeReached(sharedNow());
    });
    stallCalls.stallBegin();
    const begun = sharedNow();
    await heart.start();
    await accepts();
    return { begun, ms: sharedNow() - begun };
  },
  accepts: () => accepts(),
  /** How many members this node reaches. */
  reaches: () => heart.gossip.members().filter(({ reachable }) => reachable).length - 1,
  size: () => heart.entries.size,
  /** Resolves with the instant at which the node held so many sign-ons. */
  hold: (size: number) =>
    new Promise<number>((resolve) => {
      if (heart.entries.size >= size) return resolve(sharedNow());
      sizeWanted = size;
      sizeReached = resolve;
    }),
  take: (stock: Stock) => takeStock(heart, stock),
  /** Resolves once all that this node holds is on its disk. */
  async written() {
    while (heart.unwritten > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  },
  /** The file that holds all. */
  statePath: () => join(directory, stateFile),
  /** Opens so many sign-ons as fast as the members take them. Resolves with when that began and what was sent. */
  async open(count: number) {
    const begun = sharedNow();
    const bytesBefore = channel.sentBytes;
    const windows: Promise<unknown>[] = [];
    for (let opened = 0; opened < count; ) {
      for (let i = 0; i < batch && opened < count; i++, opened++) openOne();
      if (opened % window < batch) {
        windows.push(heart.gossip.stored('all', 10_000));
        if (windows.length > 1) await windows.shift();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(windows);
    return { begun, bytes: channel.sentBytes - bytesBefore };
  },
  /** Opens so many in one go, without waiting for anybody. */
  openNow(count: number) {
    for (let opened = 0; opened < count; opened++) openOne();
  },
  /** Opens one sign-on and waits for all members to have it. */
  async openStored() {
    const id = openOne();
    await heart.gossip.stored('all', 10_000);
    return id;
  },
  /** Ends a sign-on. Resolves with the instants before and after, and what the receipt says. */
  async close(id: SsoId) {
    const begun = sharedNow();
    const { state } = await heart.registry.close(id, 'logout');
    return { begun, answered: sharedNow(), state };
  },
  closedAt: (id: string) => closedAt.get(id),
  /** Loses every frame from now on, or no longer. Resolves with the instant. */
  cut(isCut: boolean) {
    channel.isCut = isCut;
    return sharedNow();
  },
  /** Microseconds of one question whether it may accept sign-ons, of as many as a loop asks; and of reading both clocks alone. */
  mayAccept(times: number) {
    let yes = 0;
    const begun = sharedNow();
    for (let i = 0; i < times; i++) if (heart.finality.mayAccept()) yes++;
    const asked = sharedNow();
    for (let i = 0; i < times; i++) if (systemClock.monotonic() < systemClock.now()) yes++;
    const read = sharedNow();
    if (yes !== 2 * times) throw new Error('it may not accept sign-ons');
    return { micros: ((asked - begun) * 1_000) / times, bareMicros: ((read - asked) * 1_000) / times };
  },
  cpu: () => cpuMicros(),
  counters: () => heart.gossip.counters(),
});

let users = 0;

async function accepts(): Promise<void> {
  if (!(await heart.finality.waitToAccept(30_000))) throw new Error('it may not accept sign-ons');
}

function openOne(): SsoId {
  const principal = { name: `user-${++users}@${process.pid}.xyz.com`, roles: ['customer'] };
  const opened = heart.registry.openNow({ principal, how: 'form', mark: heart.registry.mark() });
  if (opened === undefined) throw new Error('the sign-on was refused');
  return opened.id;
}
