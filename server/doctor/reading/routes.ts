/** The nodes' routes against the balancer's: a node whose route no member has is never found again by its cookies. */

import type { Finding } from '../finding.ts';

/** @param nodes what the nodes said; undefined: they were not asked */
export function routeFindings(nodes: readonly string[] | undefined, members: readonly string[]): readonly Finding[] {
  if (nodes === undefined || nodes.length === 0 || members.length === 0) return [];
  const missing = nodes.filter((route) => !members.includes(route));
  if (missing.length === 0)
    return [{ check: 'node-route', ok: true, says: "Every node's route is one of the balancer's." }];
  return missing.map((route) => {
    const near = members.find((one) => one.toLowerCase() === route.toLowerCase());
    return {
      check: 'node-route',
      ok: false,
      says: `The node ${route} is a route of no member; the members have ${[...new Set(members)].join(', ')}.`,
      remedy:
        near === undefined
          ? `Give the member of that node route=${route}, or the node the route that its member has.`
          : `Only the case differs: write ${route} in place of ${near}.`,
    };
  });
}
