/** An entry as the server sent it, typed: attributes' names know no case, and a value that is no text is left out. */

import type { Entry } from 'ldapts';

/** The values of an attribute, none if it has none. */
export function valuesOf(entry: Entry, attribute: string): readonly string[] {
  const wanted = attribute.toLowerCase();
  for (const [key, value] of Object.entries(entry)) {
    if (key.toLowerCase() !== wanted) continue;
    return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
  }
  return [];
}

export function firstValueOf(entry: Entry, attribute: string): string | undefined {
  return valuesOf(entry, attribute)[0];
}

/** What servers note on an account that may not sign on. */
export const statusAttributes = ['userAccountControl', 'accountExpires', 'pwdAccountLockedTime', 'nsAccountLock'];

/**
 * Whether an administrator has disabled the account, or its time is over. An account that is locked for a while after wrong
 * passwords is none of these: the server refuses its password meanwhile, and whoever guesses at it must not be able to end the
 * sign-ons that its owner has.
 */
export function isDisabled(entry: Entry, nowMs: number): boolean {
  // [MS-ADTS] 2.2.16, ADS_UF_ACCOUNT_DISABLE.
  if ((Number(firstValueOf(entry, 'userAccountControl') ?? 0) & 2) !== 0) return true;
  if (hasExpired(firstValueOf(entry, 'accountExpires'), nowMs)) return true;
  // draft-behera-ldap-password-policy 5.3.3: this value means locked until an administrator unlocks it.
  if (firstValueOf(entry, 'pwdAccountLockedTime') === '000001010000Z') return true;
  return firstValueOf(entry, 'nsAccountLock')?.toLowerCase() === 'true';
}

/** Intervals of 100 ns since 1601; 0 and the largest value mean never. */
function hasExpired(text: string | undefined, nowMs: number): boolean {
  const at = Number(text ?? 0);
  if (!(at > 0) || at >= 9_223_372_036_854_775_000) return false;
  return at / 10_000 - 11_644_473_600_000 <= nowMs;
}
