/** One life of a node's process, as records name it: `node:incarnation`. */

export const lifeOf = ({ node, incarnation }: { readonly node: string; readonly incarnation: number }): string =>
  `${node}:${incarnation}`;

/** The node of a life; '' of none. */
export const nodeOf = (life: string): string => life.slice(0, Math.max(0, life.lastIndexOf(':')));
