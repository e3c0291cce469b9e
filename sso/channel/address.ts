/**
 * Where a member listens, as text: `host:port`, an IPv6 host in brackets (RFC 3986 section 3.2.2). One
 * spelling per address, because addresses are compared as text.
 */

import { isIPv6 } from 'node:net';

export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** 0 only where one listens: the operating system picks. */
  readonly port: number;
}

const shape = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/;

/** `undefined`: no address. */
export function parseAddress(text: string): Address | undefined {
  const found = shape.exec(text);
  if (found === null) return undefined;
  const host = (found[1] ?? found[2]!).toLowerCase();
  const port = Number(found[3]);
  if (port > 65_535 || (found[1] !== undefined && !isIPv6(host))) return undefined;
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a socket bound to `host` hears on every address of the machine: then `host` tells nobody where to dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The same of an address, `host:port`. */
export function isWildcardAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && isWildcard(address.host);
}
