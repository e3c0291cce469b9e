/** Whether a visitor comes back to his node: routes, the cookie's name, what separates the two. */

import type { Check, Fault } from '../check.ts';
import { isSigned, spelling } from '../cookie-names.ts';
import { balancerName } from './build.ts';
import type { HttpdModel, Member } from './model.ts';
import { isOn } from './parameters.ts';
import { filledBalancers, membersIn, outletsOf, stickyBalancers, type UsedBalancer } from './use.ts';

const routeOf = ({ parameters }: Member) => parameters.get('route');

function faultsOf(
  all: readonly UsedBalancer[] | undefined,
  look: (used: UsedBalancer) => readonly Fault[],
): readonly Fault[] | undefined {
  return all?.flatMap(look);
}

export const stickyChecks: readonly Check<HttpdModel>[] = [
  {
    name: 'stickiness',
    fine: 'Visitors come back to their node, or none is said to be theirs.',
    look: (model) =>
      faultsOf(filledBalancers(model), ({ balancer }) =>
        balancer.parameters.get('stickysession')?.value || !balancer.members.some(routeOf)
          ? []
          : [
              {
                says: `The members of ${balancer.name} have routes, but the balancer has no stickysession: the routes are never looked at.`,
                remedy:
                  'If visitors are to come back to their node, add stickysession=NAME to its ProxyPass or ProxySet; NAME is the cookie that carries the route.',
                at: balancer.place,
                isUnsure: true,
              },
            ],
      ),
  },
  {
    name: 'route-missing',
    fine: 'Every member of a sticky balancer has a route.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) =>
        balancer.members
          .filter((member) => !routeOf(member)?.value)
          .map(({ url, place }) => ({
            says: `${url} has no route=: no cookie can ever lead to it.`,
            remedy:
              "Add route=NAME, with the route that the node has (latchkey's default is its host name, dots turned into dashes).",
            at: place,
          })),
      ),
  },
  {
    name: 'route-duplicate',
    fine: 'No two members have the same route.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) =>
        balancer.members.flatMap((member, index): readonly Fault[] => {
          const route = routeOf(member);
          const first = balancer.members.slice(0, index).find((other) => routeOf(other)?.value === route?.value);
          if (!route?.value || first === undefined) return [];
          return [
            {
              says: `${member.url} has the route ${route.value} of ${first.url}: everybody of this route goes to ${first.url}.`,
              remedy: 'Give each member the route of its own node.',
              at: route.place,
            },
          ];
        }),
      ),
  },
  {
    name: 'route-quoted',
    fine: 'No route has a quote or a space in it.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member }): readonly Fault[] => {
        const route = routeOf(member);
        if (!/["'\s]/.test(route?.value ?? '')) return [];
        const bare = route!.value.replace(/["'\s]/g, '');
        return [
          {
            says: `The route ${route!.value} holds a quote. It fits cookies whose value is quoted ("route.${bare}"), as Zope writes them, and no others.`,
            remedy: `Write route=${bare} and set the cookie unquoted, as stickyRoute() does; while Zope still sets it, let all write it quoted (stickyRoute({ quoted: 'zope' })).`,
            at: route!.place,
          },
        ];
      }),
  },
  {
    name: 'sticky-cookie-name',
    fine: 'The name of the cookie is spelt as applications spell it.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) => {
        const { value, place } = balancer.parameters.get('stickysession')!;
        const right = spelling(value.split('|', 1)[0]!);
        if (right === undefined) return [];
        return [
          {
            says: `stickysession=${value} looks for a cookie "${value.split('|', 1)[0]}"; it is called ${right}, and case counts.`,
            remedy:
              right === 'JSESSIONID'
                ? 'Write stickysession=JSESSIONID|jsessionid scolonpathdelim=On.'
                : `Write stickysession=${right}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'sticky-cookie-signed',
    fine: 'The cookie is none that is signed behind its route.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) => {
        const { value, place } = balancer.parameters.get('stickysession')!;
        if (!isSigned(value.split('|', 1)[0]!)) return [];
        return [
          {
            says: 'connect.sid is signed (s:ID.SIGNATURE): what follows its first dot is the signature, never a route.',
            remedy: 'Name a cookie that carries the route: STICKY_ROUTE of stickyRoute(), or the cookie of sessions().',
            at: place,
          },
        ];
      }),
  },
  {
    name: 'sticky-separator',
    fine: 'The route is what follows the first dot, as the nodes write it.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ server, balancer }) => {
        const separator = balancer.parameters.get('stickysessionsep');
        if (separator === undefined || separator.value === '.') return [];
        const name = balancer.parameters.get('stickysession')!.value.split('|', 1)[0]!;
        // httpd itself may write the cookie, in the form that it reads.
        if (server.headers.some(({ text }) => text.includes(`${name}=`) && text.includes('BALANCER_WORKER_ROUTE')))
          return [];
        return [
          {
            says: `stickysessionsep=${separator.value}: the nodes write ID.ROUTE and route.ROUTE, with a dot.`,
            remedy: 'Take stickysessionsep away.',
            at: separator.place,
          },
        ];
      }),
  },
  {
    name: 'path-delimiter',
    fine: 'A route in the address ends where the next parameter begins.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) => {
        const { value, place } = balancer.parameters.get('stickysession')!;
        const parameter = value.split('|')[1];
        if (parameter === undefined || !/^\w+$/.test(parameter) || isOn(balancer.parameters.get('scolonpathdelim')))
          return [];
        return [
          {
            says: `Behind ;${parameter}=ID.ROUTE everything counts as the route, up to "?" or "&": /a;${parameter}=ID.ROUTE;v=1 finds no member.`,
            remedy: 'Add scolonpathdelim=On.',
            at: place,
          },
        ];
      }),
  },
  {
    name: 'sticky-disagreement',
    fine: 'All that leads to a balancer names the same cookie.',
    look: (model) => {
      if (stickyBalancers(model) === undefined) return undefined;
      return model.servers.flatMap((server) => {
        const last = new Map<string, string>();
        return outletsOf(server, model).flatMap(({ to, pass }): readonly Fault[] => {
          const name = balancerName(to);
          const sticky = pass?.parameters.get('stickysession');
          if (name === undefined || sticky === undefined) return [];
          const before = last.get(name);
          last.set(name, sticky.value);
          if (before === undefined || before === sticky.value) return [];
          return [
            {
              says: `The balancer ${name} was given stickysession=${before} before; it has one only, and this one counts for all that leads to it.`,
              remedy: 'Say it once, in <Proxy balancer://…> with ProxySet, or use two balancers.',
              at: sticky.place,
            },
          ];
        });
      });
    },
  },
  {
    name: 'failover-forbidden',
    fine: 'Whoever comes for a node that is away gets another.',
    look: (model) =>
      faultsOf(stickyBalancers(model), ({ balancer }) => {
        const forbidden = balancer.parameters.get('nofailover');
        if (!isOn(forbidden)) return [];
        return [
          {
            says: `nofailover=On: whoever's node is away gets 503 until it is back, although every node knows who is signed on.`,
            remedy: 'Take nofailover away.',
            at: forbidden!.place,
          },
        ];
      }),
  },
  {
    name: 'redirect-unknown',
    fine: 'Every redirect= names the route of a member.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member, used }): readonly Fault[] => {
        const redirect = member.parameters.get('redirect');
        if (redirect === undefined || used.balancer.members.some((one) => routeOf(one)?.value === redirect.value))
          return [];
        return [
          {
            says: `redirect=${redirect.value} is the route of no member.`,
            remedy: 'Name the route of the member that takes its place.',
            at: redirect.place,
          },
        ];
      }),
  },
];
