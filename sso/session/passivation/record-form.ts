/**
 * A record whose data is on the disk, as some forty bytes: what very many have in common by its number, instants by how far
 * they are from the creation, and the context of the data, of which a usual record has one writer.
 *
 * What is written first is what has numbers, so that dropping a record reads no further.
 */

import type { Form } from '../../gossip/copies.ts';
import { parseSsoId } from '../../token.ts';
import { Context, type Dot } from '../data/context.ts';
import { SessionData, type Stowage } from '../data/session-data.ts';
import type { LiveSession, SessionRecord } from '../record.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { Numbered } from './numbered.ts';

/** More writers, and longer ones, stay as they are. */
const mostWriters = 32;
const mostBytes = 2_048;
/** Bytes of a sign-on. */
const signOnBytes = 32;
/** Stamps of the hybrid clock are so much finer than instants. */
const stampsPerMs = 1_024;
/** What a record has, by bits. */
const bits = { signOn: 1, stays: 2, buddies: 4, generation: 8, version: 16, releasedAt: 32 };
/** What follows the life in a writer's name: the usual beginning alone, with a stamp, or anything. */
const tails = { plain: 0, stamped: 1, other: 2 };

const writer = new ByteWriter(mostBytes);

export class RecordForm implements Form<SessionRecord> {
  readonly #place: Stowage;
  /** Of applications and lives. */
  readonly #names = new Numbered<string>();
  readonly #buddies = new Numbered<readonly string[]>();

  /** @param place where the data is */
  constructor(place: Stowage) {
    this.#place = place;
  }

  /** What is named by numbers. */
  get size(): number {
    return this.#names.size + this.#buddies.size;
  }

  /** `undefined` also for what is not live, or has its data here or under another key. */
  pack(key: string, session: SessionRecord): Uint8Array | undefined {
    if (session.state !== 'live' || session.data.stowedUnder !== key) return undefined;
    const { app, owner, buddies, signOn, stays, createdAt, version, releasedAt, data } = session;
    const { generation, writers, stamps } = data.seen;
    if (writers.length > mostWriters || (signOn !== undefined && !isBytes(signOn))) return undefined;
    const flags =
      (signOn === undefined ? 0 : bits.signOn) |
      (stays ? bits.stays : 0) |
      (buddies === undefined ? 0 : bits.buddies) |
      (generation === undefined ? 0 : bits.generation) |
      (version === 0 ? 0 : bits.version) |
      (releasedAt === 0 ? 0 : bits.releasedAt);
    writer.begin().count(flags).count(writers.length).count(this.#take(app)).count(this.#take(owner));
    if (generation !== undefined) writer.count(this.#take(lifeOf(generation.writer)));
    for (const one of writers) writer.count(this.#take(lifeOf(one)));
    if (buddies !== undefined) writer.count(this.#buddies.take(buddies.join('\n'), buddies));
    writer
      .count(createdAt)
      .difference(session.endsAt - createdAt)
      .difference(session.lastAccessAt - createdAt);
    writer
      .count(session.idleMs)
      .count(data.length)
      .difference(session.ownerStamp - stampsPerMs * createdAt);
    if (version !== 0) writer.count(version);
    if (releasedAt !== 0) writer.difference(releasedAt - createdAt);
    if (signOn !== undefined) writer.raw(Buffer.from(signOn, 'base64url'));
    if (generation !== undefined) writeDot(generation, key, createdAt);
    for (let at = 0; at < writers.length; at++) writeDot({ writer: writers[at]!, stamp: stamps[at]! }, key, createdAt);
    if (writer.fits) return writer.bytes;
    this.drop(writer.bytes);
    return undefined;
  }

  unpack(key: string, bytes: Uint8Array): LiveSession {
    const reader = new ByteReader(bytes);
    const flags = reader.count();
    const count = reader.count();
    const app = this.#names.get(reader.count());
    const owner = this.#names.get(reader.count());
    const lives: string[] = [];
    const dots = count + (flags & bits.generation ? 1 : 0);
    for (let at = 0; at < dots; at++) lives.push(this.#names.get(reader.count()));
    const buddies = flags & bits.buddies ? this.#buddies.get(reader.count()) : undefined;
    const createdAt = reader.count();
    const endsAt = createdAt + reader.difference();
    const lastAccessAt = createdAt + reader.difference();
    const idleMs = reader.count();
    const length = reader.count();
    const ownerStamp = stampsPerMs * createdAt + reader.difference();
    const version = flags & bits.version ? reader.count() : 0;
    const releasedAt = flags & bits.releasedAt ? createdAt + reader.difference() : 0;
    const signOn = flags & bits.signOn ? parseSsoId(reader.base64(signOnBytes)) : undefined;
    const generation = flags & bits.generation ? readDot(reader, lives.shift()!, key, createdAt) : undefined;
    const seen = lives.map((life) => readDot(reader, life, key, createdAt));
    const context = new Context(
      generation,
      seen.map((dot) => dot.writer),
      seen.map((dot) => dot.stamp),
    );
    const data = SessionData.stowed(this.#place, key, length, context.text);
    const stays = (flags & bits.stays) !== 0;
    return {
      state: 'live', app, signOn, createdAt, endsAt, version, ownerStamp, owner, releasedAt, idleMs, data, stays, buddies, lastAccessAt,
    }; // biome-ignore format: as a record
  }

  drop(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    const flags = reader.count();
    const names = reader.count() + (flags & bits.generation ? 3 : 2);
    for (let left = names; left > 0; left--) this.#names.drop(reader.count());
    if (flags & bits.buddies) this.#buddies.drop(reader.count());
  }

  #take(name: string): number {
    return this.#names.take(name, name);
  }
}

/** Whether it is the only text of its bytes: a peer may have sent another. */
function isBytes(signOn: string): boolean {
  const bytes = Buffer.from(signOn, 'base64url');
  return bytes.length === signOnBytes && bytes.toString('base64url') === signOn;
}

/** A writer's name begins with its life. */
function lifeOf(name: string): string {
  const end = name.indexOf('/');
  return end < 0 ? name : name.slice(0, end);
}

/** All of a dot but the life. */
function writeDot({ writer: name, stamp }: Dot, key: string, createdAt: number): void {
  const tail = name.slice(lifeOf(name).length);
  const begun = stampsPerMs * createdAt;
  writer.difference(stamp - begun);
  if (tail === plainTail(key)) {
    writer.count(tails.plain);
    return;
  }
  const since = stampIn(tail, key);
  if (since === undefined) writer.count(tails.other).text(tail);
  else writer.count(tails.stamped).difference(since - begun);
}

function readDot(reader: ByteReader, life: string, key: string, createdAt: number): Dot {
  const begun = stampsPerMs * createdAt;
  const stamp = begun + reader.difference();
  const kind = reader.count();
  if (kind === tails.other) return { writer: life + reader.text(), stamp };
  if (kind === tails.plain) return { writer: life + plainTail(key), stamp };
  return { writer: `${life}${plainTail(key)}.${(begun + reader.difference()).toString(36)}`, stamp };
}

/** As `writerOf` names them. */
const plainTail = (key: string): string => `/${key.slice(0, 4)}`;

/** The stamp at the end of a writer's name, if there is one and nothing else. */
function stampIn(tail: string, key: string): number | undefined {
  const start = `${plainTail(key)}.`;
  if (!tail.startsWith(start)) return undefined;
  const digits = tail.slice(start.length);
  const stamp = Number.parseInt(digits, 36);
  return Number.isSafeInteger(stamp) && stamp > 0 && stamp.toString(36) === digits ? stamp : undefined;
}
