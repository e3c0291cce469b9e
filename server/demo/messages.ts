/** What the starter and its nodes say to each other, over the pipe between parent and child. */

export interface NodePlace {
  readonly name: string;
  /** Where browsers find it. */
  readonly port: number;
  /** Where the other nodes find it. */
  readonly meshPort: number;
}

export interface NodeSettings {
  readonly self: NodePlace;
  readonly nodes: readonly NodePlace[];
  readonly secret: string;
  /** Where this node keeps its state: a directory of its own that the starter has made. */
  readonly dataDir: string;
}

/** A node's process, as the starter knows it. */
export interface NodeStatus {
  readonly name: string;
  readonly running: boolean;
}

export type ToNode =
  | { readonly kind: 'start'; readonly settings: NodeSettings }
  | { readonly kind: 'status'; readonly nodes: readonly NodeStatus[] }
  | { readonly kind: 'stop' };

export type FromNode =
  | { readonly kind: 'ready' }
  /** It could not start; the message is one line. */
  | { readonly kind: 'failed'; readonly message: string }
  /** It is about to kill itself: whoever looks next should see that it is gone. */
  | { readonly kind: 'dying' }
  /** Somebody pressed "start it again" on one of its pages. */
  | { readonly kind: 'restart'; readonly name: string }
  /** Somebody asked for a power cut: every node is killed at once, and started again. */
  | { readonly kind: 'power-cut' };

export const hosts = { shop: 'app1.xyz.localhost', reports: 'app2.xyz.localhost', start: 'localhost' } as const;
export const cookieDomain = 'xyz.localhost';
