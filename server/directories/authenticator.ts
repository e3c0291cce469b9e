/**
 * Evidence → outcome: the step between a form and a directory. Today's evidence is a name and a password,
 * and an outcome is final; a second step would be one more kind of `Outcome`, which every caller then has
 * to answer, because each ends its switch in a `never` check. Nothing but `signed-on` lets anybody in.
 */

import type { Log, Principal } from '../../sso/index.ts';
import type { Directory, Person } from './directory.ts';
import type { RolesOf } from './roles.ts';

export type Outcome =
  | { readonly kind: 'signed-on'; readonly principal: Principal }
  | { readonly kind: 'refused' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'unavailable' };

/** Never rejects. */
export type Authenticator = (name: string, password: string) => Promise<Outcome>;

export function authenticatorOf(directory: Directory, rolesOf: RolesOf, log: Pick<Log, 'error'>): Authenticator {
  const unavailable = (fields: object): Outcome => {
    log.error({ directory: directory.name, ...fields }, 'nobody can be checked: the sign-on is put off');
    return { kind: 'unavailable' };
  };
  return async (name, password) => {
    try {
      const check = await directory.check(name, password);
      switch (check.kind) {
        case 'known':
          return { kind: 'signed-on', principal: principalOf(check.person, rolesOf) };
        case 'refused':
        case 'busy':
          return { kind: check.kind };
        case 'unavailable':
          return unavailable({ why: check.why });
        default:
          return unavailable({ why: `it answered ${JSON.stringify(check satisfies never)}` });
      }
    } catch (err) {
      return unavailable({ err });
    }
  };
}

/** Why nobody was let in or refused: thrown to whom only a principal, nothing, or an error can be told. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
  readonly kind: 'busy' | 'unavailable';
  /** For Express, and for the answer to a form. */
  readonly status = 503;

  constructor(kind: 'busy' | 'unavailable') {
    super(kind === 'busy' ? 'too many passwords are being verified' : 'the directory does not answer');
    this.kind = kind;
  }
}

/** The same for `sso.login()`: a principal or nobody. @throws NotNow, which `login()` answers with 503 and "try again" */
export function authenticateBy(
  authenticator: Authenticator,
): (name: string, password: string) => Promise<Principal | undefined> {
  return async (name, password) => {
    const outcome = await authenticator(name, password);
    switch (outcome.kind) {
      case 'signed-on':
        return outcome.principal;
      case 'refused':
        return undefined;
      case 'busy':
      case 'unavailable':
        throw new NotNow(outcome.kind);
      default:
        throw new NotNow(outcome satisfies never);
    }
  };
}

function principalOf(person: Person, rolesOf: RolesOf): Principal {
  const { name, displayName, email } = person;
  const attributes = { ...(displayName !== undefined && { displayName }), ...(email !== undefined && { email }) };
  return { name, roles: rolesOf(person), ...(Object.keys(attributes).length > 0 && { attributes }) };
}
