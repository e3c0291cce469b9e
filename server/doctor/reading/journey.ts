/** Where one request would go, told step by step: which server, which rule, what was found in it, which node and why. */

export interface Journey {
  /** The request in words. */
  readonly asked: string;
  readonly steps: readonly string[];
  /** Where it ends, in few words. */
  readonly to: string;
}

/** What the person at the terminal asks about. */
export interface Asked {
  /** The whole Cookie header, or one `NAME=VALUE`. */
  readonly cookie?: string;
  /** A path with or without query, or a whole address; default `/`. */
  readonly url?: string;
}

export interface AskedParts {
  readonly host: string | undefined;
  readonly isTls: boolean | undefined;
  readonly path: string;
  /** Without "?". */
  readonly query: string;
}

/** Nothing is normalised: what stands there is what the balancer would see. */
export function partsOf(url: string): AskedParts {
  const [, scheme, host, rest = ''] = /^(?:(https?):\/\/([^/?#]*))?([^#]*)/i.exec(url) ?? [];
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return {
    host: host === undefined ? undefined : host.toLowerCase(),
    isTls: scheme === undefined ? undefined : scheme.toLowerCase() === 'https',
    path: path.startsWith('/') ? path : `/${path}`,
    query: mark < 0 ? '' : rest.slice(mark + 1),
  };
}

/** A cookie's value may be somebody's session: only its name is said again. */
export function askedInWords({ cookie, url }: Asked): string {
  const names = cookieNames(cookie);
  return names.length === 0
    ? `${url ?? '/'} without a cookie`
    : `${url ?? '/'} with the cookie${names.length > 1 ? 's' : ''} ${names.join(' and ')}`;
}

function cookieNames(cookie: string | undefined): readonly string[] {
  return (cookie ?? '').split(/[;,]/).flatMap((one) => /^\s*([^=\s]+)\s*=/.exec(one)?.[1] ?? []);
}

/** What a person would take for the cookie and the balancer does not; the empty string: there is none. */
export function otherSpelling(cookie: string | undefined, name: string): string {
  const other = cookieNames(cookie).find((one) => one !== name && one.toLowerCase() === name.toLowerCase());
  return other === undefined ? '' : ` There is a cookie ${other}, but case counts.`;
}

/** How often a cookie of the name was sent. */
export function timesSent(cookie: string | undefined, name: string): number {
  return cookieNames(cookie).filter((one) => one === name).length;
}

/** `a`, `a or b`, `a, b or c`. */
export function either(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}
