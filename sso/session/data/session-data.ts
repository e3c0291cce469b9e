/**
 * What an application keeps of a visitor: fields of parts (state.ts), in one of three forms. **open**: as parts, while it
 * is in use, and folded to less if it is small and many others were used since; **packed**: as one text of bytes, when
 * nobody looked for a while; **stowed**: on disk, only its version is here. A value in meaning: `change` and merging
 * give another one, and only how it is kept changes by itself.
 *
 * Merging, comparing and encoding read a packed or stowed one without opening it for good.
 */

import { keptOnce } from '../../kept-once.ts';
import { fitsWith, mostBytesOf } from './bytes.ts';
import type { Changes } from './changes.ts';
import { Context, compareGenerations, decodeContext, flat, parseContext } from './context.ts';
import type { DataDelta } from './delta.ts';
import { type Folded, firstPart, folded, isFoldable, unfolded } from './folding.ts';
import { type Halves, halved, halvesOf, isPacked, joined, packed, unpacked } from './packing.ts';
import { fieldsOf, lineOf, type PartText, plainLines, textOf } from './part.ts';
import { Recent } from './recent.ts';
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

/** Of those that could be folded, so many that were looked at last are not. */
const unfoldedAtMost = 2_048;

/** What is private of each is a function of the class: a method would take memory of every one. */
export class SessionData {
  static readonly empty: SessionData = new SessionData(emptyState);
  static readonly #recent = new Recent<SessionData>(unfoldedAtMost);
  /** A state: open, as it is or folded. A text: packed, its characters are bytes of UTF-8. `undefined`: lost. */
  #kept: State | Folded | string | Stowed | undefined;
  /** Left out while open. */
  #version: string | undefined;
  /** The shapes that a packed one lacks in its text, since others have the same. */
  #shapes: string | undefined;

  private constructor(kept: State | string | Stowed, version?: string, shapes?: string) {
    this.#kept = kept;
    this.#version = version;
    this.#shapes = shapes;
  }

  /** What a field holds, as JSON. */
  get(part: string, field: string): string | undefined {
    const found = SessionData.#part(this, part);
    return found && textOf(found, field);
  }

  /** Whether there is such a field, or it is remembered to have been removed: its name counts then (length.ts). */
  counts(part: string, field: string): boolean {
    const found = SessionData.#part(this, part);
    return found !== undefined && lineOf(found, field) !== undefined;
  }

  /** In the order in which they came. */
  fields(part: string): Iterable<readonly [field: string, text: string]> {
    const found = SessionData.#part(this, part);
    return found === undefined ? [] : fieldsOf(found);
  }

  /** The same as a text with a line for each name. */
  lines(part: string): { readonly names: readonly string[]; readonly text: string } | undefined {
    const found = SessionData.#part(this, part);
    return found && plainLines(found);
  }

  parts(): Iterable<string> {
    return SessionData.#open(this).parts.map(({ id }) => id);
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
    const before = SessionData.#open(this);
    if (stamp <= before.context.latest)
      throw new Error(`the stamp ${stamp} is not later than ${before.context.latest}`);
    const dot = { writer, stamp };
    const { state, written } = changed(before, changes, dot, compared?.seen);
    // Data that is lost here may live elsewhere, and what this life wrote to it: nothing of it may be taken for seen.
    if (!this.isLost && !isFull(before.context, dot))
      return { data: SessionData.#opened(state, this), delta: { written } };
    const whole = SessionData.#opened(renewed(state, dot), this);
    return { data: whole, delta: { whole } };
  }

  /** Text of the context: equal iff the data is. Cheap in every form. */
  get version(): string {
    return this.#version ?? SessionData.#contextOf(this).text;
  }

  /** The greatest stamp in the context, 0 if empty. */
  get latest(): number {
    return SessionData.#contextOf(this).latest;
  }

  /** Characters of all fields and their names: what a limit counts (length.ts). About, while it is packed or stowed. */
  get length(): number {
    const kept = this.#kept;
    if (kept === undefined) return 0;
    if (typeof kept === 'string') return kept.length + (this.#shapes?.length ?? 0);
    if ('place' in kept) return kept.length;
    let length = 0;
    for (const { shape, text } of SessionData.#state(this).parts)
      length += text.length - (shape.names.length - 1) + shape.length;
    return length;
  }

  /** A bound for the bytes of `encode` as JSON, by a cheap guess; 0 while it is stowed: it was told before. */
  get mostBytes(): number {
    const kept = this.#kept;
    if (kept === undefined || (typeof kept !== 'string' && 'place' in kept)) return 0;
    if (typeof kept === 'string') return 64 + 4 * this.version.length + 2 * this.length;
    return mostBytesOf(SessionData.#state(this));
  }

  /** Whether it stays within so many bytes as JSON of `encode` with these changes, or they make it smaller (bytes.ts). */
  fitsInto(bytes: number, changes: Changes): boolean {
    return fitsWith(SessionData.#open(this), changes, bytes);
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
    return this.#kept === undefined || !('place' in this.#kept) ? 'open' : 'stowed';
  }

  /** Keeps an open one in less, until the next look. By itself, once so many others were used that it should matter. */
  fold(): void {
    const kept = this.#kept;
    if (typeof kept !== 'object' || !('parts' in kept) || !isFoldable(kept)) return;
    kept.context.dropText();
    this.#kept = folded(kept) ?? kept;
  }

  /** Keeps it as one text from now on, until the next look. */
  pack(): void {
    if (this.form !== 'open' || this.#kept === undefined || this === SessionData.empty) return;
    const version = flat(this.version);
    const { shapes, rest }: Halves = halved(SessionData.#state(this));
    this.#kept = bytesOf(rest);
    this.#shapes = shared(shapes);
    this.#version = version;
  }

  /** What is to be kept for `stow`. */
  packedBytes(): Uint8Array {
    const kept = this.#kept;
    const text =
      typeof kept === 'string' ? SessionData.#bytes(kept, this.#shapes) : bytesOf(packed(SessionData.#state(this)));
    return Buffer.from(text, 'latin1');
  }

  /** Lets go of everything but the version: the next look loads it from this place, which holds its `packedBytes`. Nothing is done with `empty`. */
  stow(place: Stowage, key: string): void {
    if (this.#kept === undefined || this === SessionData.empty) return;
    const { length } = this;
    this.#version = flat(this.version);
    this.#kept = { place, key, length };
    this.#shapes = undefined;
  }

  /** For JSON, the same for equal data. */
  encode(): unknown {
    const kept = this.#kept;
    const text =
      typeof kept === 'string' ? textOfBytes(SessionData.#bytes(kept, this.#shapes)) : packed(SessionData.#state(this));
    return [this.seen.encode(), text];
  }

  /** What was seen: nothing of it if it is lost. */
  get seen(): Context {
    return this.#kept === undefined ? Context.empty : SessionData.#contextOf(this);
  }

  /** @param data as a peer sent it */
  static decode(data: unknown): SessionData | undefined {
    if (!Array.isArray(data) || data.length < 2) return undefined;
    const [seen, text] = data;
    const context = decodeContext(seen);
    if (context === undefined || typeof text !== 'string' || !isPacked(context, text)) return undefined;
    return context === Context.empty ? SessionData.empty : SessionData.#packed(text, context.text);
  }

  /** Under which key its place has it; `undefined`: it is not stowed. */
  get stowedUnder(): string | undefined {
    const kept = this.#kept;
    return typeof kept === 'object' && 'place' in kept ? kept.key : undefined;
  }

  /** As `stow` left one of this version; `length`: as it was. */
  static stowed(place: Stowage, key: string, length: number, version: string): SessionData {
    return new SessionData({ place, key, length }, version);
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
    return SessionData.#opened(merged(SessionData.#state(this), SessionData.#state(theirs), conflict), this);
  }

  /** Whether all that a delta builds on is here: looks at what is stowed, since it may be lost. */
  canApply({ from }: Written): boolean {
    if (!this.seen.includes(from)) return false;
    SessionData.#open(this);
    return this.seen.includes(from);
  }

  /** Nothing is done where the delta builds on something that is not here. */
  apply(written: Written, conflict?: () => void): SessionData {
    const before = SessionData.#state(this);
    if (!before.context.includes(written.from)) return this;
    const state = applied(before, written, conflict);
    return state === before ? this : SessionData.#opened(state, this);
  }

  /** What is open now, in place of what it was made from. */
  static #opened(state: State, before?: SessionData): SessionData {
    const data = new SessionData(state);
    if (isFoldable(state)) SessionData.#keepOpen(data, before);
    return data;
  }

  static #packed(text: string, version: string): SessionData {
    const halves = halvesOf(text);
    return halves === undefined
      ? new SessionData(bytesOf(text), version)
      : new SessionData(bytesOf(halves.rest), version, shared(halves.shapes));
  }

  /** Another one is folded for it. */
  static #keepOpen(data: SessionData, before?: SessionData): void {
    SessionData.#recent.add(data, before)?.fold();
  }

  /** The text of a packed one, in bytes. */
  static #bytes(rest: string, shapes: string | undefined): string {
    return shapes === undefined ? rest : joined({ shapes: bytesOf(shapes), rest });
  }

  static #contextOf(data: SessionData): Context {
    return data.#version === undefined ? (data.#kept as State | Folded).context : parseContext(data.#version);
  }

  static #part(data: SessionData, id: string): PartText | undefined {
    const kept = data.#kept;
    const first = typeof kept === 'object' && 'layout' in kept ? firstPart(kept, id) : 'later';
    return first === 'later' ? findPart(SessionData.#open(data).parts, id) : first;
  }

  /** The state, kept from now on. */
  static #open(data: SessionData): State {
    const kept = data.#kept;
    if (kept === undefined) return emptyState;
    if (typeof kept !== 'string' && 'parts' in kept) return kept;
    const state = SessionData.#state(data);
    if (data.#kept === undefined) return state;
    data.#kept = state;
    data.#version = undefined;
    data.#shapes = undefined;
    if (isFoldable(state)) SessionData.#keepOpen(data);
    if (typeof kept !== 'string' && 'place' in kept) kept.place.loaded?.(kept.key, data);
    return state;
  }

  /** The state, for this moment. */
  static #state(data: SessionData): State {
    const kept = data.#kept;
    if (kept === undefined) return emptyState;
    if (typeof kept !== 'string') {
      if ('parts' in kept) return kept;
      if ('layout' in kept) return unfolded(kept);
    }
    const text = typeof kept === 'string' ? SessionData.#bytes(kept, data.#shapes) : loaded(kept, data);
    const state = text === undefined ? undefined : unpacked(SessionData.#contextOf(data), textOfBytes(text));
    if (state === undefined) data.#kept = undefined;
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

/** Shapes of packed data, as text. Long ones are like no other session's. */
const sharedAtMost = 1_024;
const once = keptOnce();
const shared = (shapes: string) => (shapes.length > sharedAtMost ? shapes : once(shapes));

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
