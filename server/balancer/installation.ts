/**
 * What the configuration of a balancer is printed from: the nodes with their routes, the names that
 * browsers use, and what keeps a visitor on a node. It has no words of any balancer; a printer turns it into
 * the files of one, and every printer takes the same, so that five balancers say the same thing.
 */

export interface Installation {
  /** At least one; their routes differ. */
  readonly nodes: readonly BalancedNode[];
  /** Names that browsers use, as in app.xyz.com or *.xyz.com; empty: any. */
  readonly hosts: readonly string[];
  /** Where the balancer listens; without an address everywhere. */
  readonly listen: { readonly address: string | undefined; readonly port: number };
  /** PEM files; `undefined`: plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** `undefined`: every request goes to any node, the guide's non-sticky form. */
  readonly sticky: Sticky | undefined;
  /** The path that a node answers with 200 while it takes visitors, and with 503 when it does not. */
  readonly ready: string;
  /** Paths under which WebSockets are; empty: everywhere. */
  readonly webSockets: readonly string[];
  /** Browsers come by https, whether it ends here (`tls`) or at something before the balancer. */
  readonly secure: boolean;
  /** What the connection to the nodes speaks, where the balancer has a choice: mod_jk speaks AJP only, others HTTP only, httpd both. */
  readonly protocol: 'http' | 'ajp';
  /** Of the nodes' AJP listeners; `undefined`: printed as a placeholder that is marked. */
  readonly ajpSecret: string | undefined;
  /** Where files that name each other will lie. */
  readonly directory: string;
}

export interface Sticky {
  /** The cookie whose value ends in `.<route>`: an application's session, or STICKY_ROUTE. */
  readonly cookie: string;
  /** `jsessionid` for URLs with `;jsessionid=<id>.<route>`; in httpd it beats the cookie, so that a link can steer a visitor. */
  readonly pathParameter: string | undefined;
}

export interface BalancedNode {
  /** The node's own name: what stands behind the dot of its cookies. */
  readonly route: string;
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  /** Its pages, over plain HTTP. */
  readonly port: number;
  readonly ajp: { readonly port: number } | undefined;
  /** Its share of new visitors, as a proportion: 1 to 100. */
  readonly weight: number;
  /** Nobody said its route or where it is: the person has to. */
  readonly isGuess: boolean;
}

/** A file as it is to be written, named without a directory. */
export interface PrintedFile {
  readonly name: string;
  readonly text: string;
}

/** One file, or several that name each other (mod_jk: workers.properties, uriworkermap.properties, mod-jk.conf). */
export type Printer = (installation: Installation) => readonly PrintedFile[];

/** What a person who reads the file has to look at. */
export const guessed = (node: BalancedNode): string =>
  node.isGuess ? `CHANGE THIS: the route and place of ${node.route} are a guess (or print with --from or --nodes)` : '';

/** Where AJP is by custom, for a node of which nobody said it. */
export const ajpPortOf = ({ ajp }: BalancedNode): number => ajp?.port ?? 8009;

/** As `guessed`, of the port too. */
export const guessedAjp = (node: BalancedNode): string =>
  guessed(node) ||
  (node.ajp === undefined
    ? `CHANGE THIS: nobody said where the AJP listener of ${node.route} is; 8009 is the custom (--nodes ROUTE=HOST:PORT/AJPPORT)`
    : '');

/** Waits, which every balancer has under another name. Short: a frozen node is left alone by them, not by a refused connection. */
export const waits = {
  /** For a connection to a node. */
  connectMs: 2_000,
  /** For a node's next byte of an answer; longer requests than this need more. */
  answerMs: 30_000,
  /** Between questions to `ready`. */
  checkEveryMs: 2_000,
  /** A node that failed is asked again after this: much less than the minute that httpd and mod_jk take by default. */
  retryMs: 5_000,
  /** How long nothing may come on a WebSocket before it is closed. */
  webSocketIdleMs: 3_600_000,
} as const;

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `text` with every line but empty ones moved to the right. */
export const indented = (text: string, by: string): string => text.replace(/^(?=.)/gm, by);
