/**
 * The way for a room above to talk with its like on other nodes over the same channel, and to hand on
 * values of the shared maps in its own frames (leases carry closings). Gossip reads none of it.
 */

import type { Peer } from '../channel/channel.ts';
import type { Items } from './message.ts';

/** A room above, on this node. */
export interface Listener {
  up(peer: Peer): void;
  down(peer: Peer): void;
  /** A frame of `talkFrame` whose type is this room's. Returns whether it was one that a member may send. */
  frame(from: Peer, frame: Uint8Array): boolean;
  /** A comparison with this peer was completed: all that it held when its own `mark` was this is here. */
  compared?(peer: Peer, mark: number): void;
  /** Told to whoever compares with this node: one room has a word in it. */
  mark?(): number;
  /** This process stood still for a while: whatever was timed may be over. */
  stalled(): void;
}

export interface Talk {
  /**
   * Before the start. Frames from `firstType` on go to this listener, up to where the next one's begin.
   * @param firstType default: `firstTalk`, the first of all
   */
  listen(listener: Listener, firstType?: number): void;
  say(to: Peer | 'all', frame: Uint8Array): void;
  /** The members that can be reached now. */
  peers(): readonly Peer[];
  /** Compares with this peer as soon as no other comparison goes on. */
  compare(peer: Peer): void;
  /** Merges what a peer sent, as if it had come in a batch. */
  take(map: string, items: Items): void;
  /** What is held under a key, `key,data` as JSON text; '' if nothing is. */
  told(map: string, key: string): string;
}
