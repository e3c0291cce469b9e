/**
 * What waits to be told to all members. Everything put in one turn of the event loop leaves as one
 * batch, a key that changed twice with its last value only. Values are written out when they are put,
 * so that one too large for any frame is refused then, and a flush only joins text. What is to travel
 * alone closes the frame before it and its own.
 */

import { frameOf, maxValueBytes, targetFrameBytes } from './message.ts';

/** So many frames of one batch at most are closed only because a key comes again. */
const splitAtMost = 8;

/** Keys and their values' JSON. */
export type Written = Iterable<readonly [key: string, json: string]>;

export class Outbox {
  readonly #pending = new Map<string, Map<string, string>>();
  /** Bodies of frames that are closed already. */
  readonly #closed: string[] = [];
  #number = 0;
  #waiting = 0;

  /** The number of the last batch that left. */
  get number(): number {
    return this.#number;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /** Maps are told in the order of their declaration. */
  declare(map: string): void {
    this.#pending.set(map, new Map());
  }

  /** Whether something waits for this key in a frame that is still open. */
  has(map: string, key: string): boolean {
    return this.#pending.get(map)!.has(key);
  }

  note(map: string, key: string, json: string): void {
    this.#pending.get(map)!.set(key, json);
    this.#waiting++;
  }

  /** Closes the open frame, so that a key that is in it may travel once more. `false`: there were too many of those already. */
  split(): boolean {
    if (this.#closed.length >= splitAtMost) return false;
    this.#close();
    return true;
  }

  /** Notes a value that gets a frame of its own, after all that was noted before. */
  noteAlone(map: string, key: string, json: string): void {
    this.#close();
    this.#pending.get(map)!.set(key, json);
    this.#close();
    this.#waiting++;
  }

  /** Lets go of everything that waits as if it had left: there is nobody to tell, and who comes later sees by the number that it missed something. */
  discard(): void {
    if (this.#waiting === 0) return;
    this.#number++;
    this.#clear();
  }

  /** The frames of all that waits. `confirm`: the last one asks for a confirmation. */
  flush(confirm: boolean): Uint8Array[] {
    if (this.#waiting === 0) return [];
    this.#close();
    const bodies = this.#closed.splice(0);
    this.#clear();
    return bodies.map((body, index) =>
      frameOf('batch', `[${++this.#number},${confirm && index === bodies.length - 1 ? 1 : 0},${body}]`),
    );
  }

  #close(): void {
    for (const body of batchBodies(this.#pending)) this.#closed.push(body);
    this.#empty();
  }

  #clear(): void {
    this.#empty();
    this.#closed.length = 0;
    this.#waiting = 0;
  }

  /** A new map rather than `clear`: the engine links the table that a map leaves behind to the next one, and what has left would live on in such a chain. */
  #empty(): void {
    for (const [map, texts] of this.#pending) if (texts.size > 0) this.#pending.set(map, new Map());
  }
}

/** Frames that repair: as a batch, without a number. */
export function repairFrames(map: string, written: Written): Uint8Array[] {
  return batchBodies([[map, written]]).map((body) => frameOf('batch', `[0,0,${body}]`));
}

/** Whether a frame can carry this value. */
export function fits(json: string): boolean {
  return json.length * 3 <= maxValueBytes || Buffer.byteLength(json) <= maxValueBytes;
}

/** `[[map,[key,value,…]],…]`, cut into texts that each fill a frame. */
function batchBodies(maps: Iterable<readonly [map: string, written: Written]>): string[] {
  const bodies: string[] = [];
  let sections = '';
  let bytes = 0;
  for (const [map, written] of maps) {
    let items = '';
    const close = () => {
      if (items !== '') sections += `${sections === '' ? '' : ','}[${JSON.stringify(map)},[${items}]]`;
      items = '';
    };
    for (const [key, json] of written) {
      const item = `${JSON.stringify(key)},${json}`;
      const itemBytes = Buffer.byteLength(item);
      if (bytes > 0 && bytes + itemBytes > targetFrameBytes) {
        close();
        bodies.push(`[${sections}]`);
        sections = '';
        bytes = 0;
      }
      items += items === '' ? item : `,${item}`;
      bytes += itemBytes;
    }
    close();
  }
  if (sections !== '') bodies.push(`[${sections}]`);
  return bodies;
}
