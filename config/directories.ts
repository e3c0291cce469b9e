/**
 * `directories`, `roles` and `recheck` of a configuration file: where people are kept, what their groups
 * are worth, and how often it is asked whether they are still there.
 */

import { resolve } from 'node:path';
import { FilterParser } from 'ldapts';
import { z } from 'zod';
import { falseOr, fields, must } from './document.ts';
import { oneSecretSchema, type ReadSecret, type SecretSource } from './secrets.ts';

const text = (be: string) => z.string(must(be)).min(1, `must be ${be}`);
const flag = z.boolean(must('true or false'));
const path = text('the path of a file');
const milliseconds = (min: number, max: number) => {
  const be = `a whole number of milliseconds, ${min} to ${max}`;
  return z.number(must(be)).int(`must be ${be}`).min(min, `must be ${be}`).max(max, `must be ${be}`);
};
const number = (min: number, max: number) => {
  const be = `a whole number, ${min} to ${max}`;
  return z.number(must(be)).int(`must be ${be}`).min(min, `must be ${be}`).max(max, `must be ${be}`);
};

/** A search filter in parentheses (RFC 4515). */
const filter = text('a search filter, as in (objectClass=person)').superRefine((value, context) => {
  try {
    FilterParser.parseString(value.replaceAll('{name}', 'name'));
    if (value.startsWith('(') && value.endsWith(')')) return;
  } catch {
    // Said below.
  }
  context.addIssue({ code: 'custom', message: 'must be a search filter in parentheses, as in (objectClass=person)' });
});

const userFilter = filter.refine(
  (value) => value.includes('{name}'),
  'must hold {name}, which stands for what was typed, as in (uid={name})',
);

const server = text('a server, as in ldaps://ldap.xyz.com').regex(
  /^ldaps?:\/\/(?:[^\s:/@[\]]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?\/?$/,
  'must be ldaps:// or ldap:// and a host, as in ldaps://ldap.xyz.com',
);

const ldap = fields({
  kind: z.literal('ldap'),
  name: text('a name for the log').exactOptional(),
  servers: z.array(server, must('a list of servers')).min(1, 'must hold at least one server').max(16),
  schema: z.enum(['ldap', 'active-directory'], must('ldap or active-directory')).exactOptional(),
  startTls: flag.exactOptional(),
  ca: path.exactOptional(),
  serverName: text("the name in the server's certificate").exactOptional(),
  allowInsecureConnection: flag.exactOptional(),
  bindDn: text('who searches, as in cn=latchkey,ou=services,dc=xyz,dc=com').exactOptional(),
  bindPassword: oneSecretSchema.exactOptional(),
  base: z.string(must('where people are, as in ou=people,dc=xyz,dc=com')),
  userFilter: userFilter.exactOptional(),
  nameAttribute: text('an attribute, as in uid').exactOptional(),
  displayNameAttribute: text('an attribute, as in displayName').exactOptional(),
  emailAttribute: text('an attribute, as in mail').exactOptional(),
  disabledFilter: filter.exactOptional(),
  groups: fields({
    base: text('where groups are, as in ou=groups,dc=xyz,dc=com').exactOptional(),
    filter: filter.exactOptional(),
    nameAttribute: text('an attribute, as in cn, or dn').exactOptional(),
    by: z.enum(['member', 'memberOf', 'matching-rule'], must('one of member, memberOf, matching-rule')).exactOptional(),
    nested: flag.exactOptional(),
  }).exactOptional(),
  timeLimitMs: milliseconds(100, 8_000).exactOptional(),
  connections: number(1, 64).exactOptional(),
  maxWaiting: number(0, 10_000).exactOptional(),
}).superRefine(({ servers, startTls, allowInsecureConnection, bindDn, bindPassword }, context) => {
  const refuse = (where: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path: where, message });
  for (const [index, one] of servers.entries()) {
    if (one.startsWith('ldap:') && !startTls && !allowInsecureConnection)
      refuse(
        ['servers', index],
        'would get passwords in the clear: ldaps://, or startTls: true (allowInsecureConnection: true for a server on this machine)',
      );
    if (one.startsWith('ldaps:') && startTls) refuse(['servers', index], 'is TLS from the start: leave out startTls');
  }
  if (bindDn !== undefined && bindPassword === undefined)
    refuse(['bindPassword'], 'is missing: must name where it is kept: { env: NAME } or { file: PATH }');
  if (bindDn === undefined && bindPassword !== undefined)
    refuse(['bindDn'], 'is missing: whose password bindPassword is');
});

const directory = z.discriminatedUnion(
  'kind',
  [
    fields({ kind: z.literal('file'), file: path }),
    fields({ kind: z.literal('htpasswd'), file: path, groupFile: path.exactOptional() }),
    ldap,
  ],
  { error: () => 'must be file, htpasswd or ldap' },
);

export const directoriesSchema = z
  .array(directory, must('a list of directories'))
  .min(1, 'must hold at least one directory')
  .max(16, 'must hold at most 16 directories');

export const rolesSchema = z.record(
  z.string(),
  z.array(text('the name of a role').max(128), must('a list of roles')).max(256),
  must('groups and their roles, as in { admins: [admin, staff] }'),
);

const share = z.number(must('a share, 0 to 1')).min(0, 'must be a share, 0 to 1').max(1, 'must be a share, 0 to 1');

export const recheckSchema = falseOr(
  fields({
    everyMs: milliseconds(1_000, 86_400_000).default(300_000),
    /** A round that misses a larger share of the people ends none of them until it is confirmed (SIGHUP). 1: never held back. */
    mostGone: share.default(0.5),
  }),
  'false, or { everyMs: 1000 to 86400000, mostGone: 0 to 1 }',
);

type DirectoryDocument = z.output<typeof directory>;
type LdapDocument = z.output<typeof ldap>;

/** A directory of a configuration, its paths absolute and its secrets fetched. */
export type DirectoryConfig =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'htpasswd'; readonly file: string; readonly groupFile?: string }
  | (Omit<LdapDocument, 'ca' | 'bindPassword' | 'name'> & {
      readonly name: string;
      readonly ca?: string;
      readonly bindPassword?: string;
    });

export interface DirectoryReaders {
  readonly directory: string;
  readonly secret: (source: SecretSource) => ReadSecret;
  readonly pem: (file: string) => string;
}

/** Fetches what the fields point to. @throws ConfigError */
export function readDirectories(
  documents: readonly DirectoryDocument[],
  { directory, secret, pem }: DirectoryReaders,
): { readonly directories: readonly DirectoryConfig[]; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const at = (file: string) => resolve(directory, file);
  const directories = documents.map((one): DirectoryConfig => {
    if (one.kind === 'file') return { kind: 'file', file: at(one.file) };
    if (one.kind === 'htpasswd')
      return {
        kind: 'htpasswd',
        file: at(one.file),
        ...(one.groupFile !== undefined && { groupFile: at(one.groupFile) }),
      };
    const { ca, bindPassword, name = one.servers[0]!, ...rest } = one;
    const password = bindPassword && secret(bindPassword);
    if (password?.warning !== undefined) warnings.push(password.warning);
    if (one.allowInsecureConnection)
      warnings.push(`${name}: allowInsecureConnection: passwords travel in the clear to the directory`);
    return {
      ...rest,
      name,
      ...(ca !== undefined && { ca: pem(at(ca)) }),
      ...(password && { bindPassword: password.value }),
    };
  });
  return { directories, warnings };
}
