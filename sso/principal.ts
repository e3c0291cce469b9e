/** Who: a name and roles, as a directory or an application's own check gave them. Never a password. */

import { SsoError } from './errors.ts';

export interface Principal {
  /** The user's name, 1 to 256 characters without control characters. The same name is the same user in every application. */
  readonly name: string;
  readonly roles: readonly string[];
  /** What else the applications want to know, as text: a display name, an address. At most 32 values of 1,024 characters. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export const principalLimits = {
  nameLength: 256,
  roles: 256,
  roleLength: 128,
  attributes: 32,
  attributeLength: 1_024,
} as const;

const control = /[\p{Cc}\p{Cs}]/u;

/**
 * The principal in `value`, frozen.
 * @throws SsoError ERR_PRINCIPAL_INVALID it has no usable name or roles; an object is never a sign-on merely by existing (check 40)
 */
export function requirePrincipal(value: unknown): Principal {
  const principal = parsePrincipal(value);
  if (principal === undefined) {
    throw new SsoError(
      'ERR_PRINCIPAL_INVALID',
      'a principal needs { name: string, roles?: string[], attributes?: { [name]: string } }',
    );
  }
  return principal;
}

export function parsePrincipal(value: unknown): Principal | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isErrorLike(value)) return undefined;
  const { name, roles = [], attributes } = value as { name?: unknown; roles?: unknown; attributes?: unknown };
  if (!isName(name)) return undefined;
  const parsedRoles = parseRoles(roles);
  if (parsedRoles === undefined) return undefined;
  if (attributes === undefined) return Object.freeze({ name, roles: parsedRoles });
  const parsedAttributes = parseAttributes(attributes);
  return parsedAttributes && Object.freeze({ name, roles: parsedRoles, attributes: parsedAttributes });
}

/** An error has a name, too: nobody is called LdapError. */
function isErrorLike(value: object): boolean {
  return 'error' in value || 'stack' in value || 'message' in value;
}

export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= principalLimits.nameLength && !control.test(value)
  );
}

/** Sorted and without doubles, so that equal roles are equal text everywhere. */
export function parseRoles(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > principalLimits.roles) return undefined;
  if (!value.every((role) => typeof role === 'string' && role !== '' && role.length <= principalLimits.roleLength))
    return undefined;
  return shared([...new Set(value as string[])].sort());
}

function parseAttributes(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const pairs = Object.entries(value);
  if (pairs.length > principalLimits.attributes) return undefined;
  if (
    !pairs.every(
      ([key, text]) => key.length <= 128 && typeof text === 'string' && text.length <= principalLimits.attributeLength,
    )
  )
    return undefined;
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.freeze(Object.fromEntries(pairs) as Record<string, string>);
}

/** Thousands of sign-ons have few different sets of roles: one array serves all of them. */
const knownRoles = new Map<string, readonly string[]>();
const knownRolesAtMost = 1_024;

function shared(roles: string[]): readonly string[] {
  const text = JSON.stringify(roles);
  const known = knownRoles.get(text);
  if (known !== undefined) return known;
  if (knownRoles.size >= knownRolesAtMost) knownRoles.clear();
  const frozen = Object.freeze(roles);
  knownRoles.set(text, frozen);
  return frozen;
}
