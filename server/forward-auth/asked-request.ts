/**
 * The request that a proxy asks about, read from its question: each kind of proxy tells method, host,
 * target and client in its own documented headers, and has an address of its own here, so that a
 * header of another kind's means nothing (check 51). Whether the asker may be believed at all is
 * decided before. A header that came twice reaches us joined by ", ": no method, host or target has a
 * space, so it is malformed like any other nonsense.
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Networks, plainAddress } from './networks.ts';
import { normalPath } from './normal-path.ts';
import type { Asked } from './rules.ts';

export const proxyKinds = ['nginx', 'caddy', 'traefik', 'haproxy', 'envoy'] as const;
export type ProxyKind = (typeof proxyKinds)[number];

export interface AskedRequest extends Asked {
  /** `https://app1.xyz.com`, with the port if it is not the scheme's own. */
  readonly origin: string;
  /** As the client wrote it: path and query. */
  readonly target: string;
}

/** Where questions are asked: `/forward-auth/nginx`, and so on. */
export const askedAt = '/forward-auth/';

interface Told {
  readonly method: string | undefined;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly target: string | undefined;
}

/** One hop more than this many is nobody's network. */
const maxHops = 32;

/** `undefined`: malformed. `proxies`: whose entries in X-Forwarded-For are not the client. */
export function askedRequest(kind: ProxyKind, req: IncomingMessage, proxies: Networks): AskedRequest | undefined {
  const told = readers[kind](req);
  if (told === undefined) return undefined;
  const { method, target } = told;
  const scheme = schemes.get(told.scheme ?? '');
  const host = hostOf(told.host);
  if (method === undefined || !/^[A-Z][A-Z-]{0,31}$/.test(method)) return undefined;
  if (scheme === undefined || host === undefined || target === undefined) return undefined;
  const port = host.port === undefined || host.port === scheme.port ? '' : `:${host.port}`;
  return {
    host: host.name,
    path: normalPath(target),
    method,
    address: clientAddress(req.headers['x-forwarded-for'], proxies),
    origin: `${scheme.name}://${host.name}${port}`,
    target,
  };
}

/** Traefik says `wss` of a WebSocket's upgrade. */
const schemes: ReadonlyMap<string, { readonly name: string; readonly port: string }> = new Map([
  ['https', { name: 'https', port: '443' }],
  ['http', { name: 'http', port: '80' }],
  ['wss', { name: 'https', port: '443' }],
  ['ws', { name: 'http', port: '80' }],
]);

const readers: Readonly<Record<ProxyKind, (req: IncomingMessage) => Told | undefined>> = {
  /** `X-Original-URL: $scheme://$host:$server_port$request_uri` and `X-Original-Method`, or X-Forwarded-*; never both. */
  nginx({ headers }) {
    const url = one(headers, 'x-original-url');
    if (url === undefined) return forwarded(headers);
    if (headers['x-forwarded-uri'] !== undefined) return undefined;
    const [, scheme, host, target] = /^([a-z]{2,5}):\/\/([^/?#]*)(\/.*)$/s.exec(url) ?? [];
    return { method: one(headers, 'x-original-method'), scheme, host, target };
  },
  caddy: ({ headers }) => forwarded(headers),
  traefik: ({ headers }) => forwarded(headers),
  haproxy: ({ headers }) => forwarded(headers),
  /** Asks by the request's own method, path (below a prefix) and Host. */
  envoy(req) {
    const { method, url = '', headers, rawHeaders } = req;
    let hosts = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === 'host') hosts++;
    if (hosts !== 1) return undefined; // Node keeps the first of several
    const target = url.slice(askedAt.length + 'envoy'.length);
    return { method, scheme: one(headers, 'x-forwarded-proto'), host: headers.host, target };
  },
};

function forwarded(headers: IncomingHttpHeaders): Told {
  return {
    method: one(headers, 'x-forwarded-method'),
    scheme: one(headers, 'x-forwarded-proto'),
    host: one(headers, 'x-forwarded-host'),
    target: one(headers, 'x-forwarded-uri'),
  };
}

function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function hostOf(text: string | undefined): { readonly name: string; readonly port: string | undefined } | undefined {
  if (text === undefined || text.length > 260) return undefined;
  const [, name, port] =
    /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/.exec(text.toLowerCase()) ?? [];
  return name === undefined ? undefined : { name, port };
}

/**
 * Each hop appends whom it saw, so the list is read from its end: the first that is no proxy of ours is the client, and
 * what stands before it is the client's own word. `undefined`: not told, or not readable.
 */
function clientAddress(list: string | string[] | undefined, proxies: Networks): string | undefined {
  if (typeof list !== 'string') return undefined;
  let end = list.length;
  let address: string | undefined;
  for (let hop = 0; hop < maxHops && end >= 0; hop++) {
    const comma = list.lastIndexOf(',', end - 1);
    address = plainAddress(list.slice(comma + 1, end).trim());
    if (address === undefined || !proxies.has(address)) return address;
    if (comma <= 0) return address;
    end = comma;
  }
  return undefined;
}
