/** Callers that wait for the answers to a question, and what these say about who was asked. */

import type { Cancel, Clock } from '../clock.ts';
import type { Asked } from './copies.ts';
import type { Core } from './core.ts';
import type { Counters } from './counters.ts';
import type { Replica } from './replica.ts';
import type { Roster } from './roster.ts';
import type { Step } from './steps.ts';

export interface AskingParts {
  readonly clock: Clock;
  readonly core: Core;
  readonly roster: Roster;
  readonly counters: Counters;
  /** The longest wait, milliseconds. */
  readonly mostMs: number;
  /** Whether every configured node has been met. */
  readonly hasMetAll: () => boolean;
  /** Does what a step asks for. */
  readonly run: (step: Step) => void;
}

export class Asking {
  readonly #parts: AskingParts;
  /** What ends each wait, by the question's id. */
  readonly #waiting = new Map<number, () => void>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  ask(replica: Replica<unknown>, keys: readonly string[]): Promise<Asked> {
    const { clock, core, counters, mostMs, run } = this.#parts;
    return new Promise((resolve) => {
      const { id, step } = core.ask(replica, keys);
      let cancel: Cancel = () => {};
      this.#waiting.set(id, () => {
        cancel();
        this.#waiting.delete(id);
        resolve(this.#asked(core.closeQuestion(id)));
      });
      if (step.settled.length === 0) cancel = clock.after(mostMs, () => this.settle(id));
      counters.count('questions');
      run(step);
    });
  }

  /** Nothing more is to come for this question. */
  settle(id: number): void {
    this.#waiting.get(id)?.();
  }

  /** Ends all of them with what is known. */
  close(): void {
    for (const end of this.#waiting.values()) end();
  }

  #asked(answered: ReadonlySet<string>): Asked {
    const { core, roster, hasMetAll } = this.#parts;
    const expected = roster.expected();
    const living = expected.filter((node) => !roster.isLost(node));
    return {
      everybody: expected.every((node) => answered.has(node)) && hasMetAll(),
      living: living.every((node) => answered.has(node)) && (answered.size > 0 || expected.length === 0),
      // Who can be reached again may not have said yet that it is back.
      deserted: expected.length > 0 && living.length === 0 && core.reachable.length === 0,
    };
  }
}
