/**
 * Whether a cookieDomain can work at all, judged at start rather than by a browser that drops the
 * cookie in silence (V09, check 4; RFC 6265bis 5.6 with the Public Suffix List, its private section included).
 */

import { parse } from 'tldts';

/** What is wrong with it, or `undefined`. */
export function cookieDomainError(domain: string): string | undefined {
  if (domain.startsWith('.')) return `"${domain}" must not begin with a dot: write ${domain.replace(/^\.+/, '')}`;
  if (domain.endsWith('.')) return `"${domain}" must not end with a dot`;
  if (
    domain.length > 253 ||
    !/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(domain) ||
    domain.split('.').some((label) => !isLabel(label))
  ) {
    return `"${domain}" is no domain name: letters, digits, "-" and dots, for example xyz.com (others in their xn-- form)`;
  }
  const parsed = parse(domain, { allowPrivateDomains: true });
  if (parsed.isIp || /^[0-9.]+$/.test(domain))
    return `"${domain}" is an IP address, which browsers refuse as a cookie's domain: leave cookieDomain out`;
  if (parsed.domain === null) {
    return `"${domain}" is a public suffix, under which strangers have their sites, so browsers refuse the cookie: name your own domain below it`;
  }
  return undefined;
}

function isLabel(label: string): boolean {
  return label.length > 0 && label.length <= 63 && !label.startsWith('-') && !label.endsWith('-');
}
