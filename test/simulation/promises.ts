/**
 * S1 and S8, judged from outside: what receipts promise, and every node that still holds an open copy of
 * what must not be accepted any more. Nothing is left to chance: each such copy is asked for at every
 * operation and every fault, by each node that could answer a request, those included that have been
 * paused and have not yet heard anything.
 */

import type { Progress } from '../../sso/logout/finality.ts';
import type { SsoId } from '../../sso/token.ts';
import { type Checkers, short } from './checkers.ts';
import { accepts, canAnswer, type SimulatedNode } from './cluster.ts';
import type { Final, Model, SignOn, SubjectEnd } from './model.ts';

/** How far a node's idea of the time may be off, milliseconds. */
const clockErrorMs = 2_000;

export interface PromisesParts {
  readonly model: Model;
  readonly checkers: Checkers;
  readonly now: () => number;
  readonly running: () => readonly SimulatedNode[];
  /** Whether what was opened then, and ended since, is promised to stay so: in `serve` mode not if a voter has lost its state meanwhile. */
  readonly holds: (openedAt: number) => boolean;
}

export class Promises {
  readonly #parts: PromisesParts;
  /** Open copies of what is, or soon will be, final. */
  readonly #stale = new Map<SimulatedNode, Set<SsoId>>();

  constructor(parts: PromisesParts) {
    this.#parts = parts;
  }

  /** A node says how far the end of a sign-on has come. */
  told(by: SimulatedNode, signOn: SignOn, progress: Pick<Progress, 'state' | 'finalAt'>): void {
    const final = this.#final(by, progress, 'S1');
    if (final !== undefined) this.#finalize(signOn, final);
  }

  /** A node says how far the end of a subject has come. */
  toldOfSubject(by: SimulatedNode, end: SubjectEnd, progress: Pick<Progress, 'state' | 'finalAt'>): void {
    const final = this.#final(by, progress, 'S8');
    if (final === undefined || final.at >= (end.final?.at ?? Number.POSITIVE_INFINITY)) return;
    const { model } = this.#parts;
    end.final = final;
    for (const signOn of model.signOns.values())
      if (signOn.name === end.name && model.isOver(signOn, end)) this.#finalize(signOn, final);
  }

  /** A node has taken an open copy. */
  held(node: SimulatedNode, signOn: SignOn): void {
    if (signOn.final === undefined) return;
    const ids = this.#stale.get(node) ?? new Set();
    this.#stale.set(node, ids.add(signOn.id));
  }

  /** Asks every node for all that it holds open and must not accept. */
  probe(): void {
    for (const node of this.#stale.keys()) this.probeAt(node);
  }

  probeAt(node: SimulatedNode): void {
    const ids = this.#stale.get(node);
    if (ids === undefined) return;
    if (!node.life.alive) this.#stale.delete(node);
    if (!canAnswer(node) || !node.heart.finality.mayAccept()) return;
    for (const id of ids) {
      this.judge(node, id, this.#parts.now());
      if (node.heart.entries.get(id)?.state !== 'open') ids.delete(id);
    }
  }

  /** Asks a node for a sign-on, as a request does that began then. Returns whether it accepted. */
  judge(node: SimulatedNode, id: SsoId, beganAt: number): boolean {
    if (!accepts(node, id)) return false;
    const { model, checkers, holds } = this.#parts;
    const signOn = model.signOns.get(id);
    const final = signOn?.final;
    if (signOn !== undefined && final !== undefined && beganAt >= final.at && holds(signOn.openedAt))
      checkers.fail(final.rule, `${node.life.name} accepts ${short(id)} of ${signOn.name}, though ${final.promise}`, [
        id,
        signOn.name,
      ]);
    return true;
  }

  #final(
    by: SimulatedNode,
    { state, finalAt }: Pick<Progress, 'state' | 'finalAt'>,
    rule: Final['rule'],
  ): Final | undefined {
    const { now } = this.#parts;
    if (state === 'complete')
      return { at: now(), isComplete: true, rule, promise: `${by.life.name} called its end complete` };
    if (finalAt === undefined || by.machine.hasLeapt) return undefined;
    return {
      at: Math.max(now(), finalAt + clockErrorMs),
      isComplete: false,
      rule,
      promise: `${by.life.name} said that nobody could from ${finalAt} on`,
    };
  }

  #finalize(signOn: SignOn, final: Final): void {
    const former = signOn.final;
    if (former !== undefined && former.at <= final.at) return;
    signOn.final = final;
    if (former !== undefined) return;
    for (const node of this.#parts.running())
      if (node.heart.entries.get(signOn.id)?.state === 'open') this.held(node, signOn);
  }
}
