/**
 * What the probe says: how a node stands, which cookies it makes, and how the request that asked arrived
 * there. Types and the two names that asker and node agree on; the asker may be another program
 * (`latchkey doctor`, `latchkey balancer --from`).
 */

/** Where the probe is by custom. */
export const probePath = '/latchkey-probe';
/** The request header that carries the pass. */
export const probeHeader = 'latchkey-probe';
/** The longest rest that can be asked for, milliseconds. */
export const restMsAtMost = 60_000;

export interface ProbeAnswer {
  readonly version: 1;
  /** The nonce of the pass that was shown: another one is a copy that something has kept. */
  readonly nonce: string;
  /** The node's name, which is its route. */
  readonly node: string;
  readonly state: string;
  /** What `readyz` says at this instant, and its reasons. */
  readonly ready: boolean;
  readonly why: readonly { readonly reason: string; readonly waitsFor?: string | undefined }[];
  /** The node's own wall clock, milliseconds since 1970. */
  readonly now: number;
  /** The nodes of the cluster as this one sees them, this one first. */
  readonly members: readonly ProbedMember[];
  readonly cookies: ProbedCookies;
  readonly saw: ProbedRequest;
}

export interface ProbedMember {
  readonly node: string;
  readonly state: string;
  /** Where the nodes reach one another; not where browsers do. */
  readonly address?: string | undefined;
  readonly reachable: boolean;
}

export interface ProbedCookies {
  readonly sso: { readonly name: string; readonly domain?: string | undefined; readonly secure: boolean };
  /** Of the applications that have mounted `sessions()` on this node. */
  readonly sessions: readonly SessionCookieNote[];
  /** Of `stickyRoute()` and `keepRoute()`. */
  readonly sticky: readonly StickyCookieNote[];
}

export interface SessionCookieNote {
  readonly app: string;
  readonly name: string;
  readonly path: string;
  readonly secure: boolean;
}

export interface StickyCookieNote {
  readonly name: string;
  readonly path: string;
  readonly quoted: boolean;
  readonly routeFrom: 'node' | 'host';
}

/** The request as it arrived at the node. */
export interface ProbedRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly host?: string | undefined;
  /** As the host application believes, by its `trust proxy`. */
  readonly protocol: string;
  readonly secure: boolean;
  readonly ip?: string | undefined;
  /** Of the socket. */
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Those that balancers add and cookies travel in, raw, in their order. What has the shape of a token or a session id is left out of cookies. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of all headers together, names and values. */
  readonly headerBytes: number;
  /** Where the request came by AJP. */
  readonly ajp?: { readonly jvmRoute?: string | undefined; readonly isSsl: boolean } | undefined;
}

/** What is answered to a pass that is genuine and cannot be taken, with status 409 (429 for `too-many`). */
export type ProbeRefusal =
  /** Its time is too far from this node's: sign anew by `now`. */
  | { readonly error: 'stale'; readonly node: string; readonly now: number }
  /** It was shown before. */
  | { readonly error: 'used'; readonly node: string; readonly now: number }
  /** The act is for another node than the one that it came to. */
  | { readonly error: 'other-node'; readonly node: string; readonly now: number }
  /** More passes than this node remembers were shown within minutes. */
  | { readonly error: 'too-many'; readonly node: string; readonly now: number };
