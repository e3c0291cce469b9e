/** What a proxy's question ends in: what the browser is to be told, and one word for each for the metrics. */

import type { Identity } from './identity.ts';

export type Outcome =
  | {
      readonly kind: 'pass';
      readonly decision: 'signed-on' | 'allowed';
      readonly identity: Identity;
      readonly assertion: string;
    }
  /** `basic`: a program may show name and password here. */
  | { readonly kind: 'not-signed-on'; readonly basic: boolean }
  /** Name and password are wrong. */
  | { readonly kind: 'credentials' }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  | { readonly kind: 'role-missing' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'unavailable' };

export const decisions = [
  'signed-on', // somebody whom the rules let pass
  'allowed', // nobody is signed on, and the rule asks for nobody
  'not-signed-on',
  'credentials', // of a program: wrong
  'throttled', // of a program: not looked at
  'role-missing',
  'refused', // by a rule, since no rule fits, or since the path can be read in two ways
  'busy', // too many passwords are being verified
  'unavailable', // this node cannot say now who is signed on
  'unreadable', // not the question of such a proxy
  'stranger', // asked from an address that is no proxy's
  'failed', // our own fault
] as const;

export type Decision = (typeof decisions)[number];
