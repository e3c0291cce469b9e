/**
 * People in LDAP or Active Directory: search, then bind. A name is looked up by a filter, what is found is
 * bound with the password, and the account's own attribute says who that is, so that every spelling (case,
 * e-mail address, distinguished name) is one identity. Two pools of connections: those that search are
 * bound as the service account, and no user's password ever goes over them.
 *
 * What fails, in whatever way, is `unavailable`. An unknown name takes as long as a wrong password took
 * lately (check 31).
 */

import type { Entry } from 'ldapts';
import type { Log } from '../../../sso/index.ts';
import { type Check, type Directory, type Found, type Person, personLimits } from '../directory.ts';
import { isPlausible, ownDirectory } from '../own-directory.ts';
import { canonicalName } from '../users.ts';
import { BindPace } from './bind-pace.ts';
import { LdapConnection, TooMany } from './connection.ts';
import { firstValueOf, isDisabled, statusAttributes, valuesOf } from './entry.ts';
import { filterFor, isBelow } from './filter.ts';
import { groupAttributes, groupsOf } from './groups.ts';
import { Busy, LdapPool } from './pool.ts';
import { type LdapOptions, type LdapSettings, ldapLimits, ldapSettings } from './settings.ts';

export interface LdapParts {
  readonly log: Pick<Log, 'warn'>;
  /** Milliseconds since 1970, for accounts that expire. */
  readonly now?: () => number;
}

export function ldapDirectory(options: LdapOptions, { log, now = Date.now }: LdapParts): Directory {
  const settings = ldapSettings(options);
  const { name, connections: size, maxWaiting, timeLimitMs: waitMs } = settings;
  const searching = new LdapPool({ open: () => openBound(settings), size, maxWaiting, waitMs });
  const binding = new LdapPool({ open: () => openAny(settings), size, maxWaiting, waitMs });
  const pace = new BindPace();
  const people = new People(settings, log, now);

  const check = async (asked: string, password: string): Promise<Check> => {
    const found = await searching.use((connection) => people.locate(connection, asked));
    if (found === undefined || found === 'ambiguous') {
      await binding.use((connection) => pace.standIn(connection, settings.base, password));
      return { kind: 'refused' };
    }
    const bound = await binding.use((connection) => pace.timed(() => connection.bind(found.entry.dn, password)));
    if (!bound) return { kind: 'refused' };
    return searching.use(async (connection): Promise<Check> => {
      if (await people.isDisabled(connection, found.entry)) return { kind: 'refused' };
      return { kind: 'known', person: await people.person(connection, found) };
    });
  };

  const find = async (asked: string): Promise<Found> => {
    const canonical = canonicalName(asked);
    return searching.use(async (connection): Promise<Found> => {
      const found = await people.locate(connection, asked);
      if (found === 'ambiguous') throw new Error(`several accounts are called ${canonical}`);
      // By another name it is somebody else, who is only reached by this one too.
      if (found === undefined || found.name !== canonical) return { kind: 'gone' };
      if (await people.isDisabled(connection, found.entry)) return { kind: 'gone', disabled: true };
      return { kind: 'found', person: await people.person(connection, found) };
    });
  };

  return ownDirectory({
    name,
    check: (asked, password) => check(asked, password).catch(busyOrThrow),
    find,
    close: async () => {
      searching.close();
      binding.close();
    },
  });
}

function busyOrThrow(error: unknown): Check {
  if (error instanceof Busy) return { kind: 'busy' };
  throw error;
}

interface Located {
  readonly name: string;
  readonly entry: Entry;
}

class People {
  readonly #settings: LdapSettings;
  readonly #log: Pick<Log, 'warn'>;
  readonly #now: () => number;

  constructor(settings: LdapSettings, log: Pick<Log, 'warn'>, now: () => number) {
    this.#settings = settings;
    this.#log = log;
    this.#now = now;
  }

  /** Who is meant: whose name it is, else the only one whom the filter finds. */
  async locate(connection: LdapConnection, asked: string): Promise<Located | 'ambiguous' | undefined> {
    const { base, userFilter, nameAttribute, displayNameAttribute, emailAttribute, groups } = this.#settings;
    const canonical = canonicalName(asked);
    let entries: readonly Entry[];
    try {
      entries = await connection.search({
        base,
        filter: filterFor(userFilter, canonical),
        attributes: [
          ...new Set([
            nameAttribute,
            displayNameAttribute,
            emailAttribute,
            'cn',
            ...statusAttributes,
            ...groupAttributes(groups),
          ]),
        ],
        entriesAtMost: ldapLimits.candidates,
      });
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      return this.#ambiguous();
    }
    const people = entries.map((entry) => this.#named(entry));
    const exact = people.filter(({ name }) => name === canonical);
    const candidates = exact.length > 0 ? exact : people;
    return candidates.length > 1 ? this.#ambiguous() : candidates[0];
  }

  /** @throws Error the account has no name, or several, or is not where it was searched */
  #named(entry: Entry): Located {
    const { base, nameAttribute, name: directory } = this.#settings;
    if (!isBelow(entry.dn, base)) throw new Error(`${directory} gives an entry that is not below ${base}`);
    const names = new Set(valuesOf(entry, nameAttribute).map(canonicalName));
    const [name] = names;
    if (name === undefined || names.size > 1 || !isPlausible(name))
      throw new Error(`${entry.dn} must have one ${nameAttribute}, and has ${names.size}`);
    return { name, entry };
  }

  #ambiguous(): 'ambiguous' {
    const { name: directory, userFilter } = this.#settings;
    this.#log.warn({ directory, userFilter }, 'a name that was asked for is that of several accounts: nobody is meant');
    return 'ambiguous';
  }

  async isDisabled(connection: LdapConnection, entry: Entry): Promise<boolean> {
    const { disabledFilter } = this.#settings;
    if (isDisabled(entry, this.#now())) return true;
    return disabledFilter !== undefined && (await connection.read(entry.dn, ['1.1'], disabledFilter)) !== undefined;
  }

  async person(connection: LdapConnection, { name, entry }: Located): Promise<Person> {
    const { displayNameAttribute, emailAttribute, groups } = this.#settings;
    const displayName = firstValueOf(entry, displayNameAttribute) ?? firstValueOf(entry, 'cn');
    const email = firstValueOf(entry, emailAttribute);
    return {
      name,
      ...(displayName !== undefined && { displayName: displayName.slice(0, personLimits.textLength) }),
      ...(email !== undefined && { email: email.slice(0, personLimits.textLength) }),
      groups: await groupsOf(connection, entry, groups),
    };
  }
}

/** To the first server that answers. @throws Error none does: the reasons of all */
async function openAny(settings: LdapSettings): Promise<LdapConnection> {
  const reasons: string[] = [];
  for (const server of settings.servers) {
    try {
      return await LdapConnection.open(server, settings);
    } catch (error) {
      reasons.push(`${server}: ${(error as Error).message}`);
    }
  }
  throw new Error(reasons.join('; '));
}

async function openBound(settings: LdapSettings): Promise<LdapConnection> {
  const { bindDn, bindPassword = '' } = settings;
  const connection = await openAny(settings);
  if (bindDn === undefined || (await connection.bind(bindDn, bindPassword))) return connection;
  connection.close();
  throw new Error(`the server refuses bindDn ${bindDn}: its name or password is wrong`);
}
