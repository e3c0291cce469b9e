/** The way of one request through httpd: virtual host, RewriteRule, ProxyPass, balancer, member. */

import {
  type Asked,
  type AskedParts,
  askedInWords,
  either,
  type Journey,
  otherSpelling,
  partsOf,
  timesSent,
} from '../journey.ts';
import { placed } from '../place.ts';
import { balancerName } from './build.ts';
import type { Balancer, HttpdModel, HttpdServer, Member } from './model.ts';
import { isOn } from './parameters.ts';
import { passOf } from './path.ts';
import { rewritten } from './rewrite.ts';
import { type HttpdBalancer, type HttpdMember, type HttpdRouting, routeOfHttpd, stickyOf } from './route.ts';

/** @param onward asked where no ProxyPass takes the path: mod_jk's mounts come after it */
export function journeyThroughHttpd(
  asked: Asked,
  model: HttpdModel,
  onward: (server: HttpdServer, path: string) => Journey | undefined,
): Journey {
  const url = partsOf(asked.url ?? '/');
  const server = serverFor(url, model);
  const steps = [`${nameOf(server)} answers it.`];
  const end = (to: string, ...last: readonly string[]): Journey => ({
    asked: askedInWords(asked),
    steps: [...steps, ...last],
    to,
  });

  const isTls = url.isTls ?? server.isTls;
  const after = rewritten({ host: url.host, isTls, path: url.path, query: url.query, cookie: asked.cookie }, server);
  if (after.kind === 'unknown')
    return end(
      'not known',
      `The RewriteRule at ${placed(after.by.place)} depends on what only the running server knows.`,
    );
  if (after.kind === 'answered') return end(after.says, `The RewriteRule at ${placed(after.by.place)} answers it.`);
  if (after.kind === 'passed') {
    steps.push(`The RewriteRule at ${placed(after.by.place)} passes it on to ${after.to}.`);
    return throughProxy(after.to, asked, server, end);
  }
  if (after.kind === 'file')
    return end(
      'httpd itself',
      `The RewriteRule at ${placed(after.by.place)} makes it a file of its own: without PT no ProxyPass is asked.`,
    );
  for (const { place } of after.by) steps.push(`The RewriteRule at ${placed(place)} makes it ${after.path}.`);

  const passed = passOf(after.path, server);
  if (passed === undefined) {
    const other = onward(server, after.path);
    if (other !== undefined) return { ...other, steps: [...steps, ...other.steps] };
    return end('httpd itself', 'No ProxyPass takes it.');
  }
  const { pass } = passed;
  if (passed.to === undefined)
    return end('httpd itself', `ProxyPass ${pass.from} ! (${placed(pass.place)}) says that it is not passed on.`);
  steps.push(`ProxyPass ${pass.from} (${placed(pass.place)}) makes it ${passed.to}.`);
  return throughProxy(after.query === '' ? passed.to : `${passed.to}?${after.query}`, asked, server, end);
}

function throughProxy(
  to: string,
  { cookie }: Asked,
  server: HttpdServer,
  end: (to: string, ...last: readonly string[]) => Journey,
): Journey {
  const name = balancerName(to);
  if (name === undefined) {
    const scheme = /^([a-z0-9+.-]+):/i.exec(to)?.[1]?.toLowerCase() ?? '';
    if (schemes.has(scheme)) return end(to.split('/').slice(0, 3).join('/'), 'That is one server, not a balancer.');
    return end('500', `No module of httpd speaks "${scheme}://". A balancer is named balancer://NAME.`);
  }
  const balancer = server.balancers.find((one) => one.name === name);
  // One that ProxyPass names is there, if empty; one that comes of the request or of a RewriteRule is not.
  if (balancer === undefined) return end('500', `There is no balancer "${name}" here.`);
  if (balancer.members.length === 0) return end('503', `The balancer "${name}" has no members here.`);
  const path = to.slice('balancer://'.length + name.length);
  const routing = routeOfHttpd(cookie, path, routingOf(balancer));
  return end(destination(routing), ...explained(routing, balancer, cookie));
}

/** What a request can be passed on to. */
export const schemes: ReadonlySet<string> = new Set([
  ...['http', 'https', 'ws', 'wss', 'ajp', 'fcgi', 'scgi', 'uwsgi', 'h2', 'h2c', 'ftp', 'fdpass', 'unix', 'balancer'],
]);

/** The one whose name it is, else the first that listens there; of a path alone the first that passes anything on. */
function serverFor({ host, isTls }: AskedParts, { servers, main }: HttpdModel): HttpdServer {
  const hosts = servers.slice(1);
  if (hosts.length === 0) return main;
  const [name, port] = host === undefined ? [] : [host.replace(/:\d+$/, ''), /:(\d+)$/.exec(host)?.[1]];
  const wanted = port ?? (isTls === undefined ? undefined : isTls ? '443' : '80');
  const onPort = hosts.filter(({ addresses }) =>
    addresses.some((one) => wanted === undefined || !/:\d+$/.test(one) || one.endsWith(`:${wanted}`)),
  );
  const named = onPort.find(({ names }) => name !== undefined && names.some((one) => isName(name, one)));
  const busy = hosts.find((one) => one.passes.length + one.rewrites.length + one.mounts.length > 0);
  return named ?? (host === undefined ? (busy ?? main) : (onPort[0] ?? main));
}

function isName(name: string, wanted: string): boolean {
  const text = wanted
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`).test(name);
}

export function nameOf({ place, names, addresses }: HttpdServer): string {
  if (place === undefined) return 'The main server';
  return `The virtual host ${names[0] ?? addresses.join(' ')} (${placed(place)})`;
}

/** From what stands there; all members are taken to be up, except those that are switched off. */
export function routingOf({ members, parameters }: Balancer): HttpdBalancer {
  const value = (key: string) => parameters.get(key)?.value;
  const name = value('stickysession');
  return {
    sticky: name
      ? stickyOf(
          name,
          value('stickysessionsep'),
          isOn(parameters.get('scolonpathdelim')),
          isOn(parameters.get('nofailover')),
        )
      : undefined,
    members: members.map(memberFor),
  };
}

function memberFor({ url, parameters }: Member): HttpdMember {
  const flags = new Set<string>();
  let isAdded = true;
  for (const letter of parameters.get('status')?.value.toUpperCase() ?? '') {
    if (letter === '+' || letter === '-') isAdded = letter === '+';
    else if (isAdded) flags.add(letter);
    else flags.delete(letter);
  }
  const has = (...letters: string[]) => letters.some((letter) => flags.has(letter));
  return {
    url,
    route: parameters.get('route')?.value,
    redirect: parameters.get('redirect')?.value,
    isUsable: !has('D', 'S', 'E'),
    isStandby: has('H', 'R'),
    isDraining: has('N'),
    set: Number(parameters.get('lbset')?.value ?? 0),
  };
}

function labelOf({ url, route }: HttpdMember): string {
  return route === undefined ? url : `${route} (${url})`;
}

function destination(routing: HttpdRouting): string {
  if (routing.kind === 'refused') return String(routing.status);
  if (routing.kind === 'member') return labelOf(routing.member);
  return `whoever has the least to do: ${either(routing.among.map(labelOf))}`;
}

function explained(
  routing: HttpdRouting,
  { members, parameters, name }: Balancer,
  cookie: string | undefined,
): readonly string[] {
  const sticky = parameters.get('stickysession')?.value;
  const routes = either(members.flatMap((one) => one.parameters.get('route')?.value ?? []));
  if (routing.kind === 'refused')
    return [
      routing.why === 'forced'
        ? 'Its node is away, and nofailover=On forbids another.'
        : `No member of ${name} may be asked.`,
    ];
  if (routing.kind === 'balanced' && routing.why === 'not-sticky')
    return [`The balancer "${name}" has no stickysession: no cookie plays a part.`];
  const { found } = routing;
  if (found === undefined)
    return [
      `Neither the address nor the cookies hold "${sticky}" with something behind it.${otherSpelling(cookie, sticky!.split('|', 1)[0]!)}`,
    ];
  const times = timesSent(cookie, sticky!.split('|', 1)[0]!);
  const where =
    found.from === 'address'
      ? 'The address (it comes before any cookie)'
      : times > 1
        ? `The first of ${times} cookies of that name (httpd looks at no other)`
        : 'The cookie';
  if (found.route === undefined)
    return [
      `${where} holds no route: there is no "${parameters.get('stickysessionsep')?.value ?? '.'}" with something behind it.`,
    ];
  const says = `${where} names the route ${quoted(found.route)}.`;
  if (routing.kind === 'member')
    return [
      says,
      routing.isSubstitute
        ? 'Its member may not be asked; redirect= names another.'
        : 'A member has exactly this route.',
    ];
  if (routing.why === 'unusable') return [says, 'Its member may not be asked.'];
  return [says, `No member has this route; the routes are: ${routes || 'none'}.${hintOf(found.route, members)}`];
}

function quoted(route: string): string {
  return route.includes('"') ? `'${route}'` : `"${route}"`;
}

/** What a person would try next. */
function hintOf(route: string, members: readonly Member[]): string {
  const routes = members.flatMap((one) => one.parameters.get('route')?.value ?? []);
  const bare = (text: string) => text.replaceAll('"', '').trim();
  if (routes.some((one) => bare(one) === bare(route)))
    return ' Only quotes or spaces differ: httpd takes none of them off.';
  if (routes.some((one) => one.toLowerCase() === route.toLowerCase())) return ' Only the case differs.';
  const last = route.split('.').at(-1)!;
  if (last !== route && routes.includes(last))
    return ' The route is all behind the first dot; a signed cookie has a dot of its own before it.';
  return '';
}
