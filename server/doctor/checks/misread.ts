/**
 * Why a balancer follows no cookie: it may read another one, or read ours otherwise. Each guess is tried as
 * such a balancer would need it (VALVE-BEHAVIOUR part 3, the Plone page); the one that works is the reason.
 */

import { nodeOf, type Question } from '../asking.ts';
import { type Carrier, idLike } from '../carriers.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { carrying } from '../routing.ts';
import { follows } from '../trial.ts';

interface Guess {
  readonly check: string;
  readonly question: (node: string) => Question;
  readonly says: string;
  readonly remedy: string;
}

/** Names that examples and applications use. Case counts to a balancer, so that each is tried as others write it. */
const usualNames = ['STICKY_ROUTE', 'JSESSIONID', 'ROUTEID', 'SERVERID', 'SRV', 'route', 'connect.sid', 'BALANCEID'];

/** The first guess of each kind that holds. */
export async function findMisreading(exam: Exam): Promise<readonly Finding[]> {
  const { ask, chance, cluster, carriers } = exam;
  const own = carriers.filter(({ kind }) => kind !== 'balancer');
  for (const guess of own.flatMap((carrier) => guessesOf(exam, carrier))) {
    if (await follows(ask, chance, cluster.nodes, guess.question)) {
      const { check, says, remedy } = guess;
      return [{ check, ok: false, says, remedy }];
    }
  }
  for (const carrier of own) if (await isHashed(exam, carrier)) return [hashed(carrier)];
  return [];
}

function guessesOf({ chance, cluster }: Exam, carrier: Carrier): readonly Guess[] {
  const { name, quoted } = carrier;
  const value = (route: string) => carrier.value(route, chance)!;
  const unquoted = (route: string) => value(route).replaceAll('"', '');
  const named = (other: string): Guess => ({
    check: 'cookie-name',
    question: (node) => carrying(other, unquoted(node)),
    says: `the balancer follows a cookie with the name ${other}; the nodes set ${name}`,
    remedy: `name ${name} to the balancer, letter by letter: capitals count (httpd: stickysession=${name}; mod_jk: session_cookie=${name})`,
  });
  const others = [name.toUpperCase(), name.toLowerCase(), ...usualNames, ...usualNames.map((one) => one.toLowerCase())];
  return [
    quoted
      ? {
          check: 'quoting',
          question: (node) => carrying(name, unquoted(node)),
          says: `the nodes set ${name} in double quotes, and the balancer follows it only without`,
          remedy: 'leave out quoted: "zope" in stickyRoute()',
        }
      : {
          check: 'quoting',
          question: (node) => carrying(name, `"${value(node)}"`),
          says: `the balancer follows ${name} only in double quotes, which the nodes do not set`,
          remedy:
            'its routes end in a quotation mark, as a Zope needed it: take it out of route= of each BalancerMember (route=node1, not route=node1"), and restart it; or set quoted: "zope" in stickyRoute() as long as a Zope shares the balancer',
        },
    ...[...new Set(others)].filter((other) => other !== name).map(named),
    {
      check: 'separator',
      question: (node) => carrying(name, node),
      says: `the balancer takes the whole value of ${name} as the route, not what stands after its dot`,
      remedy:
        'leave stickysessionsep at its default, the dot (httpd); in HAProxy match the end of the value (-m end .node1), in nginx ~\\.node1$',
    },
    ...spellings
      .filter(({ spell }) => cluster.nodes.some((node) => spell(node) !== node))
      .map(
        ({ how, spell }): Guess => ({
          check: 'route-spelling',
          question: (node) => carrying(name, value(spell(node))),
          says: `the balancer knows the routes ${how}`,
          remedy: 'write each route at the balancer exactly as the node has it: capitals, dashes and dots count',
        }),
      ),
    {
      check: 'server-prefix',
      question: (node) => carrying(name, `${node}~${idLike(chance)}.${node}`),
      says: `the balancer puts the server’s name before the value of ${name} (HAProxy: cookie ${name} prefix), so that browsers see another value than the nodes set`,
      remedy: `follow the route that is in it: use-server by hdr_end or cook(${name}) -m end .node1, without prefix`,
    },
    ...[`?${name}=`, `/x;${name}=`, '/x;jsessionid='].map(
      (begin): Guess => ({
        check: 'route-in-url',
        question: (node) => ({ below: `${begin}${unquoted(node)}` }),
        says: `the balancer reads the route in the address (${begin.replace('/x', '')}…) and in no cookie`,
        remedy: `name the cookie to it as well: stickysession=${name} (httpd), session_cookie=${name} (mod_jk)`,
      }),
    ),
  ];
}

const spellings: readonly { readonly how: string; readonly spell: (route: string) => string }[] = [
  { how: 'in capitals', spell: (route) => route.toUpperCase() },
  { how: 'in small letters', spell: (route) => route.toLowerCase() },
  { how: 'with dots where the nodes have dashes', spell: (route) => route.replaceAll('-', '.') },
  { how: 'with dashes where the nodes have dots', spell: (route) => route.replaceAll('.', '-') },
  { how: 'without what stands before the dot', spell: (route) => route.slice(route.indexOf('.') + 1) },
];

/** So many values of one route: a hash leads them all to one node of two with a chance of one in 2,000. */
const hashedValues = 12;
/** Of them so many are asked again and again. */
const repeatedValues = 3;

/** One value always leads to one node, and values that differ only in what stands before the route to several. */
export async function isHashed({ ask, chance, cluster }: Exam, carrier: Carrier): Promise<boolean> {
  const node = cluster.nodes[0]!;
  const met = new Set<string>();
  for (let i = 0; i < hashedValues; i++) {
    const question = carrying(carrier.name, `${idLike(chance)}.${node}`);
    const first = nodeOf(await ask(question));
    met.add(first);
    for (let again = 0; i < repeatedValues && again < 8; again++) {
      // Others in between, so that a balancer that takes turns does not look as if it remembered.
      if (chance() < 0.5) await ask();
      if (nodeOf(await ask(question)) !== first) return false;
    }
  }
  return met.size > 1;
}

export const hashed = ({ name }: Carrier): Finding => ({
  check: 'affinity-by-hash',
  ok: false,
  says: `the balancer picks a node by a hash of ${name}: the same value always leads to the same node, but not to the one that it names`,
  remedy:
    'a visitor is kept at another node than the one that has his session, and all of them move when a node is added: in nginx use a map from the route to an upstream with that node first and the others as backup, not hash $cookie_…',
});
