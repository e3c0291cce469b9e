/**
 * How a directory that speaks LDAP is asked: what an operator may set, and what holds where nothing is
 * said, once for LDAP as RFC 2798 and most servers have it and once for Active Directory.
 */

export interface LdapOptions {
  /** As logs call it. */
  readonly name: string;
  /** `ldaps://host` or `ldap://host`, the first that answers is used. */
  readonly servers: readonly string[];
  /** What is assumed where the rest says nothing. Default `ldap`. */
  readonly schema?: 'ldap' | 'active-directory';
  /** StartTLS on `ldap://`; without it such a server is refused, see `allowInsecureConnection`. */
  readonly startTls?: boolean;
  /** Certificates (PEM text) that are believed in place of the system's. */
  readonly ca?: string;
  /** The name in the server's certificate, where it is not the one in `servers`. */
  readonly serverName?: string;
  /** Passwords travel in the clear: for a server on this machine, and for tests. */
  readonly allowInsecureConnection?: boolean;
  /** Who searches; without it anonymously. */
  readonly bindDn?: string;
  readonly bindPassword?: string;
  /** Where people are, with everything below. */
  readonly base: string;
  /** Who is meant by a name: `{name}` stands for it, escaped (RFC 4515). */
  readonly userFilter?: string;
  /** Whose value is the account's name, whatever was typed. It has one value, and only administrators may write it. */
  readonly nameAttribute?: string;
  readonly displayNameAttribute?: string;
  readonly emailAttribute?: string;
  /** An account that it matches is disabled, besides those that the server's own marks disable. */
  readonly disabledFilter?: string;
  readonly groups?: LdapGroupOptions;
  /** The longest that one question may take, and connecting, milliseconds. Default 3,000. More: sign-ons wait longer for a server that is down. */
  readonly timeLimitMs?: number;
  /** Connections for searching, and as many for checking passwords. Default 4. */
  readonly connections?: number;
  /** Sign-ons that wait for a connection; more are answered `busy`. Default 64. */
  readonly maxWaiting?: number;
}

export interface LdapGroupOptions {
  /** Where groups are; default: where people are. */
  readonly base?: string;
  readonly filter?: string;
  /** What names a group; `dn`: the whole distinguished name, in lower case. Default `cn`. */
  readonly nameAttribute?: string;
  /**
   * `member`: groups that list the person, then those that list these groups, level by level. `memberOf`: the same from the
   * person's own attribute upwards. `matching-rule`: Active Directory finds all in one question.
   */
  readonly by?: 'member' | 'memberOf' | 'matching-rule';
  /** Whether groups in groups count. Default true. */
  readonly nested?: boolean;
}

export interface LdapSettings extends LdapOptions {
  readonly userFilter: string;
  readonly nameAttribute: string;
  readonly displayNameAttribute: string;
  readonly emailAttribute: string;
  readonly groups: Required<LdapGroupOptions>;
  readonly timeLimitMs: number;
  readonly connections: number;
  readonly maxWaiting: number;
}

/** Bounds that no setting moves: what a directory may make us hold or ask. */
export const ldapLimits = {
  /** Bytes of the answers to one question. */
  answerBytes: 8 * 1024 * 1024,
  /** Entries that a name may mean before it is nobody's. */
  candidates: 10,
  groups: 1_000,
  groupLevels: 16,
  /** Distinguished names in one filter. */
  namesInFilter: 40,
  pageSize: 200,
} as const;

const presets = {
  ldap: {
    userFilter: '(&(objectClass=person)(|(uid={name})(entryDN={name})))',
    nameAttribute: 'uid',
    displayNameAttribute: 'displayName',
    groupFilter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
    by: 'member',
  },
  'active-directory': {
    userFilter:
      '(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={name})(userPrincipalName={name})(distinguishedName={name})))',
    nameAttribute: 'sAMAccountName',
    displayNameAttribute: 'displayName',
    groupFilter: '(objectClass=group)',
    by: 'matching-rule',
  },
} as const;

export function ldapSettings(options: LdapOptions): LdapSettings {
  const preset = presets[options.schema ?? 'ldap'];
  const { groups = {} } = options;
  return {
    ...options,
    userFilter: options.userFilter ?? preset.userFilter,
    nameAttribute: options.nameAttribute ?? preset.nameAttribute,
    displayNameAttribute: options.displayNameAttribute ?? preset.displayNameAttribute,
    emailAttribute: options.emailAttribute ?? 'mail',
    groups: {
      base: groups.base ?? options.base,
      filter: groups.filter ?? preset.groupFilter,
      nameAttribute: groups.nameAttribute ?? 'cn',
      by: groups.by ?? preset.by,
      nested: groups.nested ?? true,
    },
    timeLimitMs: options.timeLimitMs ?? 3_000,
    connections: options.connections ?? 4,
    maxWaiting: options.maxWaiting ?? 64,
  };
}
