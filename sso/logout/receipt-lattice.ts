/**
 * A receipt as it is replicated, so that every node can be asked for it and another one can take it up.
 * Everything in it only grows: nodes that confirmed are a union, what each of them ended is a maximum,
 * complete absorbs pending, the earlier `finalAt` counts. Only who is outstanding gets shorter: that is
 * a list with a revision, and the later one wins.
 */

import { type Cause, causes, clockErrorMs, isInstant } from '../entry.ts';
import type { Lattice } from '../gossip/lattice.ts';
import type { Receipt } from '../receipt.ts';
import type { Closing, EndedApp, Progress } from './finality.ts';

/** What nodes ended of their own sessions, by node and in the order of their names. */
export type EndedByNode = readonly (readonly [node: string, apps: readonly EndedApp[]])[];

export interface ReceiptRecord {
  readonly closing: Closing;
  readonly cause: Cause;
  /** Of the end of a subject: its stamp, by the hybrid clock of the maker. 0: it is an entry's, or not known. The greater counts. */
  readonly stamp: number;
  /** When it was closed, milliseconds since 1970. */
  readonly closedAt: number;
  /** The life (`node:incarnation`) that issued it. */
  readonly maker: string;
  /** When the closing is over, milliseconds since 1970: until then a pending receipt is kept. A maximum. */
  readonly overAt: number;
  /** When it was complete, milliseconds since 1970; 0 while it is pending. The earlier counts. */
  readonly completeAt: number;
  /** From when on no node accepts it, milliseconds since 1970; 0: not known. The earlier counts. */
  readonly finalAt: number;
  /** The nodes that confirmed, with what each of them ended. */
  readonly confirmed: EndedByNode;
  /** What the maker saw other nodes serve: counts until they say so themselves. Under '' those that no living node serves. */
  readonly seen: EndedByNode;
  /** Who is yet to confirm, by name or address. The later revision wins. */
  readonly outstanding: readonly string[];
  readonly revision: number;
}

/** How long a complete receipt is kept, milliseconds. */
export const completeMemoryMs = 600_000;
/** The most that a peer may send of anything in one receipt. */
const listLengthAtMost = 4_096;
const textLengthAtMost = 300;

export const receiptLattice: Lattice<ReceiptRecord> = {
  name: 'receipts',
  merge: mergeReceipts,
  encode: (value) => [...told(value), value.stamp],
  /** Not the stamp: version 1 of this tuple ends before it. */
  digestText: (value) => JSON.stringify(told(value)),
  decode: decodeReceipt,
  forgetAt: (value) => (value.completeAt > 0 ? value.completeAt + completeMemoryMs : uselessAt(value)),
};

const told = (value: ReceiptRecord): unknown[] => [
  value.closing.map, value.closing.key, value.cause, value.closedAt, value.maker, value.overAt, value.completeAt,
  value.finalAt, encodeEnded(value.confirmed), encodeEnded(value.seen), value.outstanding, value.revision,
]; // biome-ignore format: the tuple is a table

/** The record after its closing has come so far. The same one if that is nothing new. */
export function advance(record: ReceiptRecord, progress: Progress, now: number): ReceiptRecord {
  const outstanding = [...progress.outstanding].sort();
  const another = outstanding.join() !== record.outstanding.join();
  return mergeReceipts(record, {
    ...record,
    completeAt: progress.state === 'complete' ? now : 0,
    finalAt: Math.ceil(progress.finalAt ?? 0),
    confirmed: [...progress.confirmed].sort().map((node) => [node, progress.ended.get(node) ?? []]),
    outstanding,
    revision: another ? record.revision + 1 : record.revision,
  });
}

/** When a pending receipt's closing is over by every clock that counts, milliseconds since 1970: there is nothing left to tell. */
export function uselessAt({ overAt }: ReceiptRecord): number {
  return overAt + 2 * clockErrorMs;
}

/** The record of a closing that was over before everybody had it: complete since then. The same at every node that concludes it. */
export function afterItsTime(record: ReceiptRecord): ReceiptRecord {
  return mergeReceipts(record, {
    ...record,
    completeAt: uselessAt(record),
    outstanding: [],
    revision: record.revision + 1,
  });
}

/** Whether there is anybody left to tell. */
export function isUnderWay(record: ReceiptRecord): boolean {
  return record.completeAt === 0 || outstandingOf(record).length > 0;
}

/** The receipt as its owner may see it: what it ended is told in numbers, and which entry it was is not told. */
export function viewOf(id: string, record: ReceiptRecord): Receipt {
  const { confirmed, seen, completeAt, finalAt } = record;
  const said = new Set(confirmed.map(([node]) => node));
  const ended = [...confirmed, ...seen.filter(([node]) => !said.has(node))].flatMap(([, apps]) => apps);
  const sessions = new Map<string, number>();
  for (const one of ended) sessions.set(one.app, (sessions.get(one.app) ?? 0) + one.sessions);
  const applications = [...sessions]
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([app, count]) => ({ app, sessions: count }));
  return {
    id,
    state: completeAt > 0 ? 'complete' : 'pending',
    finalAt: completeAt > 0 || finalAt === 0 ? undefined : finalAt,
    cause: record.cause,
    closedAt: record.closedAt,
    applications,
    sessions: applications.reduce((sum, one) => sum + one.sessions, 0),
    nodes: { confirmed: [...said], outstanding: outstandingOf(record) },
    failures: failuresOf(ended),
  };
}

function outstandingOf({ confirmed, outstanding }: ReceiptRecord): readonly string[] {
  return outstanding.filter((name) => !confirmed.some(([node]) => node === name));
}

/** The same word of several nodes is said once. */
function failuresOf(ended: readonly EndedApp[]): Receipt['failures'] {
  const failures = new Map<string, Receipt['failures'][number]>();
  for (const { app, failure } of ended) {
    if (failure !== undefined) failures.set(`${app}\n${failure}`, { app, message: failure });
  }
  return [...failures].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, failure]) => failure);
}

function mergeReceipts(mine: ReceiptRecord, theirs: ReceiptRecord): ReceiptRecord {
  const origin = originText(theirs) < originText(mine) ? theirs : mine;
  const list = isLaterList(theirs, mine) ? theirs : mine;
  const merged: ReceiptRecord = {
    closing: origin.closing,
    cause: origin.cause,
    stamp: Math.max(mine.stamp, theirs.stamp),
    closedAt: origin.closedAt,
    maker: origin.maker,
    overAt: Math.max(mine.overAt, theirs.overAt),
    completeAt: earlier(mine.completeAt, theirs.completeAt),
    finalAt: earlier(mine.finalAt, theirs.finalAt),
    confirmed: mergeEnded(mine.confirmed, theirs.confirmed),
    seen: mergeEnded(mine.seen, theirs.seen),
    outstanding: list.outstanding,
    revision: list.revision,
  };
  return textOf(merged) === textOf(mine) ? mine : merged;
}

/** What never changes. Two that differ under one id are nobody's doing but a bug's; copies become equal all the same. */
function originText({ closing, cause, closedAt, maker }: ReceiptRecord): string {
  return JSON.stringify([closing.map, closing.key, cause, closedAt, maker]);
}

function textOf(record: ReceiptRecord): string {
  return JSON.stringify(receiptLattice.encode(record));
}

function isLaterList(a: ReceiptRecord, b: ReceiptRecord): boolean {
  if (a.revision !== b.revision) return a.revision > b.revision;
  return JSON.stringify(a.outstanding) > JSON.stringify(b.outstanding);
}

/** 0 is none. */
function earlier(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b);
}

function mergeEnded(mine: EndedByNode, theirs: EndedByNode): EndedByNode {
  const merged = new Map(mine);
  for (const [node, apps] of theirs) merged.set(node, mergeApps(merged.get(node) ?? [], apps));
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** By application: the larger count, and the greater text of what failed. */
export function mergeApps(mine: readonly EndedApp[], theirs: readonly EndedApp[]): readonly EndedApp[] {
  const merged = new Map(mine.map((one) => [one.app, one]));
  for (const one of theirs) {
    const known = merged.get(one.app);
    merged.set(one.app, {
      app: one.app,
      sessions: Math.max(one.sessions, known?.sessions ?? 0),
      failure: (one.failure ?? '') > (known?.failure ?? '') ? one.failure : known?.failure,
    });
  }
  return [...merged.values()].sort((a, b) => (a.app < b.app ? -1 : 1));
}

function encodeEnded(ended: EndedByNode): unknown {
  return ended.map(([node, apps]) => [node, apps.map(({ app, sessions, failure }) => [app, sessions, failure ?? 0])]);
}

const maps: ReadonlySet<unknown> = new Set(['entries', 'subjects', 'epochs'] satisfies Closing['map'][]);

function decodeReceipt(data: unknown): ReceiptRecord | undefined {
  if (!Array.isArray(data) || data.length < 12) return undefined;
  const [
    map,
    key,
    cause,
    closedAt,
    maker,
    overAt,
    completeAt,
    finalAt,
    confirmedData,
    seenData,
    names,
    revision,
    stamp = 0,
  ] = data;
  const confirmed = decodeEnded(confirmedData);
  const seen = decodeEnded(seenData);
  const outstanding = decodeList(names, (name) => (isText(name) ? name : undefined));
  if (!maps.has(map) || !isText(key) || !(causes as readonly unknown[]).includes(cause) || !isText(maker))
    return undefined;
  if (![closedAt, overAt, completeAt, finalAt, revision, stamp].every(isInstant)) return undefined;
  if (confirmed === undefined || seen === undefined || outstanding === undefined) return undefined;
  return {
    closing: { map, key },
    cause,
    stamp,
    closedAt,
    maker,
    overAt,
    completeAt,
    finalAt,
    confirmed,
    seen,
    outstanding,
    revision,
  };
}

/** In one order, each node and each application once: equal data is equal text. */
function decodeEnded(data: unknown): EndedByNode | undefined {
  const ended = decodeList(data, (one): readonly [string, readonly EndedApp[]] | undefined => {
    if (!Array.isArray(one) || one.length !== 2 || !isText(one[0])) return undefined;
    const apps = decodeList(one[1], decodeApp);
    return apps && [one[0], apps];
  });
  return ended && mergeEnded([], ended);
}

function decodeApp(data: unknown): EndedApp | undefined {
  if (!Array.isArray(data) || data.length !== 3) return undefined;
  const [app, sessions, failure] = data;
  if (!isText(app) || !isInstant(sessions) || (failure !== 0 && !(isText(failure) && failure !== ''))) return undefined;
  return { app, sessions, failure: failure === 0 ? undefined : failure };
}

function decodeList<T>(data: unknown, decode: (one: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(data) || data.length > listLengthAtMost) return undefined;
  const list = data.map(decode);
  return list.includes(undefined) ? undefined : (list as T[]);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= textLengthAtMost;
}
