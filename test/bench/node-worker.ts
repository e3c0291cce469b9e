/** One node of a real cluster on loopback, without HTTP, in a process of its own. Instants are of the monotonic clock, which all processes of a machine share. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Channel } from '../../sso/channel/channel.ts';
import { meshChannel } from '../../sso/channel/mesh.ts';
import { systemClock } from '../../sso/clock.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { silentLog } from '../../sso/log.ts';
import { systemRandom } from '../../sso/random.ts';
import type { SsoId } from '../../sso/token.ts';
import { type NodeParts, nodeParts } from '../simulation/parts.ts';
import { answerCalls, cpuMicros } from './child.ts';
import { sharedNow } from './shared-now.ts';

export interface NodeAddress {
  readonly name: string;
  readonly listen: string;
  readonly nodes: readonly string[];
}

/** Sign-ons opened between two turns of the event loop. */
const batch = 256;
/** Sign-ons under way before the sender waits for all members to have them. */
const window = 8_192;

const keys = deriveKeys('Wq6nE1uXb8Yt3Rk9Pz5Lm2Vc7Hs4Jd0G');
const delays = monitorEventLoopDelay({ resolution: 1 });
let parts: NodeParts;
let sentBytes = 0;
const closedAt = new Map<string, number>();
let sizeWanted = 0;
let sizeReached: (at: number) => void = () => {};

answerCalls({
  /** Starts the node; resolves when it has joined, with the milliseconds that took. */
  async start({ name, listen, nodes }: NodeAddress) {
    const self = { node: name, incarnation: Date.now() };
    const channel = counted(
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
    parts = nodeParts({
      self,
      address: listen,
      channel,
      clock: systemClock,
      random: systemRandom,
      keys,
      accepting: () => true,
    });
    parts.registry.onClosed(({ id }) => closedAt.set(id, sharedNow()));
    parts.entries.onChange(({ before }) => {
      if (before === undefined && parts.entries.size === sizeWanted) sizeReached(sharedNow());
    });
    delays.enable();
    const begun = sharedNow();
    await parts.gossip.start();
    return sharedNow() - begun;
  },
  /** How many members this node reaches. */
  reaches: () => parts.gossip.members().filter(({ reachable }) => reachable).length - 1,
  size: () => parts.entries.size,
  /** Resolves with the instant at which the node held so many sign-ons. */
  hold: (size: number) =>
    new Promise<number>((resolve) => {
      if (parts.entries.size >= size) return resolve(sharedNow());
      sizeWanted = size;
      sizeReached = resolve;
    }),
  /** Opens so many sign-ons as fast as the members take them. Resolves with when that began and what was sent. */
  async open(count: number) {
    const begun = sharedNow();
    const bytesBefore = sentBytes;
    const windows: Promise<unknown>[] = [];
    for (let opened = 0; opened < count; ) {
      for (let i = 0; i < batch && opened < count; i++, opened++) openOne();
      if (opened % window < batch) {
        windows.push(parts.gossip.stored('all', 10_000));
        if (windows.length > 1) await windows.shift();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(windows);
    return { begun, bytes: sentBytes - bytesBefore };
  },
  /** Opens one sign-on and waits for all members to have it. */
  async openStored() {
    const id = openOne();
    await parts.gossip.stored('all', 10_000);
    return id;
  },
  /** Ends a sign-on. Resolves with the instants before and after. */
  async close(id: SsoId) {
    const begun = sharedNow();
    const { state } = await parts.registry.close(id, 'logout');
    return { begun, answered: sharedNow(), state };
  },
  closedAt: (id: string) => closedAt.get(id),
  cpu: () => cpuMicros(),
  counters: () => parts.gossip.counters(),
  stallBegin() {
    delays.reset();
    delays.enable();
  },
  /** The longest that the event loop stood still since `stallBegin`, milliseconds. */
  stallEnd() {
    delays.disable();
    return delays.max / 1e6;
  },
});

let users = 0;

function openOne(): SsoId {
  const principal = { name: `user-${++users}@xyz.com`, roles: ['customer'] };
  const opened = parts.registry.openNow({ principal, how: 'form', mark: parts.registry.mark() });
  if (opened === undefined) throw new Error('the sign-on was refused');
  return opened.id;
}

function counted(channel: Channel): Channel {
  return {
    open: (events) => channel.open(events),
    peers: () => channel.peers(),
    pending: () => channel.pending(),
    send: (to, frame) => channel.send(to, frame),
    broadcast(frame) {
      sentBytes += frame.length;
      channel.broadcast(frame);
    },
    know: (addresses) => channel.know(addresses),
    counters: () => channel.counters(),
    close: () => channel.close(),
  };
}
