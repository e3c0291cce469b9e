/**
 * Names and addresses in the one form in which they are counted (check 33). Directories take `Alice`,
 * `alice ` and full-width `ａｌｉｃｅ` for one account, some ignore accents as well: whatever any of them
 * might take for the same is counted as the same here. Two people whose names differ by so little share
 * a count, which costs them a wait at most; what is sent to the directory stays as it was typed.
 */

import { isIPv4, isIPv6 } from 'node:net';

/** NFKD without marks and invisible characters, folded to one case, white space as single spaces. */
export function accountForm(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}]+/gu, (found) => (/\s/.test(found) ? ' ' : ''))
    .toLowerCase()
    .toUpperCase() // ß and SS, ſ and s
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** An IPv4 address, or the /64 of an IPv6 one: as much as one customer of a provider has at least. `undefined`: no address, as of a local socket. */
export function sourceForm(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const bare = address.split('%', 1)[0]!;
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return undefined;
  const groups = groupsOf(bare);
  // RFC 4291 2.5.5.2: an IPv4 address as a socket of both families shows it.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** Of this machine or a private network: as a source of many people it is a proxy that nobody was told of. */
export function isInside(source: string): boolean {
  return /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254)\.|^0:0:0:0:|^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/.test(
    source,
  );
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
  const text = tail === null ? address : `${tail[1]}${hex(tail[2]!, tail[3]!)}:${hex(tail[4]!, tail[5]!)}`;
  const [before, after] = text.split('::', 2) as [string, string | undefined];
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const head = parse(before);
  if (after === undefined) return head;
  const rest = parse(after);
  return [...head, ...new Array<number>(8 - head.length - rest.length).fill(0), ...rest];
}
