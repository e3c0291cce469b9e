/**
 * Which node asks about whom: of the nodes that re-check the one whose name and the user's hash highest
 * (rendezvous hashing; Thaler and Ravishankar, 1998), so that all nodes that know the same nodes conclude
 * the same without a word, and a node that goes hands over its own users alone.
 */

import { createHash } from 'node:crypto';

export function responsible(name: string, nodes: readonly string[]): string | undefined {
  let best: { readonly node: string; readonly weight: string } | undefined;
  for (const node of nodes) {
    const weight = createHash('sha256').update(`${node}\0${name}`).digest('hex');
    if (best === undefined || weight > best.weight) best = { node, weight };
  }
  return best?.node;
}

/** In place; so that a directory which fails half-way does not always leave out the same people. */
export function shuffled(names: string[], random: () => number): string[] {
  for (let last = names.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [names[last], names[other]] = [names[other]!, names[last]!];
  }
  return names;
}
