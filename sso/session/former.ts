/**
 * A session's data as versions before the causal map kept it, on disk and in frames: `[cookie, attributes]` as one JSON
 * text, of which the later version won. Read as one change that set all of it, the same on every node; so sessions
 * outlive the update, and what an older member still writes replaces what it wrote before.
 */

import { isInstant } from '../entry.ts';
import { cookieField, settingsPart } from './cookie-text.ts';
import { SessionData } from './data/session-data.ts';
import { Classes } from './graph/classes.ts';
import { Tracker } from './graph/tracker.ts';
import { maxDataLength } from './record.ts';

/** The writer of all that was written before. */
const writer = 'former';
const classes = new Classes([]);

/** @param version hybrid-clock stamp of the text's last change */
export function formerData(text: unknown, version: unknown): SessionData | undefined {
  if (typeof text !== 'string' || text.length > maxDataLength || !isInstant(version) || version === 0) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const [cookie, attributes]: readonly unknown[] = parsed;
  if (typeof attributes !== 'object' || attributes === null) return undefined;
  const tracker = new Tracker(undefined, {
    granularity: 'ATTRIBUTE',
    classes,
    partPrefix: () => writer,
    maxLength: maxDataLength,
  });
  const { fields } = tracker.compare(new Map(Object.entries(attributes))).changes;
  const settings = cookie === 0 ? [] : [{ part: settingsPart, field: cookieField, text: JSON.stringify(cookie) }];
  return SessionData.empty.change({ fields: [...settings, ...fields], gone: [] }, writer, version).data;
}
