/**
 * Addresses and networks, as a list that an address is looked up in. Strict: an address that Node does
 * not read as one is in no list. An IPv4 address that came in the dress of IPv6 (`::ffff:10.0.0.1`, as
 * a socket of both families shows it) is the IPv4 address.
 */

import { BlockList, isIP } from 'node:net';

export interface Networks {
  has(address: string): boolean;
}

/** The same few proxies and offices ask all day: looking them up costs microseconds otherwise. */
const maxRemembered = 4_096;

/** @param list as the configuration has checked it */
export function networks(list: readonly string[]): Networks {
  const blocks = new BlockList();
  for (const entry of list) {
    const [text = '', bits] = entry.split('/');
    const address = plainAddress(text) ?? text;
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) blocks.addAddress(address, family);
    else blocks.addSubnet(text, Number(bits), isIP(text) === 6 ? 'ipv6' : 'ipv4');
  }
  const known = new Map<string, boolean>();
  return {
    has(address) {
      if (list.length === 0) return false;
      const before = known.get(address);
      if (before !== undefined) return before;
      const plain = plainAddress(address);
      const found = plain !== undefined && blocks.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
      if (known.size >= maxRemembered) known.clear();
      known.set(address, found);
      return found;
    },
  };
}

/** `undefined`: this is no address. */
export function plainAddress(text: string): string | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : text.toLowerCase();
}
