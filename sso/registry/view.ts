/** A sign-on as an account page or an administrator sees it. */

import type { OpenEntry } from '../entry.ts';
import { stampMs } from '../hybrid-clock.ts';
import type { Principal } from '../principal.ts';
import type { SsoId } from '../token.ts';
import type { SessionView } from './parts.ts';

export interface EntryView {
  /** A hash: it cannot be used as a cookie. */
  readonly id: SsoId;
  readonly principal: Principal;
  readonly how: string;
  /** Milliseconds since 1970; `usedAt` is coarse. */
  readonly authenticatedAt: number;
  readonly openedAt: number;
  readonly usedAt: number;
  readonly endsAt: number;
  /** What the browser called itself when it signed on, cut to 256 characters: its own word, never to be believed. */
  readonly device: string | undefined;
  /** The address it signed on from, by the host's trust proxy setting. */
  readonly source: string | undefined;
  /** Whether the user asked to be remembered. */
  readonly remembered: boolean;
  readonly sessions: readonly SessionView[];
}

/** `roles`: those in force. */
export function entryView(
  id: SsoId,
  entry: OpenEntry,
  roles: readonly string[],
  sessions: readonly SessionView[],
): EntryView {
  return {
    id,
    principal: roles === entry.principal.roles ? entry.principal : { ...entry.principal, roles },
    how: entry.how,
    authenticatedAt: entry.authenticatedAt,
    openedAt: stampMs(entry.openedStamp),
    usedAt: Math.max(entry.usedAt, entry.aliveAt),
    endsAt: entry.endsAt,
    device: entry.origin?.device,
    source: entry.origin?.source,
    remembered: entry.remembered === true,
    sessions,
  };
}
