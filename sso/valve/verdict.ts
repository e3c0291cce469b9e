/**
 * Who a request is signed in as, judged from all that came under the name of the SSO cookie, and from
 * whether this node may accept a sign-on now. Pure, with a test per line: what is done about it stands
 * elsewhere. In doubt, not signed in; not knowing is not gone (SECURITY.md, Several SSO cookies in one
 * request; Gone or not known). A node without leases knows what has ended, and nothing else: what looks
 * open to it may have been closed, and what everybody it can ask does not know may be known to the others.
 */

import type { Cause, OpenEntry } from '../entry.ts';
import type { SsoId, SsoToken } from '../token.ts';
import type { Sighting } from './sighting.ts';

export type Verdict =
  | { readonly kind: 'anonymous' }
  /** Nobody, and the cookies stay. */
  | { readonly kind: 'unsure' }
  /**
   * This node may not say who it is: nobody, and the cookies stay. `open`: the one sign-on that would count, as far as is
   * known here; it may be ended, and nothing else.
   */
  | { readonly kind: 'unavailable'; readonly open: SsoId | undefined }
  /** Nobody, and all cookies of ours are deleted. */
  | { readonly kind: 'stale'; readonly over: { readonly id: SsoId; readonly cause: Cause } | undefined }
  /** Several sign-ons at once: nobody, and all are deleted, since one of them may be an attacker's (T3). */
  | { readonly kind: 'ambiguous' }
  /** `renew`: the header does not tell which of several cookies is the good one, so it is set anew and the others deleted (V23). */
  | {
      readonly kind: 'signed-in';
      readonly id: SsoId;
      readonly token: SsoToken;
      readonly entry: OpenEntry;
      readonly renew: boolean;
    };

const anonymous: Verdict = { kind: 'anonymous' };

/** The verdict on all different values that came under our name. `mayAccept` is read after the values were looked up. */
export function judge(sightings: readonly Sighting[], mayAccept: boolean): Verdict {
  if (sightings.length === 0) return anonymous;
  let open: Extract<Sighting, { kind: 'open' }> | undefined;
  let opens = 0;
  let over: Extract<Sighting, { why: 'over' }> | undefined;
  let undecided = false;
  for (const sighting of sightings) {
    if (sighting.kind === 'open') {
      open = sighting;
      opens++;
    } else if (sighting.kind === 'undecided' || (sighting.why === 'unknown' && !mayAccept)) undecided = true;
    else if (sighting.why === 'over') over = sighting;
  }
  if (!mayAccept && (opens > 0 || undecided))
    return { kind: 'unavailable', open: opens === 1 && !undecided ? open?.id : undefined };
  if (opens > 1) return { kind: 'ambiguous' };
  // The undecided one may be open as well: then there would be two, and no way to tell whose.
  if (undecided) return { kind: 'unsure' };
  if (open === undefined) return { kind: 'stale', over: sightings.length === 1 ? over : undefined };
  return { kind: 'signed-in', id: open.id, token: open.token, entry: open.entry, renew: sightings.length > 1 };
}
