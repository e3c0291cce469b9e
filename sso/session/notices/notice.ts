/**
 * What an application can be told of its sessions beyond their ends: the guide's listener notifications
 * (VALVE-BEHAVIOUR.md 1.6), with the eleven causes of JBoss AS 5.1. A notice is given after the fact
 * and prevents nothing; which ones an application hears is its policy's to say (`policy.ts`).
 */

import type { Cause } from '../../entry.ts';
import type { SessionCause } from '../record.ts';

export const noticeKinds = [
  'created',
  'destroyed',
  'passivated',
  'activated',
  'attributeAdded',
  'attributeReplaced',
  'attributeRemoved',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export const noticeCauses = [
  'create',
  'modify',
  'failover',
  'failaway',
  'invalidate',
  'timeout',
  'undeploy',
  'state-transfer',
  'passivation',
  'activation',
  'replication',
] as const;
/**
 * Why it happened.
 * - `create`, `modify`: a request to this node made or changed the session
 * - `failover`, `failaway`: this node serves the session from now on, where another one or none did; another one does, where this
 *   one did. The session itself goes on
 * - `invalidate`: it was ended, by whatever but time: a logout, `destroy()`, `leave()`, a new id
 * - `timeout`: nobody used it for its idle limit, or it ended with a sign-on that time has ended
 * - `undeploy`: the application stopped on this node; the session goes on elsewhere
 * - `state-transfer`: it was there when the application began on this node: others had it, or the node's disk
 * - `replication`: it came from another node since
 * - `passivation`, `activation`: its data went to the disk, and came back
 */
export type NoticeCause = (typeof noticeCauses)[number];

/** Something that happened to a session, as one node knows it. */
export interface SessionNotice {
  readonly kind: NoticeKind;
  readonly cause: NoticeCause;
  readonly app: string;
  /** SHA-256 of application and session id: the same on every node, and no cookie. */
  readonly session: string;
  /** The sign-on it lives off, a hash as well; `undefined`: it has none. */
  readonly signOn: string | undefined;
  /** Whether this node uses the session: its requests are served here, or were until this very moment. Else it keeps a copy. */
  readonly used: boolean;
  /** Of `destroyed` with cause `invalidate` or `timeout`: what ended it, in the words of `onEnd`; `renewed`: it lives on under another id. */
  readonly end: SessionCause | undefined;
  /** Of an end with its sign-on: why that ended, where it is known. */
  readonly signOnCause: Cause | undefined;
  /** The attribute's name; `undefined` where the notice is about the session as a whole. */
  readonly attribute: string | undefined;
  /** The attribute's value now, a copy; `undefined` once it is removed. */
  readonly value: unknown;
  /** The attribute's value until now, a copy; `undefined` if it is new. */
  readonly previous: unknown;
}

/**
 * Called in the middle of the work that it tells of: it must not take long. What it throws, or a promise of it rejects with,
 * is logged, and alone.
 */
export type SessionListener = (notice: SessionNotice) => void;

/**
 * Which notices an application hears.
 * - `ignore-undeploy` (default): as `legacy`, but nothing of sessions and attributes when the application stops on this node: to
 *   whoever counts sessions it would look as if all users had logged out
 * - `legacy`: those of sessions that this node uses, without `created` at a failover and `destroyed` at a failaway
 * - a function: those for which it gives true, copies of other nodes' sessions included. It is asked before the listener; where it
 *   throws, nothing is told and the log says so
 */
export type NoticePolicy = 'legacy' | 'ignore-undeploy' | ((notice: SessionNotice) => boolean);
