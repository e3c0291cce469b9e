/**
 * How bytes travel: the promises every channel keeps, and nothing about what the bytes mean.
 *
 * Carries frames between members. Best effort on purpose: a frame may be lost, doubled, late or out of
 * order, and the replica above repairs all four. An adapter keeps only these promises:
 * - a delivered frame is whole, and is exactly what was sent by the member it names, of this cluster;
 * - `send` returns at once and never throws because a peer is away, slow or full;
 * - a member is `up` before its first frame is delivered and `down` after its last;
 * - what a member's queue could not hold, or a connection swallowed, is told by `gap` as soon as a comparison can get through;
 * - after `close` resolves nothing is delivered, and no timer or socket is left.
 */

import type { Clock } from '../clock.ts';
import type { MeshKey } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';

/** The most a frame may hold: larger ones are refused before memory is taken for them. */
export const maxFrameBytes = 512 * 1024;

/** A member as the channel sees it: a life of a process, by its node's name. */
export interface Peer {
  readonly node: string;
  readonly incarnation: number;
}

export interface ChannelEvents {
  /** A member can be reached from now on. */
  up(peer: Peer): void;
  /** It can't any more: its connection ended, or it was silent for too long. */
  down(peer: Peer): void;
  /** A whole frame, which may be kept but not written to. Return false for what no member sends: the connection is ended, and made anew. */
  frame(from: Peer, frame: Uint8Array): boolean | void;
  /** Frames of this member, to it or from it, may be missing: compare with it. */
  gap(peer: Peer): void;
}

export interface RefusalView {
  /** The other node, or its address. */
  readonly by: string;
  /** A word: `settings`, `cluster`, `version`, … */
  readonly reason: string;
  /** The settings that differ, by name. */
  readonly differ: readonly string[];
  /** For the operator: names and addresses. */
  readonly why: string;
}

export interface Channel {
  /** Begins to listen and to dial. Resolves once it listens. @throws SsoError ERR_CHANNEL_FAILED the address can't be listened on */
  open(events: ChannelEvents): Promise<void>;
  /** The members that can be reached now, oneself left out. */
  peers(): readonly Peer[];
  /** The addresses of the configured list at which no member has been reached, and no refusal has been met yet. */
  pending(): readonly string[];
  /** To this life of a node; nothing is sent to another. The frame is copied. @throws RangeError it is longer than `maxFrameBytes` */
  send(to: Peer, frame: Uint8Array): void;
  /** As `send`, to every member that can be reached now. */
  broadcast(frame: Uint8Array): void;
  /** Addresses learnt from members: they are dialled as the configured ones are, as long as they are named here. */
  know(addresses: readonly string[]): void;
  /** What went wrong so far, by reason: metrics show it. */
  counters(): Readonly<Record<string, number>>;
  /** Nodes that refuse this one, or are refused by it, of late. Left out by a channel that cannot say. */
  refusals?(): readonly RefusalView[];
  close(): Promise<void>;
}

/** What a node tells a channel that it was given in place of the mesh. */
export interface ChannelParts {
  readonly node: string;
  /** Later processes of the same node have greater ones. */
  readonly incarnation: number;
  /** Nodes of another name are strangers, even with the same secret. */
  readonly cluster: string;
  /** The configured nodes, by their routes, this one included or not. */
  readonly nodes: readonly string[];
  /** The keys that seal the frames of a node of this cluster, newest secret first: the first seals, all open. */
  readonly keys: (node: string) => readonly MeshKey[];
  /** Settings that must be equal on all members, as text an operator can read; a member that differs is refused. At most 1 KiB. */
  readonly fingerprint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log | undefined;
  /** A later process with this node's name lives: this one must stop, or take an incarnation beyond `latest`. Called once. */
  readonly onReplaced?: ((latest: number) => void) | undefined;
}

export type MakeChannel = (parts: ChannelParts) => Channel;
