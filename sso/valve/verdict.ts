/**
 * Who a request is signed in as, judged from all that came under the name of the SSO cookie. Pure, with
 * a test per line: what is done about it stands elsewhere. In doubt, not signed in; not knowing is not
 * gone (SECURITY.md, Several SSO cookies in one request; Gone or not known).
 */

import type { Cause, OpenEntry } from '../entry.ts';
import type { SsoId, SsoToken } from '../token.ts';
import type { Sighting } from './sighting.ts';

export type Verdict =
  | { readonly kind: 'anonymous' }
  /** Nobody, and the cookies stay. */
  | { readonly kind: 'unsure' }
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

/** The verdict on all different values that came under our name. In doubt, not signed in. */
export function judge(sightings: readonly Sighting[]): Verdict {
  if (sightings.length === 0) return anonymous;
  let open: Extract<Sighting, { kind: 'open' }> | undefined;
  let over: Extract<Sighting, { why: 'over' }> | undefined;
  let undecided = false;
  for (const sighting of sightings) {
    if (sighting.kind === 'open') {
      if (open !== undefined) return { kind: 'ambiguous' };
      open = sighting;
    } else if (sighting.kind === 'undecided') undecided = true;
    else if (sighting.why === 'over') over = sighting;
  }
  // The undecided one may be open as well: then there would be two, and no way to tell whose.
  if (undecided) return { kind: 'unsure' };
  if (open === undefined) return { kind: 'stale', over: sightings.length === 1 ? over : undefined };
  return { kind: 'signed-in', id: open.id, token: open.token, entry: open.entry, renew: sightings.length > 1 };
}
