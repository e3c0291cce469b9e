/**
 * Asks one LDAP server, before anybody relies on it, what a sign-on will ask of it: a connection that is
 * believed, a bind of the service account, people below the base, groups below theirs. Each server of a
 * list by itself: one that answers hides behind another that does, until that one is down.
 */

import { LdapConnection, TooMany } from './connection.ts';
import type { LdapSettings } from './settings.ts';

export interface ServerTrial {
  /** What was found, in words; empty where it does not answer. */
  readonly says: readonly string[];
  /** What keeps people from signing on, each with what to look at. */
  readonly problems: readonly string[];
  /** What they would miss. */
  readonly warnings: readonly string[];
}

/** Never rejects. Takes at most a few of the settings' time limits. */
export async function tryServer(server: string, settings: LdapSettings): Promise<ServerTrial> {
  const begun = performance.now();
  let connection: LdapConnection | undefined;
  try {
    connection = await LdapConnection.open(server, settings);
    const ms = Math.ceil(performance.now() - begun);
    return await tryOpen(server, settings, connection, ms);
  } catch (error) {
    return { says: [], problems: [`${server} does not answer: ${(error as Error).message}`], warnings: [] };
  } finally {
    connection?.close();
  }
}

async function tryOpen(
  server: string,
  settings: LdapSettings,
  connection: LdapConnection,
  ms: number,
): Promise<ServerTrial> {
  const { bindDn, bindPassword = '', base, userFilter, groups, startTls } = settings;
  const how = server.startsWith('ldaps:') ? 'TLS' : startTls ? 'StartTLS' : 'in the clear';
  const answers = `${server} answers in ${ms} ms (${how})`;
  if (bindDn !== undefined && !(await connection.bind(bindDn, bindPassword)))
    return {
      says: [answers],
      problems: [`${server} refuses bindDn ${bindDn}: its name or password is wrong`],
      warnings: [],
    };
  const asWhom = bindDn === undefined ? 'asked without a name' : `bound as ${bindDn}`;
  const people = await anyBelow(connection, base, userFilter.split('{name}').join('*'));
  const grouped = await anyBelow(connection, groups.base, groups.filter);
  return {
    says: [
      `${answers}, ${asWhom}: ${people ? 'there are' : 'no'} people below ${base}, ${grouped ? 'and there are' : 'no'} groups below ${groups.base}`,
    ],
    problems: people
      ? []
      : [
          `${server} shows nobody below ${base} by ${userFilter}: the base, the filter or the rights of ${bindDn ?? 'who asks without a name'} are wrong`,
        ],
    warnings: grouped
      ? []
      : [`${server} shows no groups below ${groups.base} by ${groups.filter}: nobody would have roles`],
  };
}

/** Whether the filter finds anything there. */
async function anyBelow(connection: LdapConnection, base: string, filter: string): Promise<boolean> {
  try {
    if ((await connection.read(base, ['1.1'])) === undefined) return false;
    return (await connection.search({ base, filter, attributes: ['1.1'], entriesAtMost: 1 })).length > 0;
  } catch (error) {
    if (error instanceof TooMany) return true;
    throw error;
  }
}
