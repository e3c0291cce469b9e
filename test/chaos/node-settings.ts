/** What the runner tells a node's process, as JSON in its first argument. */

export interface NodeSettings {
  readonly name: string;
  /** The mesh, `host:port`. */
  readonly listen: string;
  /** The same list on every node. */
  readonly nodes: readonly string[];
  /** Where the addresses of the others are dialled in truth. */
  readonly reach: Readonly<Record<string, string>>;
  readonly httpPort: number;
  /** T, milliseconds. */
  readonly leaseMs: number;
  /** The absolute life of a sign-on, milliseconds. */
  readonly lifeMs: number;
  readonly dataDir: string | undefined;
}

export const apps = ['shop', 'notes'] as const;
export const cookieName = 'latchkey';
