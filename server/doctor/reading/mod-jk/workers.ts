/** The workers of mod_jk, from their properties: what is listed, what balances, who its members are. */

import type { Place } from '../place.ts';
import { type Properties, type Property, wordsOf, yes } from './properties.ts';
import type { JkBalancer, JkMember } from './route.ts';

export interface Workers {
  readonly properties: Properties;
  /** Those that may be mounted: worker.list, and where it stands. */
  readonly listed: readonly string[];
  readonly list: Property | undefined;
  /** All names of which something is said. */
  readonly names: readonly string[];
  readonly balancers: readonly BalancingWorker[];
  /** A property of a worker, references followed; undefined: not said. */
  readonly of: (worker: string, property: string) => Property | undefined;
  readonly typeOf: (worker: string) => string;
}

export interface BalancingWorker extends JkBalancer {
  readonly place: Place;
  /** The names of its members, also of those of which nothing is said. */
  readonly memberNames: readonly string[];
}

export function workersOf(properties: Properties): Workers {
  const of = (worker: string, property: string) => properties.values.get(`worker.${worker}.${property}`);
  const names = [
    ...new Set([...properties.values.keys()].flatMap((key) => /^worker\.([^.]+)\.[^.]+$/.exec(key)?.[1] ?? [])),
  ];
  const typeOf = (worker: string) => of(worker, 'type')?.value ?? 'ajp13';
  const list = properties.values.get('worker.list');
  return {
    properties,
    listed: wordsOf(list?.value),
    list,
    names,
    of,
    typeOf,
    balancers: names.filter((name) => typeOf(name) === 'lb').map((name) => balancerOf(name, of)),
  };
}

function balancerOf(name: string, of: Workers['of']): BalancingWorker {
  const members = of(name, 'balance_workers') ?? of(name, 'balanced_workers');
  const memberNames = wordsOf(members?.value);
  return {
    name,
    place: members?.place ?? of(name, 'type')!.place,
    memberNames,
    isSticky: yes(of(name, 'sticky_session')?.value, true),
    isForced: yes(of(name, 'sticky_session_force')?.value, false),
    cookie: of(name, 'session_cookie')?.value ?? 'JSESSIONID',
    path: of(name, 'session_path')?.value ?? ';jsessionid',
    members: memberNames.map((member) => memberOf(member, of)),
  };
}

function memberOf(name: string, of: Workers['of']): JkMember {
  const route = (of(name, 'route') ?? of(name, 'jvm_route'))?.value ?? name;
  const domain = of(name, 'domain')?.value ?? (route.includes('.') ? route.split('.', 1)[0] : undefined);
  return {
    name,
    route,
    domain,
    redirect: of(name, 'redirect')?.value,
    activation: activationOf(name, of),
    distance: Number(of(name, 'distance')?.value ?? 0),
    isDown: false,
  };
}

function activationOf(name: string, of: Workers['of']): JkMember['activation'] {
  const said = of(name, 'activation')?.value.toLowerCase();
  // A port of 0 is a member that is kept in reserve.
  if (said?.startsWith('s') || of(name, 'port')?.value === '0') return 'stopped';
  if (said?.startsWith('d')) return 'disabled';
  if (said !== undefined) return 'active';
  if (yes(of(name, 'stopped')?.value, false)) return 'stopped';
  return yes(of(name, 'disabled')?.value, false) ? 'disabled' : 'active';
}
