/**
 * Values from the text that `encodeText` wrote. Nothing is called but what makes objects, Maps, Sets, Dates
 * and bigints: a text that none of ours wrote gives other data, or none.
 */

import type { Classes } from './classes.ts';
import { type Kind, put, shell } from './kind.ts';
import { parseTagged } from './primitive.ts';

/** @returns `undefined` as well where the text is none of ours */
export function parseText(text: string, classes: Classes): unknown {
  try {
    const tree: unknown = JSON.parse(text);
    return text.includes('"$') ? new Reader(classes).value(tree) : tree;
  } catch {
    return undefined;
  }
}

type Tree = Record<string, unknown>;

class Reader {
  readonly #classes: Classes;
  /** In the order in which they begin: what `$ref` counts. */
  readonly #objects: object[] = [];

  constructor(classes: Classes) {
    this.#classes = classes;
  }

  value(tree: unknown): unknown {
    if (typeof tree !== 'object' || tree === null) return tree;
    if (Array.isArray(tree)) return this.#fillArray(this.#begin(tree), tree);
    const [tag, second] = Object.keys(tree);
    if (tag === undefined || second !== undefined || !isTag(tag)) return this.#fill(this.#begin({}), tree as Tree);
    return this.#tagged(tag, (tree as Tree)[tag]);
  }

  #tagged(tag: string, content: unknown): unknown {
    if (tag === '$ref') return this.#objects[Number(content)];
    if (tag === '$new') return this.#instance(content);
    const kind = kindOfTag[tag];
    if (kind === undefined) return parseTagged(tag, content);
    return this.#fillBase(kind, this.#begin(shell(kind, undefined, this.#classes)), content);
  }

  #instance(content: unknown): unknown {
    if (!Array.isArray(content)) return undefined;
    const [name, fields, base] = content as readonly unknown[];
    const [tag = ''] = typeof base === 'object' && base !== null ? Object.keys(base) : [];
    const kind = base === undefined ? 'o' : Array.isArray(base) ? 'a' : (kindOfTag[tag] ?? 'o');
    const object = this.#begin(shell(kind, String(name), this.#classes));
    if (typeof fields === 'object' && fields !== null) this.#fill(object, fields as Tree);
    if (kind !== 'o') this.#fillBase(kind, object, kind === 'a' ? base : (base as Tree)[tag]);
    return object;
  }

  #begin<O extends object>(object: O): O {
    this.#objects.push(object);
    return object;
  }

  #fill(object: object, fields: Tree): object {
    for (const key of Object.keys(fields))
      put(object, key.startsWith('$') ? key.slice(1) : key, this.value(fields[key]));
    return object;
  }

  #fillArray(array: unknown[], trees: readonly unknown[]): unknown[] {
    for (let at = 0; at < trees.length; at += 1) array[at] = this.value(trees[at]);
    return array;
  }

  #fillBase(kind: Exclude<Kind, 'o'>, object: object, content: unknown): object {
    if (kind === 'd') return setTime(object as Date, content);
    if (!Array.isArray(content)) return object;
    if (kind === 'a') this.#fillArray(object as unknown[], content);
    else if (kind === 's') for (const tree of content) Set.prototype.add.call(object, this.value(tree));
    else
      for (const entry of content) {
        const [key, value] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
        Map.prototype.set.call(object, this.value(key), this.value(value));
      }
    return object;
  }
}

const kindOfTag: Readonly<Record<string, Exclude<Kind, 'o' | 'a'>>> = { $map: 'm', $set: 's', $date: 'd' };

function isTag(key: string): boolean {
  return key.charCodeAt(0) === 0x24 && key.charCodeAt(1) !== 0x24;
}

function setTime(date: Date, time: unknown): Date {
  Date.prototype.setTime.call(date, typeof time === 'number' ? time : Number.NaN);
  return date;
}
