/**
 * One attempt to sign on by name and password: counted first, then the application is asked, and the
 * outcome is told to the count. A refusal says nothing of the password, which was not looked at, nor
 * whether there is such a user: names are counted as they are sent (check 31).
 */

import type { Request } from 'express';
import { type Authenticate, authenticated, type Credentials, type Outcome } from './authentication.ts';
import type { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';

export type Attempted = Outcome | { readonly kind: 'throttled'; readonly retryAfterMs: number };

export interface AttemptOptions {
  readonly authenticate: Authenticate;
  /** The longest that `authenticate` may take, milliseconds. */
  readonly limitMs: number;
  /** What only somebody can show who signed on to this account before, beside the cookie and the sign-on of the request. */
  readonly proof?: string | undefined;
}

/** Never rejects. */
export async function attempt(
  parts: ValveParts,
  sso: RequestSso,
  req: Request,
  credentials: Credentials,
  { authenticate, limitMs, proof }: AttemptOptions,
): Promise<Attempted> {
  const { username: name } = credentials;
  const admission = await parts.throttle?.admit({
    name,
    address: sso.source,
    cookie: req.headers.cookie,
    proof: proof ?? ownSignOn(parts, sso, name),
  });
  if (admission?.kind === 'throttled') return admission;
  sso.begin();
  const outcome = await authenticated(parts, limitMs, () => authenticate(credentials, req));
  admission?.attempt.end(
    outcome.kind === 'principal' ? 'succeeded' : outcome.kind === 'refused' ? 'failed' : 'undecided',
  );
  return outcome;
}

/** Who is signed on and types the password again is no stranger. */
function ownSignOn({ throttle }: ValveParts, sso: RequestSso, name: string): string | undefined {
  const own = sso.inForce()?.name;
  return own !== undefined && throttle?.isSameAccount(own, name) === true ? sso.id : undefined;
}
