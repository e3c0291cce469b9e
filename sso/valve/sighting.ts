/**
 * What one value of the SSO cookie turns out to be. The cheap questions come first: is it shaped like a
 * token, is its entry known here, did a key of ours make it, is it past its end. Only what is genuine
 * and unknown here, or here only seems idle, is asked for at the other nodes.
 */

import type { Cause, OpenEntry } from '../entry.ts';
import type { Inquiry } from '../registry.ts';
import { genuineUntil, parseToken, type SsoId, type SsoToken, ssoId } from '../token.ts';
import type { Inquiries } from './inquiries.ts';
import type { ValveParts } from './settings.ts';

/** What is known of one value of the cookie. */
export type Sighting =
  | { readonly kind: 'open'; readonly id: SsoId; readonly token: SsoToken; readonly entry: OpenEntry }
  /** For ever: no key of ours made it, it is past its end, its entry has ended, or every member says that it knows none. */
  | { readonly kind: 'gone'; readonly why: 'forged' | 'expired' | 'unknown' }
  | { readonly kind: 'gone'; readonly why: 'over'; readonly id: SsoId; readonly cause: Cause }
  /** Genuine, but not everybody who may know it could be asked. */
  | { readonly kind: 'undecided' };

export interface SightingParts extends Pick<ValveParts, 'registry' | 'keys' | 'clock' | 'log' | 'accepting'> {
  readonly inquiries: Inquiries;
}

/** Other nodes are asked for this many values of one request; a browser has one, after a change of domain two. */
const maxInquiries = 4;
type Question = { readonly kind: 'ask'; readonly id: SsoId; readonly token: SsoToken };

/** A promise only if somebody must be asked. */
export function sightAll(
  parts: SightingParts,
  values: readonly string[],
): readonly Sighting[] | Promise<readonly Sighting[]> {
  const first = values.map((value) => sight(parts, value));
  let asked = 0;
  if (!first.some(({ kind }) => kind === 'ask')) return first as readonly Sighting[];
  const all = Promise.all(
    first.map((one) => {
      if (one.kind !== 'ask') return one;
      return ++asked > maxInquiries ? { kind: 'undecided' as const } : ask(parts, one);
    }),
  );
  return all.then((sightings) => sightings.map((one) => (one.kind === 'open' ? lookAgain(parts, one) : one)));
}

/** What was open before the others were asked may have ended meanwhile. */
function lookAgain({ registry }: SightingParts, one: Extract<Sighting, { kind: 'open' }>): Sighting {
  const look = registry.look(one.id);
  if (look.state === 'open') return one;
  return look.state === 'over' ? { kind: 'gone', why: 'over', id: one.id, cause: look.cause } : { kind: 'undecided' };
}

function sight(parts: SightingParts, value: string): Sighting | Question {
  const token = parseToken(value);
  if (token === undefined) return { kind: 'gone', why: 'forged' };
  const id = ssoId(token);
  const look = parts.registry.look(id);
  if (look.state === 'open') return { kind: 'open', id, token, entry: look.entry };
  if (look.state === 'over') return { kind: 'gone', why: 'over', id, cause: look.cause };
  if (look.state === 'unknown') {
    const endsAt = genuineUntil(parts.keys.token, token);
    if (endsAt === undefined) return { kind: 'gone', why: 'forged' };
    if (endsAt <= parts.clock.now()) return { kind: 'gone', why: 'expired' };
  }
  const held = parts.inquiries.held(id);
  return held === undefined ? { kind: 'ask', id, token } : sightInquiry(parts, held, id, token);
}

async function ask(parts: SightingParts, { id, token }: Question): Promise<Sighting> {
  try {
    return sightInquiry(parts, await parts.inquiries.ask(id), id, token);
  } catch (error) {
    parts.log.error({ err: error }, 'the other nodes could not be asked for a sign-on');
    return { kind: 'undecided' };
  }
}

function sightInquiry(parts: SightingParts, inquiry: Inquiry, id: SsoId, token: SsoToken): Sighting {
  switch (inquiry.state) {
    case 'open':
      return { kind: 'open', id, token, entry: inquiry.entry };
    case 'over':
      return { kind: 'gone', why: 'over', id, cause: inquiry.cause };
    case 'unknown': // by a node that has not compared with the others yet, or no longer does, it proves nothing
      return parts.accepting() ? { kind: 'gone', why: 'unknown' } : { kind: 'undecided' };
    case 'undecided':
      return { kind: 'undecided' };
    default:
      return inquiry satisfies never;
  }
}
