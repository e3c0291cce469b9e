/** A channel that counts what it sends, and that can be cut: frames are then lost both ways, and nobody is told. */

import type { Channel, Peer } from '../../sso/channel/channel.ts';

export interface CuttableChannel extends Channel {
  /** Bytes of all broadcasts. */
  readonly sentBytes: number;
  isCut: boolean;
}

export function cuttable(channel: Channel): CuttableChannel {
  let sentBytes = 0;
  const it: CuttableChannel = {
    isCut: false,
    get sentBytes() {
      return sentBytes;
    },
    open: (events) =>
      channel.open({
        up: (peer) => events.up(peer),
        down: (peer) => events.down(peer),
        gap: (peer) => events.gap(peer),
        frame: (from, frame) => it.isCut || events.frame(from, frame),
      }),
    peers: () => channel.peers(),
    pending: () => channel.pending(),
    send(to: Peer, frame: Uint8Array) {
      if (!it.isCut) channel.send(to, frame);
    },
    broadcast(frame: Uint8Array) {
      sentBytes += frame.length;
      if (!it.isCut) channel.broadcast(frame);
    },
    know: (addresses) => channel.know(addresses),
    counters: () => channel.counters(),
    close: () => channel.close(),
  };
  return it;
}
