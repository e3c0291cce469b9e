/**
 * Keys that all peers are asked for at once. A peer has answered when it gave a value, or the word
 * `unknown`, for each of them: a part that got lost is not taken for not knowing, nor is a value that
 * this node can't read.
 */

import { type Message, targetFrameBytes } from './message.ts';
import { fits } from './outbox.ts';
import type { Replica } from './replica.ts';
import { written } from './shared-maps.ts';

interface Question {
  readonly map: string;
  /** Keys nobody gave a value for yet. */
  readonly open: Set<string>;
  /** The keys each peer, by its node's name, still owes an answer for. */
  readonly owed: Map<string, Set<string>>;
  readonly answered: Set<string>;
  /** Every peer's word counts: one value is not the last word on a key that is known already. */
  readonly everyWord: boolean;
  /** Answered by everybody that is left, or a value for every key is here and the first is enough. */
  settled: boolean;
}

/** Keys in one message. */
const keysPerMessage = 256;

export class Questions {
  readonly #open = new Map<number, Question>();
  #ids = 0;

  /** Opens a question to these nodes; the tuples go to each of them. `everyWord`: the first value is not enough. */
  ask(
    map: string,
    keys: readonly string[],
    nodes: readonly string[],
    everyWord: boolean,
  ): { readonly id: number; readonly jsons: readonly string[] } {
    const id = ++this.#ids;
    const owed = new Map(nodes.map((node) => [node, new Set(keys)]));
    const question: Question = {
      map,
      open: new Set(keys),
      owed,
      answered: new Set(),
      everyWord,
      settled: nodes.length === 0 || keys.length === 0,
    };
    this.#open.set(id, question);
    return { id, jsons: questionJsons(id, map, keys) };
  }

  /** Takes note of what a node answered: `given`, the keys whose values could be read. Returns whether the question is settled now. */
  answered(node: string, message: Extract<Message, { type: 'answer' }>, given: readonly string[]): boolean {
    const question = this.#open.get(message.id);
    const owed = question?.owed.get(node);
    if (question === undefined || owed === undefined || question.map !== message.map) return false;
    for (const key of message.unknown) owed.delete(key);
    for (const key of given) {
      owed.delete(key);
      question.open.delete(key);
    }
    if (owed.size === 0) {
      question.owed.delete(node);
      question.answered.add(node);
    }
    return this.#settle(question);
  }

  /** A node is gone, and with it its answers. Returns the questions that this settles. */
  gone(node: string): readonly number[] {
    const settled: number[] = [];
    for (const [id, question] of this.#open) if (question.owed.delete(node) && this.#settle(question)) settled.push(id);
    return settled;
  }

  isSettled(id: number): boolean {
    return this.#open.get(id)?.settled ?? true;
  }

  /** Ends a question. Returns the nodes that answered in full. */
  close(id: number): ReadonlySet<string> {
    const answered = this.#open.get(id)?.answered ?? new Set<string>();
    this.#open.delete(id);
    return answered;
  }

  #settle(question: Question): boolean {
    question.settled = question.owed.size === 0 || (!question.everyWord && question.open.size === 0);
    return question.settled;
  }
}

/** The tuples that ask for keys. */
export function questionJsons(id: number, map: string, keys: readonly string[]): string[] {
  const jsons: string[] = [];
  for (let from = 0; from < keys.length; from += keysPerMessage) {
    jsons.push(JSON.stringify([id, map, keys.slice(from, from + keysPerMessage)]));
  }
  return jsons;
}

/** The tuples that answer a question: a value, or the word that it is unknown, for each key. */
export function answerJsons(replica: Replica<unknown>, id: number, keys: readonly string[]): string[] {
  const jsons: string[] = [];
  let unknown: string[] = [];
  let items: string[] = [];
  let bytes = 0;
  const close = () => {
    if (bytes > 0)
      jsons.push(`[${id},${JSON.stringify(replica.lattice.name)},${JSON.stringify(unknown)},[${items.join()}]]`);
    unknown = [];
    items = [];
    bytes = 0;
  };
  for (const key of keys) {
    const value = replica.get(key);
    const json = value === undefined ? '' : written(replica, value);
    if (!fits(json)) continue;
    const itemBytes = Buffer.byteLength(key) + Buffer.byteLength(json);
    if (bytes + itemBytes > targetFrameBytes) close();
    if (value === undefined) unknown.push(key);
    else items.push(`${JSON.stringify(key)},${json}`);
    bytes += itemBytes + 1;
  }
  close();
  return jsons;
}
