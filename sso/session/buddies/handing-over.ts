/**
 * A node that leaves sees to it that no session goes with it: whatever data it has that nobody else has who stays is given
 * to others, and counted as handed over once one of them has confirmed it.
 */

import type { Cancel, Clock } from '../../clock.ts';
import type { HandedOver } from '../../gossip/gossip.ts';
import { nodeOf } from '../../life.ts';
import { hasData } from '../record.ts';
import { listedOf, type PlacedSession } from './holders.ts';
import type { Lane } from './lane.ts';
import { type PlacedPasses, writingSlice } from './placed-passes.ts';

export interface HandingOverParts {
  readonly node: string;
  readonly life: string;
  readonly passes: Pick<PlacedPasses, 'run'>;
  /** The lane to a node that can be reached and stays. */
  readonly laneTo: (node: string) => Lane | undefined;
  /** The life of a node that can be reached. */
  readonly lifeAt: (node: string) => string | undefined;
  /** `undefined`: it has ended. */
  readonly session: (key: string) => PlacedSession | undefined;
  readonly isStray: (key: string) => boolean;
  /** Gives a session other buddies and sends them its data. Returns those that can be reached and stay. */
  readonly replace: (key: string, session: PlacedSession) => readonly string[];
  /** There is something to send. */
  readonly flush: () => void;
  readonly clock: Pick<Clock, 'after'>;
}

/** Whoever ends this process waits for it, though not for ever: with a `leaveMs` of a second, half a minute. */
const mostWaits = 30;

export class HandingOver {
  readonly #parts: HandingOverParts;
  /** Of each session those of which one is to confirm. */
  readonly #pending = new Map<string, readonly string[]>();
  #looked = false;
  /** Something was confirmed since it was last asked whether anything moves. */
  #moves = false;
  #handedOver = 0;
  #lost = 0;
  #cancel: Cancel = () => {};
  #done: ((handedOver: HandedOver) => void) | undefined;

  constructor(parts: HandingOverParts) {
    this.#parts = parts;
  }

  /** @param ms it ends when nothing was confirmed for so long, or after `mostWaits` times as long */
  run(ms: number): Promise<HandedOver> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#wait(ms, mostWaits);
      const each = (key: string, session: PlacedSession) => {
        if (this.#done !== undefined && hasData(session)) this.#place(key, session);
      };
      const done = () => {
        this.#looked = true;
        this.check();
      };
      this.#parts.passes.run(each, done, writingSlice);
    });
  }

  /** The node stops. */
  close(): void {
    this.#end();
  }

  /** A peer confirmed something, something ended, or can't be reached any more. */
  check(keys: Iterable<string> = [...this.#pending.keys()]): void {
    if (this.#pending.size > 0) for (const key of keys) this.#check(key);
    if (this.#looked && this.#pending.size === 0) this.#end();
  }

  #wait(ms: number, waits: number): void {
    this.#moves = false;
    this.#cancel = this.#parts.clock.after(ms, () => {
      if ((this.#moves || !this.#looked) && waits > 1) this.#wait(ms, waits - 1);
      else this.#end();
    });
  }

  #place(key: string, session: PlacedSession): void {
    const { node, life, laneTo, lifeAt, isStray, replace } = this.#parts;
    const isMine = session.owner === life;
    const ownerNode = nodeOf(session.owner);
    if (!isMine && ownerNode !== '' && lifeAt(ownerNode) === session.owner && laneTo(ownerNode) !== undefined) {
      if (!isStray(key)) return;
      laneTo(ownerNode)!.repair(key);
      this.#parts.flush();
      this.#pending.set(key, [ownerNode]);
      return;
    }
    let others = listedOf(session).filter((one) => one !== node && laneTo(one) !== undefined);
    if (isMine && others.some((one) => laneTo(one)!.hasAll(key))) return;
    if (others.length === 0) others = [...replace(key, session)];
    // What they lack is not known, of another life's sessions and before a comparison.
    else for (const one of others) if (!isMine || !laneTo(one)!.compared) laneTo(one)!.repair(key);
    if (others.length === 0) this.#lost++;
    else this.#pending.set(key, others);
    this.#parts.flush();
  }

  #check(key: string): void {
    const others = this.#pending.get(key);
    if (others === undefined) return;
    const session = this.#parts.session(key);
    const reached = others.flatMap((one) => this.#parts.laneTo(one) ?? []);
    if (session !== undefined && reached.length > 0 && !reached.some((lane) => lane.stores(key))) return;
    this.#pending.delete(key);
    if (session === undefined) return;
    this.#moves = true;
    if (reached.length > 0) this.#handedOver++;
    // None of those who were to have it is there any more: others are.
    else this.#place(key, session);
  }

  #end(): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#cancel();
    done({ handedOver: this.#handedOver, lost: this.#lost + this.#pending.size });
  }
}
