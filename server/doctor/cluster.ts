/** What the nodes said, put together: who there is, who answered, who did not. Pure. */

import type { ProbeAnswer } from '../../sso/index.ts';
import { answerOf, type Reply } from './asking.ts';

export interface ClusterView {
  /** Every node that counts itself among the living, or that another one does; in the order of their names. */
  readonly nodes: readonly string[];
  /** The latest answer of each node that answered, in the same order. */
  readonly latest: ReadonlyMap<string, ProbeAnswer>;
  /** Those that said that they are ready, or were not asked and are said to be up. */
  readonly serving: readonly string[];
}

/** `without`: nodes that nobody expects here, unless they answer. */
export function clusterOf(replies: readonly Reply[], without: readonly string[] = []): ClusterView {
  const latest = new Map<string, ProbeAnswer>();
  for (const reply of replies) {
    const answer = answerOf(reply);
    if (answer !== undefined) latest.set(answer.node, answer);
  }
  const told = new Set(
    [...latest.values()].flatMap(({ members }) =>
      members.filter(({ node, state }) => state === 'up' && !without.includes(node)).map(({ node }) => node),
    ),
  );
  const nodes = [...new Set([...latest.keys(), ...told])].sort();
  const serving = nodes.filter((node) => latest.get(node)?.ready ?? true);
  const inOrder = new Map([...latest].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { nodes, latest: inOrder, serving };
}

/** Names for a sentence: `node1`, `node1 and node2`, `node1, node2 and node3`. */
export function listed(names: Iterable<string>): string {
  const all = [...names];
  return all.length < 2 ? (all[0] ?? 'none') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** `1 request`, `2 requests`. */
export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** The names with a verb that fits them: `node1 believes`, `node1 and node2 believe`. */
export const those = (names: readonly string[], singular: string, plural: string): string =>
  `${listed(names)} ${names.length === 1 ? singular : plural}`;
