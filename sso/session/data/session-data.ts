/**
 * What an application keeps of a visitor: fields of parts (state.ts), in one of three forms. **open**: as parts, while it
 * is in use; **packed**: as one text of bytes, when nobody looked for a while; **stowed**: on disk, only its version is
 * here. A value in meaning: `change` and merging give another one, and only how it is kept changes by itself.
 *
 * Merging, comparing and encoding read a packed or stowed one without opening it for good.
 */

import type { Changes } from './changes.ts';
import { Context, compareGenerations, decodeContext, parseContext } from './context.ts';
import type { DataDelta } from './delta.ts';
import { isPacked, packed, unpacked } from './packing.ts';
import { fieldsOf, type Part, plainLines, textOf } from './part.ts';
import { applied, changed, emptyState, findPart, isFull, merged, renewed, type State, type Written } from './state.ts';

/** Where data is kept that was stowed away. One for all sessions: what tells them apart is the key. */
export interface Stowage {
  /** The bytes that `packedBytes` of this data gave, or `undefined` if they are gone, or not to be believed. Synchronous; does not throw. */
  load(key: string, data: SessionData): Uint8Array | undefined;
  /** The data is in memory again, for good: what `load` gave is of no use any more. */
  loaded?(key: string, data: SessionData): void;
}

/** What of a stowed one is here. */
interface Stowed {
  readonly place: Stowage;
  readonly key: string;
  readonly length: number;
}

export class SessionData {
  static readonly empty: SessionData = new SessionData(emptyState);
  /** A state: open. A text: packed, its characters are bytes of UTF-8. `undefined`: lost. */
  #kept: State | string | Stowed | undefined;
  /** Left out while open. */
  #version: string | undefined;

  private constructor(kept: State | string, version?: string) {
    this.#kept = kept;
    this.#version = version;
  }

  /** What a field holds, as JSON. */
  get(part: string, field: string): string | undefined {
    const found = findPart(this.#open().parts, part);
    return found && textOf(found, field);
  }

  /** In the order in which they came. */
  fields(part: string): Iterable<readonly [field: string, text: string]> {
    const found = findPart(this.#open().parts, part);
    return found === undefined ? [] : fieldsOf(found);
  }

  /** The same as a text with a line for each name. */
  lines(part: string): { readonly names: readonly string[]; readonly text: string } | undefined {
    const found = findPart(this.#open().parts, part);
    return found && plainLines(found);
  }

  parts(): Iterable<string> {
    return this.#open().parts.map(({ id }) => id);
  }

  /**
   * Writes fields: parts that go first, then fields in their order.
   * @param writer this life of this node in this record: whoever takes the data along to another key is another writer there
   * @param stamp later than `latest`
   * @param compared what the changes were found by comparing with: only what was there is taken away. Default: this
   */
  change(
    changes: Changes,
    writer: string,
    stamp: number,
    compared?: SessionData,
  ): { readonly data: SessionData; readonly delta: DataDelta } {
    const before = this.#open();
    if (stamp <= before.context.latest)
      throw new Error(`the stamp ${stamp} is not later than ${before.context.latest}`);
    const dot = { writer, stamp };
    const { state, written } = changed(before, changes, dot, compared?.seen);
    // Data that is lost here may live elsewhere, and what this life wrote to it: nothing of it may be taken for seen.
    if (!this.isLost && !isFull(before.context, dot)) return { data: new SessionData(state), delta: { written } };
    const whole = new SessionData(renewed(state, dot));
    return { data: whole, delta: { whole } };
  }

  /** Text of the context: equal iff the data is. Cheap in every form. */
  get version(): string {
    return this.#version ?? this.#context.text;
  }

  /** The greatest stamp in the context, 0 if empty. */
  get latest(): number {
    return this.#context.latest;
  }

  /** Characters of all fields and their names, about: what a limit counts. */
  get length(): number {
    const kept = this.#kept;
    if (kept === undefined) return 0;
    if (!isOpen(kept)) return kept.length;
    let length = 0;
    for (const { shape, text } of kept.parts) length += text.length + shape.length + 4 * shape.names.length;
    return length;
  }

  /** A bound for the bytes of `encode` as JSON, by a cheap guess; 0 while it is stowed: it was told before. */
  get mostBytes(): number {
    const kept = this.#kept;
    if (kept === undefined || (typeof kept !== 'string' && !isOpen(kept))) return 0;
    const bytes = 64 + 4 * this.version.length;
    if (typeof kept === 'string') return bytes + 2 * kept.length;
    return kept.parts.reduce((sum, part) => sum + mostPartBytes(part), bytes);
  }

  /** Whether the other one would add nothing. */
  includes(other: SessionData): boolean {
    return this.seen.includes(other.seen);
  }

  /** It was stowed and its place lost it: it reads as empty, includes nothing, and any other copy replaces it: ask for one. */
  get isLost(): boolean {
    return this.#kept === undefined;
  }

  get form(): 'open' | 'packed' | 'stowed' {
    if (typeof this.#kept === 'string') return 'packed';
    return this.#kept === undefined || 'parts' in this.#kept ? 'open' : 'stowed';
  }

  /** Keeps it as one text from now on, until the next look. */
  pack(): void {
    if (this.form !== 'open' || this.#kept === undefined || this === SessionData.empty) return;
    const version = this.version;
    this.#kept = bytesOf(packed(this.#state()));
    this.#version = version;
  }

  /** What is to be kept for `stow`. */
  packedBytes(): Uint8Array {
    const text = typeof this.#kept === 'string' ? this.#kept : bytesOf(packed(this.#state()));
    return Buffer.from(text, 'latin1');
  }

  /** Lets go of everything but the version: the next look loads it from this place, which holds its `packedBytes`. Nothing is done with `empty`. */
  stow(place: Stowage, key: string): void {
    if (this.#kept === undefined || this === SessionData.empty) return;
    const { length } = this;
    this.#version = this.version;
    this.#kept = { place, key, length };
  }

  /** For JSON, the same for equal data. */
  encode(): unknown {
    return [this.seen.encode(), typeof this.#kept === 'string' ? textOfBytes(this.#kept) : packed(this.#state())];
  }

  /** What was seen: nothing of it if it is lost. */
  get seen(): Context {
    return this.#kept === undefined ? Context.empty : this.#context;
  }

  /** @param data as a peer sent it */
  static decode(data: unknown): SessionData | undefined {
    if (!Array.isArray(data) || data.length < 2) return undefined;
    const [seen, text] = data;
    const context = decodeContext(seen);
    if (context === undefined || typeof text !== 'string' || !isPacked(context, text)) return undefined;
    return context === Context.empty ? SessionData.empty : new SessionData(bytesOf(text), context.text);
  }

  merge(theirs: SessionData, conflict?: () => void): SessionData {
    if (this === theirs) return this;
    const [mine, other] = [this.seen, theirs.seen];
    if (mine.includes(other)) {
      if (replaces(mine, other)) conflict?.();
      return this;
    }
    if (other.includes(mine)) {
      if (replaces(other, mine)) conflict?.();
      return theirs;
    }
    return new SessionData(merged(this.#state(), theirs.#state(), conflict));
  }

  /** Whether all that a delta builds on is here: looks at what is stowed, since it may be lost. */
  canApply({ from }: Written): boolean {
    if (!this.seen.includes(from)) return false;
    this.#open();
    return this.seen.includes(from);
  }

  /** Nothing is done where the delta builds on something that is not here. */
  apply(written: Written, conflict?: () => void): SessionData {
    const before = this.#state();
    if (!before.context.includes(written.from)) return this;
    const state = applied(before, written, conflict);
    return state === before ? this : new SessionData(state);
  }

  get #context(): Context {
    return this.#version === undefined ? (this.#kept as State).context : parseContext(this.#version);
  }

  /** The state, kept from now on. */
  #open(): State {
    const kept = this.#kept;
    if (kept === undefined) return emptyState;
    if (isOpen(kept)) return kept;
    const state = this.#state();
    if (this.#kept === undefined) return state;
    this.#kept = state;
    this.#version = undefined;
    if (typeof kept !== 'string') kept.place.loaded?.(kept.key, this);
    return state;
  }

  /** The state, for this moment. */
  #state(): State {
    const kept = this.#kept;
    if (kept === undefined) return emptyState;
    if (isOpen(kept)) return kept;
    const text = typeof kept === 'string' ? kept : loaded(kept, this);
    const state = text === undefined ? undefined : unpacked(this.#context, textOfBytes(text));
    if (state === undefined) this.#kept = undefined;
    return state ?? emptyState;
  }
}

export function decodeData(data: unknown): SessionData | undefined {
  return SessionData.decode(data);
}

/** Returns `mine` itself where `theirs` adds nothing. `conflict` is called for each field whose concurrent values meet here first. */
export function mergeData(mine: SessionData, theirs: SessionData, conflict?: () => void): SessionData {
  return mine.merge(theirs, conflict);
}

/** A quote in a text is two bytes, in a name, which is JSON in a text, four; a control character there is seven. An odd value is four numbers and two changes. */
function mostPartBytes({ id, shape, text, odds }: Part): number {
  return 3 * text.length + 2 + 7 * (id.length + shape.length) + 8 * shape.names.length + 96 * (odds.length + 1);
}

const isOpen = (kept: State | string | Stowed): kept is State => typeof kept !== 'string' && 'parts' in kept;

/** A later generation takes the place of data that was changed after it began. */
function replaces(later: Context, earlier: Context): boolean {
  return compareGenerations(later, earlier) > 0 && earlier.latest > later.generation!.stamp;
}

function loaded({ place, key }: Stowed, data: SessionData): string | undefined {
  const bytes = place.load(key, data);
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** The bytes of UTF-8 as characters: a string needs a byte for each of them then, and none for being a buffer. */
function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

function textOfBytes(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString();
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;
