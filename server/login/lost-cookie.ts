/**
 * Why a browser comes back as if it were not signed on: which cookie did not arrive, and what keeps it
 * away, by the facts that this server has. The reasons are judged first, a test for each; the page says them.
 */

import { type Html, html } from '../html.ts';
import type { Words } from '../words/english.ts';

export interface Facts {
  /** The sign-on's cookie, as this server sets it. */
  readonly cookie: { readonly name: string; readonly domain: string | undefined; readonly secure: boolean };
  /** This host, without port, and whether it was reached over https. */
  readonly here: { readonly host: string; readonly secure: boolean };
  /** Where the browser was led; `undefined`: no further than here. */
  readonly there: { readonly host: string; readonly secure: boolean } | undefined;
  /** The cookie came back to this host. */
  readonly isSignedOnHere: boolean;
  /** The browser keeps other cookies of this host. */
  readonly keepsCookies: boolean;
}

/** What keeps the cookie away; the likelier first. */
export type Reason =
  | 'insecure-here'
  | 'public-suffix'
  | 'blocked'
  | 'host-only'
  | 'outside'
  | 'insecure-there'
  | 'unknown-there';

export function reasonsOf({ cookie, here, there, isSignedOnHere, keepsCookies }: Facts): readonly Reason[] {
  if (!isSignedOnHere) {
    if (cookie.secure && !here.secure) return ['insecure-here'];
    return cookie.domain !== undefined && keepsCookies ? ['public-suffix', 'blocked'] : ['blocked'];
  }
  if (there === undefined || there.host === here.host)
    return cookie.secure && there?.secure === false ? ['insecure-there'] : ['unknown-there'];
  if (cookie.domain === undefined) return ['host-only'];
  if (there.host !== cookie.domain && !there.host.endsWith(`.${cookie.domain}`)) return ['outside'];
  if (cookie.secure && !there.secure) return ['insecure-there'];
  return ['unknown-there'];
}

/** `returnTo`: safe, or `undefined`. */
export function lostCookiePage(facts: Facts, returnTo: string | undefined, words: Words): Html {
  const { loop } = words;
  const { cookie, here, there, isSignedOnHere } = facts;
  const reasons = reasonsOf(facts);
  const target = there?.host ?? here.host;
  const isUsers = reasons.includes('blocked');
  return html`<h1>${loop.title}</h1>
<p class="lead">${isSignedOnHere ? loop.lead(target) : loop.leadHere}</p>
<section class="card" aria-labelledby="what"><h2 id="what">${loop.what}</h2>
<p>${loop.cookie(cookie.name, isSignedOnHere ? target : here.host)}${isSignedOnHere && html` ${loop.cameHere(here.host)}`}</p>
<h2>${loop.why}</h2>
${reasons.length === 1 ? html`<p>${sentence(reasons[0]!, facts, words)}</p>` : html`<ul>${reasons.map((reason) => html`<li>${sentence(reason, facts, words)}</li>`)}</ul>`}
<h2>${loop.toDo}</h2>
<p>${isUsers ? loop.forUser : loop.forOperator}</p>
<p class="more"><a href="${isSignedOnHere && returnTo !== undefined ? returnTo : loginAddress(returnTo)}">${loop.again}</a>${isSignedOnHere && html` · <a href="/">${loop.account}</a>`}</p>
</section>`;
}

/** The page with the form, for this address. */
export function loginAddress(returnTo: string | undefined): string {
  return returnTo === undefined ? '/login' : `/login?${new URLSearchParams({ return_to: returnTo })}`;
}

function sentence(reason: Reason, { cookie, here, there }: Facts, { loop }: Words): Html | string {
  const target = there?.host ?? here.host;
  switch (reason) {
    case 'insecure-here':
      return loop.insecureHere;
    case 'public-suffix':
      return loop.publicSuffix(cookie.domain ?? here.host);
    case 'blocked':
      return loop.blocked;
    case 'host-only':
      return loop.hostOnly(here.host, target);
    case 'outside':
      return loop.outside(target, cookie.domain ?? here.host);
    case 'insecure-there':
      return loop.insecureTarget(target);
    case 'unknown-there':
      return loop.unknownThere(target);
    default:
      return reason satisfies never;
  }
}
