/**
 * The groups of a person, groups in groups included, by one of three ways. A walk remembers where it was,
 * so that groups which contain each other end it, and has bounds: a directory that exceeds them gives no
 * answer at all, because half of somebody's groups would be other roles than theirs.
 */

import type { Entry } from 'ldapts';
import { groupList } from '../directory.ts';
import type { LdapConnection } from './connection.ts';
import { firstValueOf, valuesOf } from './entry.ts';
import { comparableDn, escapeFilter, isBelow } from './filter.ts';
import { type LdapSettings, ldapLimits } from './settings.ts';

type GroupSettings = LdapSettings['groups'];

/** [MS-ADTS] 3.1.1.3.4.4.3, LDAP_MATCHING_RULE_TRANSITIVE_EVAL. */
const inChain = '1.2.840.113556.1.4.1941';

/** What of a person's entry the way needs. */
export function groupAttributes({ by }: GroupSettings): readonly string[] {
  return by === 'memberOf' ? ['memberOf'] : ['uid'];
}

/** @throws Error the server fails, or there are more groups than anybody has */
export async function groupsOf(
  connection: LdapConnection,
  person: Entry,
  settings: GroupSettings,
): Promise<readonly string[]> {
  const entries = await ways[settings.by](connection, person, settings);
  return groupList(entries.flatMap((entry) => nameOf(entry, settings) ?? []));
}

type Way = (connection: LdapConnection, person: Entry, settings: GroupSettings) => Promise<readonly Entry[]>;

const ways: Readonly<Record<GroupSettings['by'], Way>> = {
  'matching-rule': (connection, person, settings) => {
    const rule = settings.nested ? `member:${inChain}:` : 'member';
    return find(connection, settings, `(${rule}=${escapeFilter(person.dn)})`);
  },

  async member(connection, person, settings) {
    const uid = firstValueOf(person, 'uid');
    const byUid = uid === undefined ? '' : `(memberUid=${escapeFilter(uid)})`;
    const listing = (dns: readonly string[], more = '') =>
      `(|${dns.map((dn) => `(member=${escapeFilter(dn)})(uniqueMember=${escapeFilter(dn)})`).join('')}${more})`;
    const first = await find(connection, settings, listing([person.dn], byUid));
    return climb(first, settings, async (dns) => {
      const found: Entry[] = [];
      for (let at = 0; at < dns.length; at += ldapLimits.namesInFilter)
        found.push(...(await find(connection, settings, listing(dns.slice(at, at + ldapLimits.namesInFilter)))));
      return found;
    });
  },

  async memberOf(connection, person, settings) {
    const read = async (dns: readonly string[]) => {
      const found: Entry[] = [];
      for (const dn of dns) {
        const entry = await connection.read(dn, [...attributesOf(settings), 'memberOf'], settings.filter);
        if (entry !== undefined) found.push(entry);
      }
      return found;
    };
    const seen = new Map<string, Entry>();
    let level = above(person, settings);
    for (let depth = 0; level.length > 0; depth++) {
      if (depth >= ldapLimits.groupLevels || seen.size + level.length > ldapLimits.groups) throw tooDeep();
      const entries = await read(level);
      for (const entry of entries) seen.set(comparableDn(entry.dn), entry);
      level = !settings.nested
        ? []
        : [...new Set(entries.flatMap((entry) => above(entry, settings)))].filter((dn) => !seen.has(comparableDn(dn)));
    }
    return [...seen.values()];
  },
};

/** From groups to the groups that list them, until none is new. */
async function climb(
  first: readonly Entry[],
  { nested }: GroupSettings,
  next: (dns: readonly string[]) => Promise<readonly Entry[]>,
): Promise<readonly Entry[]> {
  const seen = new Map<string, Entry>();
  let level = first;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= ldapLimits.groupLevels) throw tooDeep();
    const fresh = level.filter(({ dn }) => !seen.has(comparableDn(dn)));
    for (const entry of fresh) seen.set(comparableDn(entry.dn), entry);
    if (seen.size > ldapLimits.groups) throw tooDeep();
    level = nested && fresh.length > 0 ? await next(fresh.map(({ dn }) => dn)) : [];
  }
  return [...seen.values()];
}

function find(connection: LdapConnection, settings: GroupSettings, which: string): Promise<readonly Entry[]> {
  return connection.search({
    base: settings.base,
    filter: `(&${settings.filter}${which})`,
    attributes: attributesOf(settings),
    entriesAtMost: ldapLimits.groups,
  });
}

/** The groups that an entry names as its own, below the base. */
function above(entry: Entry, { base }: GroupSettings): readonly string[] {
  if (Object.keys(entry).some((key) => /^memberOf;range=/i.test(key)))
    throw new Error(`${entry.dn} is in more groups than memberOf shows at once: set groups.by to matching-rule`);
  return valuesOf(entry, 'memberOf').filter((dn) => isBelow(dn, base));
}

function attributesOf({ nameAttribute }: GroupSettings): readonly string[] {
  return nameAttribute === 'dn' ? ['1.1'] : [nameAttribute];
}

function nameOf(entry: Entry, { nameAttribute }: GroupSettings): string | undefined {
  return nameAttribute === 'dn' ? comparableDn(entry.dn) : firstValueOf(entry, nameAttribute);
}

function tooDeep(): Error {
  return new Error(`more than ${ldapLimits.groups} groups, or more than ${ldapLimits.groupLevels} levels of them`);
}
