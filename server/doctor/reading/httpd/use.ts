/** Questions that several checks ask of the model: which balancers are used where, and by what. */

import type { Place } from '../place.ts';
import { balancerName } from './build.ts';
import type { Balancer, HttpdModel, HttpdServer, Member, Pass } from './model.ts';

/** What passes requests on: ProxyPass in or outside a Location, and RewriteRule with P. */
export interface Outlet {
  readonly to: string;
  readonly place: Place;
  /** Undefined: a RewriteRule. */
  readonly pass: Pass | undefined;
  /** It is for WebSockets only, or for them too. */
  readonly isForUpgrades: boolean;
}

/** What stands in this server itself. */
export function outletsOf(server: HttpdServer, { main }: HttpdModel): readonly Outlet[] {
  const inherited = server === main ? [] : main.passes;
  const located = server.locations.flatMap(({ pass }) => pass ?? []);
  const passes = [...server.passes.filter((one) => !inherited.includes(one)), ...located].filter(
    ({ to }) => to !== '!',
  );
  return [
    ...passes.map((pass) => ({
      to: pass.to,
      place: pass.place,
      pass,
      isForUpgrades: /^wss?:/i.test(pass.to) || pass.parameters.has('upgrade'),
    })),
    ...server.rewrites
      .filter(({ flags }) => flags.some((flag) => /^p(?:roxy)?$/i.test(flag)))
      .map(({ to, place, conditions }) => ({
        to,
        place,
        pass: undefined,
        isForUpgrades: /^wss?:/i.test(to) || conditions.some(({ test }) => /HTTP:(?:Upgrade|Connection)/i.test(test)),
      })),
  ];
}

/** Undefined: nothing is passed on. */
export function outletsIn(
  model: HttpdModel,
): readonly { readonly server: HttpdServer; readonly outlet: Outlet }[] | undefined {
  const found = model.servers.flatMap((server) => outletsOf(server, model).map((outlet) => ({ server, outlet })));
  return found.length === 0 ? undefined : found;
}

/** Whether what goes there goes by HTTP; of a balancer: to any of its members. */
export function isHttp(url: string, { balancers }: HttpdServer): boolean {
  const name = balancerName(url);
  if (name === undefined) return /^https?:/i.test(url);
  return balancers.find((one) => one.name === name)?.members.some(({ scheme }) => scheme.startsWith('http')) === true;
}

export interface UsedBalancer {
  readonly server: HttpdServer;
  readonly balancer: Balancer;
  /** Undefined: it is defined, and nothing leads there. */
  readonly outlet: Outlet | undefined;
}

/** Once for each server that leads there, with what counts in that server. */
export function usedBalancers(model: HttpdModel): readonly UsedBalancer[] {
  const used = model.servers.flatMap((server) => {
    const seen = new Set<string>();
    return outletsOf(server, model).flatMap((outlet) => {
      const name = balancerName(outlet.to);
      const balancer = server.balancers.find((one) => one.name === name);
      if (balancer === undefined || seen.has(balancer.name)) return [];
      seen.add(balancer.name);
      return [{ server, balancer, outlet }];
    });
  });
  const unused = model.servers.flatMap((server) =>
    server.balancers
      .filter(({ name }) => !used.some(({ balancer }) => balancer.name === name))
      .map((balancer) => ({ server, balancer, outlet: undefined })),
  );
  return [...used, ...unused];
}

/** Undefined: no balancer has any. */
export function membersIn(
  model: HttpdModel,
): readonly { readonly member: Member; readonly used: UsedBalancer }[] | undefined {
  const members = usedBalancers(model).flatMap((used) => used.balancer.members.map((member) => ({ member, used })));
  return members.length === 0 ? undefined : members;
}

/** Undefined: no balancer has any members. */
export function filledBalancers(model: HttpdModel): readonly UsedBalancer[] | undefined {
  const filled = usedBalancers(model).filter(({ balancer }) => balancer.members.length > 0);
  return filled.length === 0 ? undefined : filled;
}

/** Undefined: no balancer is sticky. */
export function stickyBalancers(model: HttpdModel): readonly UsedBalancer[] | undefined {
  const found = (filledBalancers(model) ?? []).filter(
    ({ balancer }) => balancer.parameters.get('stickysession')?.value,
  );
  return found.length === 0 ? undefined : found;
}

/** `http://192.168.1.10:8282`, without a path. */
export function originOf(url: string): string {
  return url.toLowerCase().split('/').slice(0, 3).join('/');
}
