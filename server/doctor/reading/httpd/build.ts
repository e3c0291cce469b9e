/** From directives to the model: what a server has of its own, what it has from the main server, and which of two counts. */

import { accessOf } from './access.ts';
import type { Balancer, HttpdModel, HttpdServer, Location, Member, Mount, Pass, Rewrite } from './model.ts';
import { type Parameter, type Parameters, parametersOf } from './parameters.ts';
import type { Directive, HttpdText } from './text.ts';

export function modelOf({ directives, modules }: HttpdText): HttpdModel {
  const own = directives.filter((one) => one.name !== 'virtualhost');
  const main = serverOf(own, undefined, undefined);
  const hosts = directives
    .filter((one) => one.name === 'virtualhost')
    .map((one) => serverOf(one.inside ?? [], one, main));
  const templates = directives
    .filter((one) => one.name === 'proxyhctemplate')
    .map((one) => [one.words[0] ?? '', parametersOf(one.words.slice(1), one.place)] as const);
  return { main, servers: [main, ...hosts], modules, templates: new Map(templates) };
}

function serverOf(
  directives: readonly Directive[],
  host: Directive | undefined,
  main: HttpdServer | undefined,
): HttpdServer {
  const all = flattened(directives);
  const locations = locationsIn(directives);
  const setting = (name: string) => directives.findLast((one) => one.name === name) ?? main?.setting(name);
  const inherits = setting('proxypassinherit')?.words[0]?.toLowerCase() !== 'off';
  const own = directives.flatMap((one) => passOf(one, undefined) ?? []);
  const passes = [...(main?.passes ?? []), ...own];
  return {
    place: host?.place,
    addresses: host?.words ?? [],
    names: namesIn(directives),
    isTls: directives.some((one) => one.name === 'sslengine' && one.words[0]?.toLowerCase() !== 'off'),
    passes,
    rewrites: rewritesIn(directives),
    balancers: balancersOf(directives, inherits ? (main?.balancers ?? []) : []),
    locations: [...(main?.locations ?? []), ...locations],
    headers: [...(main?.headers ?? []), ...all.filter((one) => one.name === 'header' || one.name === 'requestheader')],
    directives,
    mounts: mountsIn(directives, locations),
    setting,
  };
}

function flattened(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap((one) => [one, ...flattened(one.inside ?? [])]);
}

function namesIn(directives: readonly Directive[]): readonly string[] {
  return directives
    .filter((one) => one.name === 'servername' || one.name === 'serveralias')
    .flatMap((one) =>
      one.words.map((word) =>
        word
          .replace(/^https?:\/\//, '')
          .replace(/:\d+$/, '')
          .toLowerCase(),
      ),
    );
}

/** Undefined: it is no ProxyPass. */
function passOf(
  { name, words, place }: Directive,
  location: { path: string; isPattern: boolean } | undefined,
): Pass | undefined {
  if (name !== 'proxypass' && name !== 'proxypassmatch') return undefined;
  const rest = location === undefined ? words : [location.path, ...words];
  const isTilde = rest[0] === '~';
  const [from, to, ...more] = isTilde ? rest.slice(1) : rest;
  if (from === undefined || to === undefined) return undefined;
  return {
    from,
    to,
    isPattern: isTilde || name === 'proxypassmatch' || location?.isPattern === true,
    parameters: parametersOf(more, place),
    place,
    isInLocation: location !== undefined,
  };
}

function locationsIn(directives: readonly Directive[]): readonly Location[] {
  return directives
    .filter((one) => one.name === 'location' || one.name === 'locationmatch')
    .map(({ name, words, place, inside = [] }) => {
      const isPattern = name === 'locationmatch' || words[0] === '~';
      const path = (words[0] === '~' ? words[1] : words[0]) ?? '/';
      return {
        path,
        isPattern,
        handler: inside.findLast((one) => one.name === 'sethandler')?.words[0],
        pass: inside.flatMap((one) => passOf(one, { path, isPattern }) ?? []).at(-1),
        access: accessOf(inside),
        inside,
        place,
      };
    });
}

/** None unless RewriteEngine is on; those of the main server are not inherited. */
function rewritesIn(directives: readonly Directive[]): readonly Rewrite[] {
  const engine = directives.findLast((one) => one.name === 'rewriteengine');
  if (engine?.words[0]?.toLowerCase() !== 'on') return [];
  const rewrites: Rewrite[] = [];
  let conditions: Rewrite['conditions'] = [];
  for (const { name, words, place } of directives) {
    const [first = '', second = '', third = ''] = words;
    const flags = third
      .replace(/^\[|\]$/g, '')
      .split(',')
      .map((flag) => flag.trim());
    if (name === 'rewritecond') conditions = [...conditions, { test: first, pattern: second, flags }];
    if (name !== 'rewriterule') continue;
    rewrites.push({ pattern: first, to: second, flags, conditions, place });
    conditions = [];
  }
  return rewrites;
}

function mountsIn(directives: readonly Directive[], locations: readonly Location[]): readonly Mount[] {
  const mountOf = ({ name, words, place }: Directive, location: Location | undefined): readonly Mount[] => {
    if (name !== 'jkmount' && name !== 'jkunmount') return [];
    const [path, worker] = location === undefined ? words : [location.path, words[0]];
    if (path === undefined || worker === undefined) return [];
    return [{ isUnmount: name === 'jkunmount', path, worker, location, place }];
  };
  return [
    ...directives.flatMap((one) => mountOf(one, undefined)),
    ...locations.flatMap((location) => location.inside.flatMap((one) => mountOf(one, location))),
  ];
}

/** While it is put together. */
interface Draft {
  readonly name: string;
  readonly members: Member[];
  readonly ignored: Member[];
  readonly parameters: Map<string, Parameter>;
  readonly place: Directive['place'];
}

/** A balancer of the main server that is named again has its members from there, and what is said here counts. */
function balancersOf(directives: readonly Directive[], inherited: readonly Balancer[]): readonly Balancer[] {
  const drafts = new Map<string, Draft>();
  const draft = (url: string, place: Directive['place']): Draft => {
    const name = balancerName(url)!;
    const found = drafts.get(name) ?? { name, members: [], ignored: [], parameters: new Map(), place };
    drafts.set(name, found);
    return found;
  };
  const set = (into: Draft, parameters: Parameters) => {
    for (const [key, value] of parameters) into.parameters.set(key, value);
  };
  const walk = (inside: readonly Directive[], section: string | undefined) => {
    for (const one of inside) {
      const [first = ''] = one.words;
      const url = section ?? first;
      if (one.name === 'balancermember' && balancerName(url) !== undefined) {
        const words = section === undefined ? one.words.slice(1) : one.words;
        const member = memberOf(words, one);
        const into = draft(url, one.place);
        // Named a second time, what it says there is ignored.
        (into.members.some((other) => other.url === member.url) ? into.ignored : into.members).push(member);
      } else if (one.name === 'proxyset' && balancerName(url) !== undefined)
        set(draft(url, one.place), parametersOf(one.words, one.place));
      else if (one.name === 'proxy') {
        if (balancerName(first) !== undefined)
          set(draft(first, one.place), parametersOf(one.words.slice(1), one.place));
        walk(one.inside ?? [], first);
      } else if (one.name === 'location' || one.name === 'locationmatch') walk(one.inside ?? [], undefined);
      else {
        const pass =
          passOf(one, undefined) ?? (section === undefined ? undefined : passOf(one, { path: '/', isPattern: false }));
        if (pass !== undefined && balancerName(pass.to) !== undefined) set(draft(pass.to, one.place), pass.parameters);
      }
    }
  };
  walk(directives, undefined);
  return [...inherited.map(({ name }) => name), ...drafts.keys()]
    .filter((name, index, names) => names.indexOf(name) === index)
    .map((name) => {
      const from = inherited.find((one) => one.name === name);
      const here = drafts.get(name);
      const isFromMain = from !== undefined && from.members.length > 0;
      return {
        name,
        members: isFromMain ? from.members : (here?.members ?? []),
        ignored: [...(from?.ignored ?? []), ...(here?.ignored ?? []), ...(isFromMain ? (here?.members ?? []) : [])],
        parameters: new Map([...(from?.parameters ?? []), ...(here?.parameters ?? [])]),
        place: (here !== undefined && here.members.length > 0 ? here.place : from?.place) ?? here!.place,
      };
    });
}

function memberOf(words: readonly string[], { place }: Directive): Member {
  const url = words.find((word) => !word.includes('=') || /^[a-z0-9]+:\/\//i.test(word)) ?? '';
  const scheme = /^([a-z0-9+.-]+):/i.exec(url.replace(/^unix:[^|]*\|/, ''))?.[1] ?? '';
  return {
    url,
    scheme: scheme.toLowerCase(),
    parameters: parametersOf(
      words.filter((word) => word !== url),
      place,
    ),
    place,
  };
}

/** Undefined: it names no balancer, or one that only the request decides (`balancer://$1/`). */
export function balancerName(url: string): string | undefined {
  return /^balancer:\/\/([\w.-]+)/i.exec(url)?.[1]?.toLowerCase();
}
