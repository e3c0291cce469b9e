/** workers.properties: whether a visitor comes back to his node. */

import type { Check, Fault } from '../check.ts';
import { isSigned, spelling } from '../cookie-names.ts';
import type { JkModel } from './model.ts';
import { yes } from './properties.ts';
import type { BalancingWorker } from './workers.ts';

/** Undefined: no worker balances. */
export function faultsByBalancer(
  { workers }: JkModel,
  look: (balancer: BalancingWorker) => readonly Fault[],
): readonly Fault[] | undefined {
  return workers.balancers.length === 0 ? undefined : workers.balancers.flatMap(look);
}

export const workerChecks: readonly Check<JkModel>[] = [
  {
    name: 'route-duplicate',
    fine: 'No two members have the same route.',
    look: (model) =>
      faultsByBalancer(model, ({ members, name }) =>
        members.flatMap((member, index): readonly Fault[] => {
          const first = members.slice(0, index).find(({ route }) => route === member.route);
          if (first === undefined) return [];
          return [
            {
              says: `${member.name} and ${first.name} of ${name} share the route ${member.route}: mod_jk does not start.`,
              remedy: "Give each the route of its own node; without worker.NAME.route it is the worker's name.",
              at: (model.workers.of(member.name, 'route') ?? model.workers.of(member.name, 'jvm_route'))?.place,
            },
          ];
        }),
      ),
  },
  {
    name: 'route-quoted',
    fine: 'No route has a quote or a space in it.',
    look: (model) =>
      faultsByBalancer(model, ({ members }) =>
        members
          .filter(({ route }) => /["'\s]/.test(route))
          .map(({ name, route }) => ({
            says: `The route ${route} holds a quote or a space. mod_jk takes the quotes of a cookie off, so no cookie leads there.`,
            remedy: `Write worker.${name}.route=${route.replace(/["'\s]/g, '')}.`,
            at: model.workers.of(name, 'route')?.place,
          })),
      ),
  },
  {
    name: 'stickiness',
    fine: 'Visitors come back to their node, or none is said to be theirs.',
    look: (model) =>
      faultsByBalancer(model, ({ isSticky, members, name }) => {
        const routed = members.find((one) => model.workers.of(one.name, 'route') !== undefined);
        if (isSticky || routed === undefined) return [];
        return [
          {
            says: `The members of ${name} have routes, but sticky_session=0: the routes are never looked at.`,
            remedy: `If visitors are to come back to their node, write worker.${name}.sticky_session=1.`,
            at: model.workers.of(name, 'sticky_session')?.place,
            isUnsure: true,
          },
        ];
      }),
  },
  {
    name: 'failover-forbidden',
    fine: 'Whoever comes for a node that is away gets another.',
    look: (model) =>
      faultsByBalancer(model, ({ name, isSticky, isForced }) =>
        isSticky && isForced
          ? [
              {
                says: `sticky_session_force: whoever's node is away gets an error until it is back, and so does whoever comes with an old cookie, although every node knows who is signed on.`,
                remedy: `Write worker.${name}.sticky_session_force=0.`,
                at: model.workers.of(name, 'sticky_session_force')?.place,
              },
            ]
          : [],
      ),
  },
  {
    name: 'sticky-cookie-name',
    fine: 'The name of the cookie is spelt as applications spell it.',
    look: (model) =>
      faultsByBalancer(model, ({ name, cookie, path, isSticky }) => {
        const faults: Fault[] = [];
        const at = model.workers.of(name, 'session_cookie')?.place;
        const right = spelling(cookie);
        if (isSticky && right !== undefined)
          faults.push({
            says: `session_cookie=${cookie} looks for a cookie "${cookie}"; it is called ${right}, and case counts.`,
            remedy: `Write worker.${name}.session_cookie=${right}.`,
            at,
          });
        if (isSticky && isSigned(cookie))
          faults.push({
            says: `${cookie} is signed (s:ID.SIGNATURE): what follows its first dot is the signature, never a route.`,
            remedy: 'Name a cookie that carries the route: STICKY_ROUTE of stickyRoute(), or the cookie of sessions().',
            at,
          });
        if (isSticky && !path.startsWith(';'))
          faults.push({
            says: `session_path=${path} has no semicolon: any part of a path that ends with "${path}" and an equals sign is taken for it.`,
            remedy: `Write worker.${name}.session_path=;${path}.`,
            at: model.workers.of(name, 'session_path')?.place,
          });
        return faults;
      }),
  },
  {
    name: 'session-cookie-invented',
    fine: 'mod_jk sets no cookie in the place of the application.',
    look: (model) =>
      faultsByBalancer(model, ({ name, cookie }) => {
        const set = model.workers.of(name, 'set_session_cookie');
        if (!yes(set?.value, false) || /route|balance/i.test(cookie)) return [];
        return [
          {
            says: `set_session_cookie: mod_jk sets a cookie ${cookie} of its own to whoever comes without a route, and it overwrites the application's session.`,
            remedy: `Take it away, or give it a name of its own: worker.${name}.session_cookie=ROUTEID.`,
            at: set!.place,
          },
        ];
      }),
  },
  {
    name: 'redirect-unknown',
    fine: 'Every redirect names the route of a member.',
    look: (model) =>
      faultsByBalancer(model, ({ members }) =>
        members
          .filter(({ redirect }) => redirect !== undefined && !members.some(({ route }) => route === redirect))
          .map(({ name, redirect }) => ({
            says: `worker.${name}.redirect=${redirect} is the route of no member.`,
            remedy: 'Name the route of the member that takes its place.',
            at: model.workers.of(name, 'redirect')?.place,
          })),
      ),
  },
  {
    name: 'domain',
    fine: 'Every route is of the domain that its worker is in.',
    look: (model) =>
      faultsByBalancer(model, ({ members }) =>
        members
          .filter(({ route, domain }) => route.includes('.') && domain !== route.split('.', 1)[0])
          .map(({ name, route, domain }) => ({
            says: `worker.${name}.domain=${domain}, but of the route ${route} mod_jk reads the domain ${route.split('.', 1)[0]}: once its node is away, nobody of ${domain} takes over.`,
            remedy: `Write worker.${name}.domain=${route.split('.', 1)[0]}, or begin the route with "${domain}.".`,
            at: model.workers.of(name, 'domain')?.place,
          })),
      ),
  },
];
