/**
 * A Forward Request, from bytes to values. Only its form is judged here: every length lies within the
 * packet, every code is known, nothing is said twice, nothing follows the end. What it asks for is judged
 * by `admission.ts`.
 */

import { Cursor } from './cursor.ts';
import { attributes, codedName, incoming, methodOf, requestHeaderOf, storedMethod } from './tables.ts';

export interface ForwardRequest {
  readonly method: string;
  /** As the browser's protocol is called: `HTTP/1.1`, `HTTP/2.0`. */
  readonly protocol: string;
  /** The path, without the query. */
  readonly uri: string;
  readonly remoteAddress: string;
  /** The browser's name, if the balancer looked it up. */
  readonly remoteHost: string | undefined;
  readonly serverName: string;
  readonly serverPort: number;
  readonly isSsl: boolean;
  /** Names and values in turn, in the order they came. */
  readonly headers: readonly string[];
  readonly remoteUser: string | undefined;
  readonly authType: string | undefined;
  readonly queryString: string | undefined;
  readonly jvmRoute: string | undefined;
  /** PEM. */
  readonly sslCert: string | undefined;
  readonly sslCipher: string | undefined;
  readonly sslSession: string | undefined;
  readonly sslKeySize: number | undefined;
  readonly secret: string | undefined;
  /** What was sent by name. */
  readonly attributes: ReadonlyMap<string, string>;
}

export type Decoded =
  | { readonly kind: 'request'; readonly request: ForwardRequest }
  /** `why` is one of a fixed few: nothing of what was sent is in it. */
  | { readonly kind: 'malformed'; readonly why: string };

/** @param payload with the code of a Forward Request */
export function decodeForwardRequest(payload: Buffer): Decoded {
  const cursor = new Cursor(payload);
  if (cursor.byte() !== incoming.forwardRequest) cursor.fail('no Forward Request');
  const methodCode = cursor.byte();
  const head = {
    protocol: cursor.requiredText(),
    uri: cursor.requiredText(),
    remoteAddress: cursor.requiredText(),
    remoteHost: cursor.text(),
    serverName: cursor.requiredText(),
    serverPort: cursor.integer(),
    isSsl: cursor.flag(),
  };
  const headers = readHeaders(cursor);
  const { coded, named, sslKeySize } = readAttributes(cursor);
  if (cursor.remaining > 0) cursor.fail('something follows the end');
  const method = methodCode === storedMethod ? coded.get(attributes.storedMethod) : methodOf(methodCode);
  if (method === undefined) cursor.fail('no such method');
  if (cursor.fault !== undefined || method === undefined) return { kind: 'malformed', why: cursor.fault ?? '' };
  return {
    kind: 'request',
    request: {
      ...head,
      method,
      headers,
      remoteUser: coded.get(attributes.remoteUser),
      authType: coded.get(attributes.authType),
      queryString: coded.get(attributes.queryString),
      jvmRoute: coded.get(attributes.jvmRoute),
      sslCert: coded.get(attributes.sslCert),
      sslCipher: coded.get(attributes.sslCipher),
      sslSession: coded.get(attributes.sslSession),
      sslKeySize,
      secret: coded.get(attributes.secret),
      attributes: named,
    },
  };
}

function readHeaders(cursor: Cursor): readonly string[] {
  const headers: string[] = [];
  const count = cursor.integer();
  for (let i = 0; i < count && cursor.fault === undefined; i++)
    headers.push(readHeaderName(cursor), cursor.requiredText());
  return headers;
}

function readHeaderName(cursor: Cursor): string {
  if ((cursor.peekInteger() & 0xff00) !== codedName) return cursor.requiredText();
  const name = requestHeaderOf(cursor.integer() & 0xff);
  if (name === undefined) cursor.fail('no such header');
  return name ?? '';
}

/** The last byte of `attributes.done` ends them. */
function readAttributes(cursor: Cursor): {
  readonly coded: ReadonlyMap<number, string>;
  readonly named: ReadonlyMap<string, string>;
  readonly sslKeySize: number | undefined;
} {
  const seen = new Set<number>();
  const coded = new Map<number, string>();
  const named = new Map<string, string>();
  let sslKeySize: number | undefined;
  for (let code = cursor.byte(); code !== attributes.done && cursor.fault === undefined; code = cursor.byte()) {
    if (code === attributes.named) {
      readNamed(cursor, named);
      continue;
    }
    if (seen.has(code)) cursor.fail('an attribute comes twice');
    seen.add(code);
    if (code === attributes.sslKeySize) {
      sslKeySize = cursor.integer();
    } else if (code >= attributes.context && code <= attributes.storedMethod) {
      const value = cursor.text();
      if (value !== undefined) coded.set(code, value);
    } else {
      cursor.fail('no such attribute');
    }
  }
  return { coded, named, sslKeySize };
}

/** mod_jk sends some without a value: they say nothing. */
function readNamed(cursor: Cursor, named: Map<string, string>): void {
  const name = cursor.requiredText();
  const value = cursor.text();
  if (value === undefined) return;
  if (named.has(name) && named.get(name) !== value) cursor.fail('an attribute comes twice');
  named.set(name, value);
}
