/**
 * What became of the fields of sessions, judged from outside: every write gives a field a text of its
 * own, so that what a node shows says whose write it is. Of two writes of one field the later is shown,
 * by stamp and then by life; an earlier one comes back, and a field is empty, only where somebody took
 * away what he saw in it.
 */

import type { SessionData } from '../../sso/session/data/session-data.ts';
import type { AppSession, Life } from './model.ts';

/** One change of one field. */
export interface FieldWrite {
  /** True time. */
  readonly at: number;
  readonly field: string;
  /** `undefined`: it was taken away. */
  readonly text: string | undefined;
  readonly life: Life;
  /** Of the change; later than all others until it is known. */
  stamp: number;
  /** What its writer saw in the field. */
  readonly seen: FieldWrite | undefined;
  /** The data that it made; `undefined` while it is under way, or if it was refused. */
  data: SessionData | undefined;
  /** Lives that had it when its writer was told that it is safe. */
  holders: readonly Life[];
}

/** The fields that sessions of the simulation have. */
export const fieldNames = ['.basket', '.language', '.step', '.seen'] as const;
export const fieldPart = '0';

/** The write that a node shows in a field; `'foreign'`: nobody wrote that. */
export function shownIn(session: AppSession, data: SessionData, field: string): FieldWrite | 'foreign' | undefined {
  const text = data.get(fieldPart, field);
  if (text === undefined) return undefined;
  const write = session.byText.get(text);
  return write === undefined || write.field !== field ? 'foreign' : write;
}

/** Whether a write is shown in place of another one, or is that one. */
export function isAtLeast(one: FieldWrite, other: FieldWrite): boolean {
  if (one === other || one.stamp > other.stamp) return true;
  return one.stamp === other.stamp && one.life.name >= other.life.name;
}

/** Whether somebody took away this write, or a later one that he saw in its place. */
export function mayBeGone(session: AppSession, write: FieldWrite): boolean {
  return session.writes.some(
    ({ field, text, seen }) =>
      field === write.field && text === undefined && seen !== undefined && isAtLeast(seen, write),
  );
}

/** What is wrong with a node's data that was this before and is that now; in words. */
export function faultOfChange(
  session: AppSession,
  before: SessionData | undefined,
  after: SessionData,
): string | undefined {
  for (const field of fieldNames) {
    const now = shownIn(session, after, field);
    if (now === 'foreign') return `holds "${after.get(fieldPart, field)}" in ${field}, which nobody wrote`;
    const former = before && shownIn(session, before, field);
    if (former === undefined || former === 'foreign' || former === now || mayBeGone(session, former)) continue;
    if (now === undefined) return `lost "${former.text}" in ${field}, which nobody took away`;
    if (!isAtLeast(now, former)) return `went back from "${former.text}" to "${now.text}" in ${field}`;
  }
  return undefined;
}

/** What is missing in a node's data of the writes that are due there; in words. Default: those that a living node had. */
export function faultOfData(
  session: AppSession,
  data: SessionData,
  isDue: (write: FieldWrite) => boolean = ({ holders }) => holders.some(({ alive }) => alive),
): string | undefined {
  for (const write of session.writes) {
    if (write.data === undefined || !isDue(write)) continue;
    const shown = shownIn(session, data, write.field);
    if (shown === 'foreign') continue;
    if (write.text === undefined) {
      if (shown !== undefined && shown === write.seen)
        return `still has "${shown.text}" in ${write.field}, which ${write.life.name} took away`;
    } else if ((shown === undefined || !isAtLeast(shown, write)) && !mayBeGone(session, write))
      return `has not got "${write.text}" in ${write.field}, which ${write.life.name} wrote`;
  }
  return undefined;
}
