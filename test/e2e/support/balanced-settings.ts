/** What a node of the balanced cluster is told when it starts. Values only: they travel between processes. */

export interface BalancedNodeSettings {
  readonly route: string;
  /** Where the balancer reaches it by HTTP. */
  readonly web: number;
  /** Where the balancer reaches it by AJP/1.3; left out: not at all. */
  readonly ajp?: number | undefined;
  readonly ajpSecret?: string | undefined;
  readonly mesh: number;
  /** All nodes' addresses in the mesh. */
  readonly voters: readonly string[];
  readonly secret: string;
  /** Whether browsers come by TLS. */
  readonly secure: boolean;
  /** The name of `shop`'s session cookie; left out: the library's own. */
  readonly sessionCookie?: string | undefined;
  /** Its path; default `/`. */
  readonly cookiePath?: string | undefined;
  /** Default `STICKY_ROUTE`. */
  readonly stickyCookie?: string | undefined;
  /** Whether the balancer's word on address and scheme counts. Default true. */
  readonly trustsBalancer?: boolean | undefined;
  /** How long it is unready before it takes its leave, milliseconds: a balancer needs it to notice. Default 3,000. */
  readonly noticeMs?: number | undefined;
}

/** To a node's process. It ends by SIGTERM. */
export type ToBalancedNode = { readonly kind: 'start'; readonly settings: BalancedNodeSettings };

/** From a node's process. */
export type FromBalancedNode =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly handedOver: number; readonly lost: number };

/** What `/who` answers. */
export interface Who {
  readonly node: string;
  readonly pid: number;
  /** `null`: nobody is signed on. */
  readonly user: string | null;
  /** How often this session was shown; `null`: there is none. */
  readonly views: number | null;
  readonly session: string | null;
  readonly ip: string | null;
  readonly protocol: string;
  readonly host: string | null;
  /** As they arrived, in their order. */
  readonly headers: readonly (readonly [string, string])[];
}

/** A request that a test put into another one's body, and that a node took for one of its own. */
export interface Smuggled {
  readonly url: string;
  /** The balancer had it in its hands as a request. */
  readonly isMarked: boolean;
}
