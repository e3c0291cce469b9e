/**
 * What brings a route to a balancer: the cookies that the nodes say they set, and those that the balancer sets
 * itself. A carrier makes the cookie for a route, and one like it that names nobody.
 */

import type { ProbeAnswer } from '../../sso/index.ts';
import { answerOf, type Chance, type Reply } from './asking.ts';
import type { ClusterView } from './cluster.ts';

export interface Carrier {
  readonly kind: 'sticky' | 'session' | 'balancer';
  /** The cookie's name. */
  readonly name: string;
  /** What it is, for a sentence. */
  readonly what: string;
  /** The cookie's value for a node, new each time where it can be; `undefined`: none is known. */
  readonly value: (node: string, chance: Chance) => string | undefined;
  /** Nodes expect it in double quotes. */
  readonly quoted: boolean;
}

/** More would take minutes; applications mostly share one cookie. */
const carriersAtMost = 6;

export function carriersOf({ latest }: ClusterView, replies: readonly Reply[]): readonly Carrier[] {
  const answers = [...latest.values()];
  const found = [...answers.flatMap(stickyCarriers), ...answers.flatMap(sessionCarriers)];
  const known = new Set([...found.map(({ name }) => name), ...answers.map(({ cookies }) => cookies.sso.name)]);
  const all = [...found, ...balancerCarriers(replies, known)];
  return all.filter(({ name }, index) => all.findIndex((one) => one.name === name) === index).slice(0, carriersAtMost);
}

function stickyCarriers({ cookies }: ProbeAnswer): readonly Carrier[] {
  return cookies.sticky.map(({ name, quoted }) => ({
    kind: 'sticky',
    name,
    what: `the sticky cookie ${name}`,
    value: (node) => (quoted ? `"route.${node}"` : `route.${node}`),
    quoted,
  }));
}

function sessionCarriers({ cookies }: ProbeAnswer): readonly Carrier[] {
  return cookies.sessions.map(({ app, name }) => ({
    kind: 'session',
    name,
    what: `the session cookie ${name} of ${app}`,
    value: (node, chance) => `${idLike(chance)}.${node}`,
    quoted: false,
  }));
}

/** Cookies that came with the probe's answer though no node says that it sets them. */
function balancerCarriers(replies: readonly Reply[], known: ReadonlySet<string>): readonly Carrier[] {
  const values = new Map<string, Map<string, string>>();
  for (const reply of replies) {
    const node = answerOf(reply)?.node;
    for (const line of node === undefined || reply.kind !== 'answered' ? [] : reply.setCookies) {
      const [name, value] = pairOf(line);
      if (name === '' || value === '' || known.has(name)) continue;
      if (!values.has(name)) values.set(name, new Map());
      values.get(name)!.set(node!, value);
    }
  }
  return [...values].map(([name, byNode]) => ({
    kind: 'balancer',
    name,
    what: `the balancer's own cookie ${name}`,
    value: (node) => byNode.get(node),
    quoted: false,
  }));
}

/** As long as an id of ours, so that nodes take it for one that they do not know. */
export function idLike(chance: Chance): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 65 }, () => letters[Math.floor(chance() * letters.length)]).join('');
}

/** Name and value of a Set-Cookie line. */
export function pairOf(line: string): readonly [name: string, value: string] {
  const pair = line.split(';', 1)[0]!;
  const at = pair.indexOf('=');
  return at === -1 ? ['', pair.trim()] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
