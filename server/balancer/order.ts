/**
 * Who comes first: what balancers that are given a list of servers for each route (nginx, Caddy), or a
 * list of rules (HAProxy), need said in an order. Pure.
 */

import type { BalancedNode } from './installation.ts';

/** The part of a route before its first dot, which nodes may share; a route without one is in no domain. */
export function domainOf(route: string): string | undefined {
  const dot = route.indexOf('.');
  return dot === -1 ? undefined : route.slice(0, dot);
}

/** The other nodes in the order in which one takes over: those of its domain first, then from the next one in the list on, so that not all go to the same. */
export function successors(node: BalancedNode, nodes: readonly BalancedNode[]): readonly BalancedNode[] {
  const at = nodes.indexOf(node);
  const others = [...nodes.slice(at + 1), ...nodes.slice(0, at)];
  return [...others.filter((one) => isNear(node, one)), ...others.filter((one) => !isNear(node, one))];
}

/** Whether both are in one domain. */
export function isNear({ route }: BalancedNode, other: BalancedNode): boolean {
  const domain = domainOf(route);
  return domain !== undefined && domain === domainOf(other.route);
}

/** Longer routes first: `b` is also the end of `a.b`, and the first rule that fits counts. */
export function longestFirst(nodes: readonly BalancedNode[]): readonly BalancedNode[] {
  return [...nodes].sort((a, b) => b.route.length - a.route.length);
}

/** The text in a regular expression (RE2, PCRE and POSIX alike). */
export const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
