/**
 * Who somebody is, as headers for an application: plain text where it is plain text. Whatever is not
 * visible ASCII or a space within (line ends, letters beyond ASCII), and `%` itself, is percent-encoded
 * as UTF-8, so that `decodeURIComponent` and its like give back what was meant and no value can end a
 * line. Groups are separated by commas; a comma within one is encoded.
 */

import type { Principal } from '../../sso/index.ts';

export interface Identity {
  readonly user: string;
  readonly groups: string;
  readonly name: string;
  readonly email: string;
  /** Something is missing because it would be longer than a proxy takes. */
  readonly isCut: boolean;
}

/** Of one header. nginx takes 32 kB in all as we print it, applications often 8. */
const maxLength = 4_096;

export const nobody: Identity = { user: '', groups: '', name: '', email: '', isCut: false };

/** Principals of sign-ons are the same objects from request to request. */
const known = new WeakMap<Principal, Identity>();

export function identityOf(principal: Principal): Identity {
  const before = known.get(principal);
  if (before !== undefined) return before;
  const { name: user, roles, attributes = {} } = principal;
  const [groups, shown] = joined(roles);
  const [name, email] = [attributes['displayName'] ?? '', attributes['email'] ?? ''].map(headerText) as [
    string,
    string,
  ];
  const identity = {
    user: headerText(user),
    groups,
    name: name.length > maxLength ? '' : name,
    email: email.length > maxLength ? '' : email,
    isCut: shown < roles.length || name.length > maxLength || email.length > maxLength,
  };
  known.set(principal, identity);
  return identity;
}

/** Whole roles, as many as there is room for: fewer rights, never others. */
function joined(roles: readonly string[]): readonly [text: string, shown: number] {
  let text = '';
  for (const [index, role] of roles.entries()) {
    const next = `${index === 0 ? '' : ','}${headerText(role).replaceAll(',', '%2C')}`;
    if (text.length + next.length > maxLength) return [text, index];
    text += next;
  }
  return [text, roles.length];
}

export function headerText(value: string): string {
  if (/^(?:[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?)?$/.test(value)) return value;
  return value.replace(/^ +| +$|[^\x20-\x24\x26-\x7e]+/g, (text) =>
    [...Buffer.from(text, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
