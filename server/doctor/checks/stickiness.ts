/** Whether cookies lead to their nodes; where they do not, `misread.ts` looks for the reason. */

import { cameBack } from '../asking.ts';
import { listed } from '../cluster.ts';
import { type Exam, looksDirect } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { type CarrierResult, isFollowed, type Routing } from '../routing.ts';
import { findMisreading, hashed, isHashed } from './misread.ts';

/** What the measurements amount to. */
export type Pattern =
  | { readonly kind: 'one-node' }
  | { readonly kind: 'no-carrier' }
  | { readonly kind: 'followed'; readonly by: CarrierResult; readonly ignored: readonly CarrierResult[] }
  /** Some nodes are found by their routes, others are not. */
  | { readonly kind: 'partly'; readonly by: CarrierResult; readonly lost: readonly string[] }
  /** A route leads to one node, always, and to the wrong one. */
  | { readonly kind: 'swapped'; readonly by: CarrierResult; readonly leads: ReadonlyMap<string, string> }
  /** Whatever is asked for, one node answers. */
  | { readonly kind: 'one-answers'; readonly node: string }
  | { readonly kind: 'blind' };

export async function checkStickiness(exam: Exam): Promise<readonly Finding[]> {
  const { cluster, routing } = exam;
  const pattern = patternOf(cluster.nodes, routing);
  const unknown = judgeUnknownRoute(pattern, routing);
  const more = unknown === undefined ? [] : [unknown];
  if (pattern.kind === 'blind') return [...judgePattern(pattern, false), ...more, ...(await findMisreading(exam))];
  // A cookie that has one value for each node looks exchanged where it is only hashed.
  if ((pattern.kind === 'swapped' || pattern.kind === 'partly') && (await isHashed(exam, pattern.by.carrier)))
    return [...judgePattern({ kind: 'blind' }, false), ...more, hashed(pattern.by.carrier)];
  return [...judgePattern(pattern, looksDirect(exam)), ...more];
}

export function patternOf(nodes: readonly string[], { results }: Routing): Pattern {
  if (nodes.length < 2) return { kind: 'one-node' };
  if (results.length === 0) return { kind: 'no-carrier' };
  const followed = results.find(isFollowed);
  if (followed !== undefined)
    return { kind: 'followed', by: followed, ignored: results.filter((one) => !isFollowed(one)) };
  const partly = results.find(({ trials }) => [...trials.values()].some(({ verdict }) => verdict === 'followed'));
  if (partly !== undefined) {
    const lost = [...partly.trials].filter(([, { verdict }]) => verdict === 'missed').map(([node]) => node);
    return { kind: 'partly', by: partly, lost };
  }
  const trials = results.flatMap((result) => [...result.trials.values()]);
  const everybody = new Set(trials.flatMap(({ wanted, controls }) => [...wanted.keys(), ...controls.keys()]));
  if (everybody.size === 1) return { kind: 'one-answers', node: [...everybody][0]! };
  for (const by of results) {
    const leads = leadsOf(by);
    if (leads !== undefined) return { kind: 'swapped', by, leads };
  }
  return { kind: 'blind' };
}

/** Route → the one node that it leads to; `undefined` unless each leads to one, not all of them to the same, and others come elsewhere too. */
function leadsOf({ trials }: CarrierResult): ReadonlyMap<string, string> | undefined {
  const leads = new Map<string, string>();
  for (const [node, { wanted, controls }] of trials) {
    const [to, second] = [...wanted.keys()];
    if (to === undefined || to === '' || second !== undefined || (controls.size === 1 && controls.has(to)))
      return undefined;
    leads.set(node, to);
  }
  return leads.size > 1 && new Set(leads.values()).size > 1 ? leads : undefined;
}

export function judgePattern(pattern: Pattern, isDirect: boolean): readonly Finding[] {
  const stickiness = (ok: Finding['ok'], says: string, remedy?: string): Finding => ({
    check: 'stickiness',
    ok,
    says,
    ...(remedy !== undefined && { remedy }),
  });
  const routes = (ok: Finding['ok'], says: string, remedy?: string): Finding => ({
    check: 'routes',
    ok,
    says,
    ...(remedy !== undefined && { remedy }),
  });
  switch (pattern.kind) {
    case 'one-node':
      return [stickiness(true, 'there is one node, so every visitor stays there')];
    case 'no-carrier':
      return [
        stickiness(
          'unknown',
          'the nodes set no cookie with a route, so there is nothing that the balancer could follow',
          'mount sessions() with a route, or set STICKY_ROUTE at sign-on: hooks: { onSignOn: [stickyRoute()] }',
        ),
      ];
    case 'followed':
      return [
        stickiness(true, `${pattern.by.carrier.what} leads to its node, beyond chance${ignoring(pattern.ignored)}`),
        routes(true, `the balancer knows the routes ${listed(pattern.by.trials.keys())}`),
      ];
    case 'partly': {
      const { by, lost } = pattern;
      return [
        stickiness(true, `the balancer follows ${by.carrier.what}`),
        routes(
          false,
          `a cookie of ${listed(lost)} does not lead to ${lost.length === 1 ? 'it' : 'them'}: it went to ${listed(wentTo(by, lost))}`,
          `the balancer has no member with this route, or has it out of service: its name there must be exactly ${listed(lost)} (httpd: route= of the BalancerMember; mod_jk: the worker’s name or route)`,
        ),
      ];
    }
    case 'swapped': {
      const leads = [...pattern.leads].filter(([node, to]) => node !== to).map(([node, to]) => `${node} to ${to}`);
      return [
        stickiness(true, `the balancer follows ${pattern.by.carrier.what}`),
        routes(
          false,
          `cookies lead to the wrong nodes: ${leads.join(', ')}`,
          'the balancer’s names for its members are exchanged: each member’s route must be the route of the node at that address',
        ),
      ];
    }
    case 'one-answers':
      return [
        isDirect
          ? stickiness('unknown', `this is ${pattern.node} itself, not a balancer`, 'name the address of the balancer')
          : stickiness(
              'unknown',
              `${pattern.node} answered everything, whichever node was asked for`,
              'the balancer has one member in service, or picks by the visitor’s address: then a visitor changes nodes with his address, and routes are not followed',
            ),
      ];
    case 'blind':
      return [
        stickiness(
          false,
          'no cookie of the nodes leads to its node: requests of one visitor go here and there',
          'name the nodes’ cookie to the balancer, and each node’s route (latchkey balancer prints a configuration)',
        ),
        routes('unknown', 'whether the balancer knows the nodes’ routes cannot be seen while it follows no cookie'),
      ];
    default:
      return pattern satisfies never;
  }
}

/** Where requests for these nodes went. */
function wentTo({ trials }: CarrierResult, lost: readonly string[]): ReadonlySet<string> {
  return new Set(lost.flatMap((node) => [...trials.get(node)!.wanted.keys()].map((to) => to || 'no node')));
}

function ignoring(results: readonly CarrierResult[]): string {
  const names = results.filter(({ carrier }) => carrier.kind !== 'balancer').map(({ carrier }) => carrier.what);
  return names.length === 0 ? '' : `; it does not follow ${listed(names)}, which is no fault where both are sent`;
}

/** After a node has gone, its visitors' cookies name nobody. */
function judgeUnknownRoute(pattern: Pattern, { results, unknownRoute }: Routing): Finding | undefined {
  const check = 'unknown-route';
  if (unknownRoute !== undefined) {
    return {
      check,
      ok: false,
      says: `a cookie with the route of no node was answered ${cameBack(unknownRoute.reply)} (${unknownRoute.carrier.what})`,
      remedy:
        'visitors of a node that is gone get errors until they delete their cookies, though every node could serve them: leave out sticky_session_force (mod_jk), and nofailover=On (httpd), which does so while the node is down',
    };
  }
  if (pattern.kind === 'one-node' || results.length === 0) return undefined;
  return { check, ok: true, says: 'a cookie whose node is gone leads to another one' };
}
