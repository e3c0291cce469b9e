/**
 * What the doctor sends and what comes back. Checks know nothing else of the world: they ask through this and
 * judge what was answered, so that tests can put any balancer behind it.
 */

import type { ProbeAnswer } from '../../sso/index.ts';
import type { Probed } from '../probe-client.ts';

export type Header = readonly [name: string, value: string];

export interface Question {
  /** What follows the probe's path: `?a=b`, `/x;a=b`. Default nothing. */
  readonly below?: string;
  /** Cookie header lines, each sent as it is written. Default none. */
  readonly cookies?: readonly string[];
  /** Further headers, as they are written. */
  readonly headers?: readonly Header[];
  /** Ask as a WebSocket does. */
  readonly isUpgrade?: boolean;
  /** Let this node rest for so long, milliseconds; 0 ends it. Carried out by that node only. */
  readonly rest?: { readonly node: string; readonly ms: number };
}

/** `upgraded`: the connection became a WebSocket. */
export type Reply = Probed & { readonly upgraded?: boolean };

/** One request on a connection of its own. Never throws because of what is at the other end. */
export type Ask = (question?: Question) => Promise<Reply>;

/** Chance, as a number from 0 to below 1. */
export type Chance = () => number;

/** What a node said to this very question; a copy of an earlier answer says nothing about where a request went. */
export const answerOf = (reply: Reply): ProbeAnswer | undefined =>
  reply.kind === 'answered' && !reply.isCopy ? reply.answer : undefined;

/** The node that a request came to, or '' if it was none of the cluster. */
export function nodeOf(reply: Reply): string {
  if (reply.kind === 'refused') return reply.refusal.node;
  return answerOf(reply)?.node ?? '';
}

/** A node is dead, or the way to it is: the balancer's own word for that, or nothing at all. */
export function isFailure(reply: Reply): boolean {
  return reply.kind === 'failed' || (reply.kind === 'other' && reply.status >= 500);
}

/** What came, for a sentence: `502`, `nothing (connection refused)`. */
export const cameBack = (reply: Reply): string =>
  reply.kind === 'failed' ? `nothing (${reply.why})` : String(reply.status);

/** All values of a header as the node saw it, in their order. */
export const seen = ({ saw }: ProbeAnswer, name: string): readonly string[] =>
  saw.headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
