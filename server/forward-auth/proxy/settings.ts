/** What a proxy's configuration is printed from: the hosts, nodes and names that the node's own configuration has, and where applications are. */

import type { IdentityHeaders } from '../../../config/forward-auth.ts';

export interface ProxySettings {
  readonly nodes: readonly ProxyNode[];
  /** The host of the sign-on page. */
  readonly site: string;
  readonly applications: readonly Application[];
  readonly headers: IdentityHeaders;
  /** What upstreams never get. */
  readonly cookies: readonly string[];
  /** Where the proxy listens. */
  readonly listen: { readonly address: string | undefined; readonly port: number };
  /** `undefined`: plain HTTP, as the configuration allows insecure cookies. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

export interface ProxyNode {
  readonly host: string;
  /** Its pages. */
  readonly web: number;
  /** Where proxies ask. */
  readonly asked: number;
}

export interface Application {
  /** `*.xyz.com` as well. */
  readonly host: string;
  /** `address:port`, plain HTTP. */
  readonly upstream: string;
  /** Nobody named it: the person has to. */
  readonly isGuess: boolean;
  /** Programs may show name and password somewhere on this host: the nodes get them, and the application does not. */
  readonly basic: boolean;
}

export const headerNames = (headers: IdentityHeaders): readonly string[] => Object.values(headers);

/** `Remote-User` and `Remote_User`: applications that read headers as variables (WSGI, CGI, PHP) take both for one. */
export function spellings(name: string): readonly string[] {
  const [first = '', ...rest] = name.split('-');
  return rest.reduce<readonly string[]>(
    (so, part) => so.flatMap((one) => [`${one}-${part}`, `${one}_${part}`]),
    [first],
  );
}

/** The name in a regular expression. */
export const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** `app1_xyz_com`: a name where dots and stars are none. */
export const word = (host: string): string => host.replace('*', 'any').replace(/[^a-z0-9]+/g, '_');

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Lines of a comment that stands at a guess. */
export const guess = ({ host, isGuess }: Application): string =>
  isGuess ? `CHANGE THIS: where ${host} is (or print with --upstream ${host}=ADDRESS:PORT)` : `where ${host} is`;

/** `text` with every line but empty ones moved to the right. */
export const indented = (text: string, by: string): string => text.replace(/^(?=.)/gm, by);
