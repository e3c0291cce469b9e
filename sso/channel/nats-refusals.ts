/**
 * Refusals over NATS. Both ends of a pair judge, and may refuse each other for the same reason: the operator
 * of each reads one line, and neither argues on with every beat.
 */

import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { RefusalView } from './channel.ts';
import type { Complaints } from './complaints.ts';
import { encodeRefusal, type Refusal } from './hello.ts';
import type { NatsKind, Stay } from './nats-envelope.ts';
import { Refused } from './refused.ts';

export interface NatsRefusalsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly complaints: Complaints;
  /** The stay of this connection. */
  own(): Stay;
  send(kind: NatsKind, to: Stay, sequence: number, payload: Uint8Array): void;
}

/** Beats for which a stay that refused or was refused is left alone. */
const recentBeats = 5;
const saidAtMost = 10_000;

export class NatsRefusals {
  readonly #parts: NatsRefusalsParts;
  /** By salt: for how many beats. */
  readonly #recent = new Map<string, number>();
  readonly #said = new Set<string>();
  readonly #refused: Refused;

  constructor(parts: NatsRefusalsParts) {
    this.#parts = parts;
    this.#refused = new Refused(parts.clock);
  }

  /** Whether this stay refused this node, or was refused by it, a moment ago. */
  isRecent({ salt }: Stay): boolean {
    return this.#recent.has(salt);
  }

  /** Once a beat of ours. */
  beat(): void {
    for (const [salt, beats] of this.#recent) {
      if (beats <= 1) this.#recent.delete(salt);
      else this.#recent.set(salt, beats - 1);
    }
  }

  refuse(stay: Stay, refusal: Refusal): void {
    const { node } = stay;
    this.#parts.complaints.count(`refused-${refusal.code}`);
    this.#say(stay, refusal, { node, reason: refusal.code, why: refusal.text }, 'refused a node');
    this.tell(stay, refusal);
  }

  /** Sends it, and says nothing here. */
  tell(stay: Stay, refusal: Refusal): void {
    this.#parts.send('refuse', stay, 0, encodeRefusal(refusal));
  }

  refusedBy(stay: Stay, refusal: Refusal): void {
    const { node } = this.#parts.own();
    this.#parts.complaints.count('refused-by-member');
    const fields = { node, by: stay.node, reason: refusal.code, why: refusal.text };
    this.#say(stay, refusal, fields, 'a member refuses this node');
  }

  /** The node is up: what comes next is said again. */
  settle(node: string): void {
    for (const said of this.#said) if (said.startsWith(`${node} `)) this.#said.delete(said);
    this.#refused.settle(node);
  }

  view(): readonly RefusalView[] {
    return this.#refused.view();
  }

  #say(stay: Stay, refusal: Refusal, fields: object, message: string): void {
    this.#recent.set(stay.salt, recentBeats);
    if (refusal.code !== 'replaced') this.#refused.note(stay.node, refusal);
    const said = `${stay.node} ${refusal.code}`;
    if (this.#said.has(said)) return;
    if (this.#said.size >= saidAtMost) this.#said.clear();
    this.#said.add(said);
    this.#parts.log.warn(fields, message);
  }
}
