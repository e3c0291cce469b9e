/**
 * Passivation (JBoss guide, 8.2.2): of each application that has limits this node keeps so many sessions in memory and
 * the others on its disk, encrypted, and brings each back when it is used. Only what is *in* a session moves. Its record
 * stays in the replicated map, so links, sign-ons, time limits and ends know nothing of it (V46, V47); it is kept as bytes
 * there, so whoever asks for it gets one made for the moment, and the one that is opened for good takes the place of the bytes.
 *
 * It is decided at three points, as the guide says: when a session is made at the limit, every 10 s, and when copies of other
 * nodes' sessions arrive. Nothing waits for the disk: what is written stays in memory until it can be read from there, and one
 * that is used meanwhile stays altogether. The work is done in slices, so that however much there is of it, no request waits for it.
 */

import { type Cancel, type Clock, every } from '../../clock.ts';
import type { Shelf } from '../../disk/shelf.ts';
import { configError, SsoError } from '../../errors.ts';
import type { CompactableCopies, Compacted } from '../../gossip/copies.ts';
import type { Change } from '../../gossip/lattice.ts';
import type { Keys } from '../../keys.ts';
import { type Log, silentLog } from '../../log.ts';
import type { Random } from '../../random.ts';
import type { SessionData, Stowage } from '../data/session-data.ts';
import type { PassivationSettings } from '../options/passivation.ts';
import { idleAt, isAbsent, type LiveSession, type SessionRecord } from '../record.ts';
import { Turns } from '../turns.ts';
import { RecordForm } from './record-form.ts';
import type { Residence } from './residence.ts';
import { Residents } from './residents.ts';
import { Seal } from './seal.ts';
import { StillHeld } from './still-held.ts';

export interface PassivationParts {
  readonly copies: Pick<CompactableCopies<SessionRecord>, 'get' | 'entries' | 'onChange' | 'onForget' | 'compacted'>;
  /** When a session was last used, as far as this node knows, milliseconds. */
  readonly lastUse: (key: string, session: LiveSession) => number;
  /** Left out: the node has no data directory, and nothing can be passivated. */
  readonly shelf?: Shelf | undefined;
  readonly keys: Pick<Keys, 'passivation'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when a session is about to leave the memory, and when it is there again. */
  readonly moved?: Partial<Moved>;
  /** Where long work of others goes on as well. Left out: of its own. */
  readonly turns?: Turns | undefined;
  readonly log?: Log;
}

export interface Moved {
  /** What is in it can still be read. */
  passivated(key: string, session: LiveSession): void;
  /** What is in it can be read again. */
  activated(key: string, session: LiveSession): void;
  /** What was in it could not be read back. */
  lost(key: string): void;
}

/** What is where, for the metrics. */
export interface PassivationView {
  /** In memory, of the applications that have limits. */
  readonly active: number;
  /** On the disk. */
  readonly passivated: number;
}

/** Between two looks at what has been unused for too long, milliseconds: the guide's background thread. */
const roundMs = 10_000;
/** Written in one turn at most: sessions, and bytes of what is in them. Some 2 ms. */
const slice = { sessions: 64, bytes: 256 * 1_024 };
/** Taken off the disk in one turn at most. */
const removedAtOnce = 500;
/** Found to be over, or in no need of the disk, and no more counted, in one turn at most. */
const skippedAtOnce = 500;
/** No more counted, to make room for one, in one turn at most. */
const leavingAtOnce = 500;
/** Looked at in one turn when an application names its limits; fewer if they take long. */
const surveyedAtOnce = 1_000;

interface Leaving {
  readonly residents: Residents;
  readonly key: string;
  readonly data: SessionData;
}

export class Passivation implements Residence, Stowage {
  readonly #parts: PassivationParts;
  readonly #log: Log;
  /** Made when it is needed: chance is not touched where nothing is passivated. */
  #madeSeal: Seal | undefined;
  readonly #turns: Turns;
  readonly #rows: Compacted<SessionRecord>;
  readonly #stillHeld = new StillHeld();
  readonly #apps = new Map<string, Residents>();
  /** Chosen to make room for a session that was let in. */
  #chosen: { readonly residents: Residents; readonly key: string }[] = [];
  /** What lies on the disk under these keys is of no use any more. */
  readonly #waste = new Set<string>();
  readonly #counts = { rejected: 0, passivated: 0, activated: 0, lost: 0 };
  #state: 'new' | 'running' | 'closed' = 'new';
  #isOpen = false;
  #round: Cancel | undefined;
  #isWorking = false;
  #woken = false;
  /** How many were found in this turn that need no disk. */
  #skipped = 0;
  #failure: string | undefined;

  /** Listens to the map first of all: it has to see what a change found in memory before others read it. */
  constructor(parts: PassivationParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLog;
    this.#turns = parts.turns ?? new Turns({ clock: parts.clock });
    this.#rows = parts.copies.compacted(new RecordForm(this));
    parts.copies.onChange((change) => this.#changed(change));
    parts.copies.onForget((key, session) => session.state === 'live' && this.#gone(key, session));
  }

  /** The disk is this node's now. @throws SsoError ERR_DISK_FAILED what an earlier process left cannot be removed */
  start(): void {
    this.#parts.shelf?.purge();
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#wake();
  }

  /** Ends every timer and lets go of the disk, with all that lies there. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#round?.();
    await this.#parts.shelf?.close();
  }

  /** An application's limits; those of the last call count. @throws SsoError ERR_CONFIG_INVALID it cannot passivate */
  configure(app: string, settings: PassivationSettings): void {
    if (settings.passivates && this.#parts.shelf === undefined)
      throw configError('useSessionPassivation', 'needs a place on disk: the node has no `dataDir`');
    const known = this.#apps.get(app);
    if (known !== undefined) {
      known.settings = settings;
    } else {
      const residents = new Residents(settings);
      this.#apps.set(app, residents);
      this.#turns.run(this.#survey(app, residents), surveyedAtOnce, () => this.#wake());
    }
    if (settings.passivates && this.#state !== 'closed')
      this.#round ??= every(this.#parts.clock, roundMs, () => this.#look());
  }

  get view(): PassivationView {
    const all = [...this.#apps.values()];
    return {
      active: all.reduce((sum, { active, leaving }) => sum + active.size + leaving.size, 0),
      passivated: all.reduce((sum, { passivated }) => sum + passivated, 0),
    };
  }

  /** What has been counted since the start. */
  counters(): Readonly<Record<string, number>> {
    const { rejected, passivated, activated, lost } = this.#counts;
    return {
      'sessions-rejected': rejected,
      'sessions-passivated': passivated,
      'sessions-activated': activated,
      'sessions-unreadable': lost,
    };
  }

  /** Why the last write to the disk failed, in words; `undefined` while all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  admit(app: string): void {
    const residents = this.#apps.get(app);
    if (residents === undefined) return;
    const before = residents.active.size;
    // Where there are very many too many, as when others' copies have come, the rest follows in turns.
    while (residents.isCrowded(1) && before - residents.active.size < leavingAtOnce) {
      const key = this.#choose(residents, 1);
      if (key !== undefined) {
        this.#chosen.push({ residents, key });
        this.#wake();
      } else if (residents.isCrowded(1) && before - residents.active.size < leavingAtOnce) {
        this.#counts.rejected++;
        throw new SsoError(
          'ERR_LIMIT_REACHED',
          `${app}: ${residents.settings.maxActive} sessions are in memory, and none can be passivated now`,
        );
      }
    }
    if (residents.isCrowded(1)) this.#wake();
  }

  used(key: string): void {
    if (this.#apps.size === 0) return;
    const session = this.#parts.copies.get(key);
    if (session?.state === 'live') this.#note(key, session);
  }

  activate(_key: string, { data }: LiveSession): boolean {
    if (data.form === 'stowed') for (const _ of data.parts()) break;
    return !data.isLost;
  }

  load(key: string, data: SessionData): Uint8Array | undefined {
    const plain = this.#read(key, data.version);
    if (plain !== undefined) return plain;
    const residents = this.#holder(key, data);
    if (residents === undefined) return undefined;
    residents.passivated--;
    this.#counts.lost++;
    this.#discard(key);
    this.#log.error({ session: key }, 'a passivated session could not be read back: the other nodes are asked for it');
    this.#parts.moved?.lost?.(key);
    return undefined;
  }

  loaded(key: string, data: SessionData): void {
    const residents = this.#holder(key, data);
    if (residents === undefined) return;
    const session = this.#parts.copies.get(key) as LiveSession;
    residents.passivated--;
    this.#counts.activated++;
    this.#discard(key);
    this.#note(key, session);
    this.#parts.moved?.activated?.(key, session);
  }

  get #seal(): Seal {
    const { keys, random } = this.#parts;
    return (this.#madeSeal ??= new Seal(keys.passivation(random.bytes(32))));
  }

  /** Whose session this is, if it is held with this very data: what is over or was replaced counts no more. */
  #holder(key: string, data: SessionData): Residents | undefined {
    this.#adopt(key, data);
    const session = this.#parts.copies.get(key);
    return session?.state === 'live' && session.data === data ? this.#apps.get(session.app) : undefined;
  }

  /** Where the record is kept as bytes, the first data of it that is opened for good is what is held from now on. */
  #adopt(key: string, data: SessionData): void {
    const record = this.#rows.get(key);
    if (record?.state === 'live' && record.data.version === data.version) this.#rows.take(key, { ...record, data });
  }

  #read(key: string, version: string): Uint8Array | undefined {
    try {
      const sealed = this.#parts.shelf?.read(key);
      return sealed && this.#seal.open(key, version, sealed);
    } catch (error) {
      this.#log.error({ err: error }, 'a passivated session could not be read');
      return undefined;
    }
  }

  #changed({ key, before, after }: Change<SessionRecord>): void {
    if (this.#apps.size === 0) return;
    if (after.state !== 'live') {
      if (before?.state === 'live') this.#gone(key, before);
      return;
    }
    if (before?.state === 'live' && before.data !== after.data && before.data.form === 'stowed') {
      const residents = this.#apps.get(before.app);
      if (residents !== undefined) residents.passivated--;
      this.#discard(key);
    }
    if (after.data.form === 'stowed') this.#rows.put(key);
    // Only other nodes have what is in it from now on.
    if (isAbsent(after)) this.#apps.get(after.app)?.active.remove(key);
    const residents = this.#note(key, after);
    if (residents?.settings.passivates && residents.isCrowded()) this.#wake();
  }

  /** It has ended, or was forgotten. */
  #gone(key: string, session: LiveSession): void {
    const residents = this.#apps.get(session.app);
    if (residents === undefined) return;
    residents.active.remove(key);
    if (session.data.form !== 'stowed') return;
    residents.passivated--;
    this.#discard(key);
  }

  /** Counts what is in memory, by its last use. */
  #note(key: string, session: LiveSession): Residents | undefined {
    const residents = this.#apps.get(session.app);
    const { data } = session;
    if (residents === undefined || data.form === 'stowed' || data.isLost || isAbsent(session)) return undefined;
    residents.active.note(key, this.#parts.lastUse(key, session));
    return residents;
  }

  /** Not at once: who hears of the same end after us may still want to read what was in it. */
  #discard(key: string): void {
    this.#stillHeld.open(key);
    this.#waste.add(key);
    this.#wake();
  }

  /** Finds what was there before the application named its limits: from the disk's state, from other nodes. */
  *#survey(app: string, residents: Residents): Generator<undefined> {
    for (const [key, session] of this.#parts.copies.entries()) {
      if (this.#state === 'closed') return;
      if (session.state === 'live' && session.app === app && !residents.leaving.has(key)) this.#note(key, session);
      yield;
    }
  }

  /** Every 10 s; after a failure the disk is tried again. */
  #look(): void {
    this.#failure = undefined;
    this.#wake();
    void this.#stillHeld.sweep(() => new Promise<void>((resolve) => this.#parts.clock.soon(resolve)));
  }

  #wake(): void {
    if (this.#woken || this.#state !== 'running') return;
    this.#woken = true;
    this.#parts.clock.soon(() => {
      this.#woken = false;
      if (!this.#isWorking) void this.#work();
    });
  }

  /** Slice by slice, until nothing is due. */
  async #work(): Promise<void> {
    this.#isWorking = true;
    try {
      while (this.#state === 'running' && this.#failure === undefined) {
        const { leaving, writes } = this.#next();
        if (writes.size === 0 && this.#skipped < skippedAtOnce) break;
        const isWritten = writes.size === 0 || (await this.#write(writes));
        for (const one of leaving) this.#settle(one, isWritten);
        // What was to be written may have been to take the place of waste.
        if (!isWritten) for (const key of writes.keys()) this.#waste.add(key);
        await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isWorking = false;
    }
  }

  /** What is to be written next: what is due, sealed, and what is waste. */
  #next(): { readonly leaving: readonly Leaving[]; readonly writes: Map<string, Uint8Array | undefined> } {
    const writes = new Map<string, Uint8Array | undefined>();
    const leaving: Leaving[] = [];
    let bytes = 0;
    this.#skipped = 0;
    for (const { residents, key } of this.#due()) {
      // Chosen, used, and chosen once more.
      if (writes.has(key)) continue;
      const session = this.#parts.copies.get(key);
      const isHere = session?.state === 'live' && !residents.active.has(key) && session.data.form !== 'stowed';
      // Where nothing is in it nothing is gained.
      if (!isHere || session.data.latest === 0) {
        residents.leaving.delete(key);
        if (++this.#skipped >= skippedAtOnce) break;
        continue;
      }
      const { data } = session;
      const plain = data.packedBytes();
      writes.set(key, this.#seal.close(key, data.version, plain));
      // What lay there until now is written over.
      this.#waste.delete(key);
      leaving.push({ residents, key, data });
      bytes += plain.length;
      if (leaving.length >= slice.sessions || bytes >= slice.bytes) break;
    }
    for (const key of this.#waste) {
      if (writes.size >= removedAtOnce) break;
      this.#waste.delete(key);
      if (!writes.has(key)) writes.set(key, undefined);
    }
    return { leaving, writes };
  }

  *#due(): Generator<{ readonly residents: Residents; readonly key: string }> {
    while (this.#chosen.length > 0) yield this.#chosen.pop()!;
    for (const residents of this.#apps.values()) {
      for (;;) {
        const key = this.#choose(residents);
        if (key === undefined) break;
        yield { residents, key };
      }
    }
  }

  /**
   * The least recently used session, if it is to leave the memory: it counts no more as active. `undefined` also where so many
   * were over that the next turn should look for more. `more`: sessions that are about to come.
   */
  #choose(residents: Residents, more = 0): string | undefined {
    const { copies, clock, lastUse } = this.#parts;
    const now = clock.now();
    for (let over = 0; over < skippedAtOnce; ) {
      const key = residents.active.oldest();
      if (key === undefined) return undefined;
      const session = copies.get(key);
      const usedAt = session?.state === 'live' ? lastUse(key, session) : 0;
      if (session?.state !== 'live' || now >= idleAt(session, usedAt)) {
        // Nobody's any more, and not to be counted; if another node knows better, it comes back with its next use.
        residents.active.remove(key);
        this.#skipped++;
        over++;
        continue;
      }
      if (this.#failure !== undefined || !residents.isDue(now - usedAt, more)) return undefined;
      residents.active.remove(key);
      residents.leaving.add(key);
      return key;
    }
    return undefined;
  }

  async #write(writes: Map<string, Uint8Array | undefined>): Promise<boolean> {
    const shelf = this.#parts.shelf!;
    try {
      if (!this.#isOpen) await shelf.open();
      this.#isOpen = true;
      await shelf.write(writes);
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** It is tried again with the next round. */
  #failed(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#log.error({ err: error }, 'sessions could not be passivated; they stay in memory');
  }

  /** What was written leaves the memory, unless it was used or changed meanwhile. */
  #settle({ residents, key, data }: Leaving, isWritten: boolean): void {
    residents.leaving.delete(key);
    const session = this.#parts.copies.get(key);
    const isHeld = session?.state === 'live' && session.data === data;
    if (isWritten && isHeld && this.#state === 'running' && !residents.active.has(key)) {
      this.#parts.moved?.passivated?.(key, session);
      data.stow(this, key);
      this.#stillHeld.note(key, data);
      this.#rows.put(key);
      residents.passivated++;
      this.#counts.passivated++;
      return;
    }
    if (isWritten) this.#waste.add(key);
    if (session?.state === 'live' && !residents.active.has(key)) this.#note(key, session);
  }
}
