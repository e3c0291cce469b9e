/** The way of one request through mod_jk: mount, balancing worker, member. */

import { type Asked, askedInWords, either, type Journey, otherSpelling, partsOf } from '../journey.ts';
import { placed } from '../place.ts';
import type { JkModel, JkServer } from './model.ts';
import { mountOf, withoutParameters } from './mounts.ts';
import { type JkMember, type JkRouting, routeOfModJk } from './route.ts';
import type { BalancingWorker } from './workers.ts';

/** Undefined: nothing mounts the path. */
export function journeyThroughJk(
  asked: Asked,
  path: string,
  server: JkServer,
  { workers }: JkModel,
): Journey | undefined {
  const mounted = mountOf(withoutParameters(path), server.rules);
  if (mounted === undefined) return undefined;
  const { rule, unmountedBy } = mounted;
  const steps = [`${rule.path} (${placed(rule.place)}) gives it to the worker ${rule.worker}.`];
  const end = (to: string, ...last: readonly string[]): Journey => ({
    asked: askedInWords(asked),
    steps: [...steps, ...last],
    to,
  });
  if (unmountedBy !== undefined)
    return end('httpd itself', `${unmountedBy.path} (${placed(unmountedBy.place)}) takes it away again.`);
  const balancer = workers.balancers.find((one) => one.name === rule.worker);
  if (balancer !== undefined) {
    const routing = routeOfModJk(asked.cookie, path, balancer);
    return end(destination(routing), ...explained(routing, balancer, asked.cookie));
  }
  if (!workers.names.includes(rule.worker) || !workers.listed.includes(rule.worker))
    return end('500', `There is no worker ${rule.worker} in worker.list.`);
  if (workers.typeOf(rule.worker) === 'status') return end('the status worker', 'It shows and changes the balancers.');
  const address = `${workers.of(rule.worker, 'host')?.value ?? 'localhost'}:${workers.of(rule.worker, 'port')?.value ?? '8009'}`;
  return end(`${rule.worker} (${address})`, 'That is one node, not a balancer.');
}

/** Without httpd's part: everything is taken to be mounted to the one balancer there is. */
export function journeyWithoutMounts(asked: Asked, { workers, file }: JkModel): Journey {
  const balancer = workers.balancers.find(({ name }) => workers.listed.includes(name)) ?? workers.balancers[0];
  if (balancer === undefined)
    return { asked: askedInWords(asked), steps: [`No worker in ${file} balances.`], to: 'not known' };
  const routing = routeOfModJk(asked.cookie, partsOf(asked.url ?? '/').path, balancer);
  const steps = [
    `No JkMount was read: taken to be mounted to ${balancer.name}.`,
    ...explained(routing, balancer, asked.cookie),
  ];
  return { asked: askedInWords(asked), steps, to: destination(routing) };
}

function labelOf({ name, route }: JkMember): string {
  return name === route ? name : `${name} (route ${route})`;
}

function destination(routing: JkRouting): string {
  if (routing.kind === 'refused') return String(routing.status);
  if (routing.kind === 'member') return labelOf(routing.member);
  return `whoever has the least to do: ${either(routing.among.map(labelOf))}`;
}

function explained(
  routing: JkRouting,
  { name, cookie, path, members }: BalancingWorker,
  sent: string | undefined,
): readonly string[] {
  if (routing.kind === 'refused')
    return [
      routing.why === 'forced'
        ? 'Its node is not there, and sticky_session_force forbids another.'
        : `No member of ${name} may be asked.`,
    ];
  if (routing.kind === 'balanced' && routing.why === 'not-sticky')
    return [`${name} has sticky_session=0: no cookie plays a part.`];
  if (routing.kind === 'member' && routing.how === 'only') return [`${name} has this one member.`];
  const { found } = routing;
  if (found === undefined)
    return [
      `Neither the path holds "${path}=" nor the cookies "${cookie}=" with something behind it.${otherSpelling(sent, cookie)}`,
    ];
  const where = found.from === 'path' ? 'The path (it comes before any cookie)' : 'The cookie';
  if (found.route === undefined) return [`${where} holds no route: there is no dot in it.`];
  const says = `${where} names the route "${found.route}".`;
  if (routing.kind === 'member')
    return [
      says,
      routing.how === 'route'
        ? 'A member has exactly this route.'
        : 'Its member may not be asked; its redirect names another.',
    ];
  if (routing.why === 'domain') return [says, 'No member of this route may be asked; these are of its domain.'];
  if (routing.why === 'unusable') return [says, 'Its member may not be asked.'];
  return [says, `No member has this route; the routes are: ${either(members.map((one) => one.route))}.`];
}
