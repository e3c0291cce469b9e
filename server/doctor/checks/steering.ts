/** Where a request names two nodes: who wins, and whether a stranger can say so. */

import { type Ask, answerOf, type Chance, nodeOf, type Question } from '../asking.ts';
import type { Carrier } from '../carriers.ts';
import { type ClusterView, listed } from '../cluster.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { carrying, followedCarrier, nobody } from '../routing.ts';

/** So often in a row a link must have won: the cookie leads there otherwise. */
const winsEnough = 6;

export async function checkSteering(exam: Exam): Promise<readonly Finding[]> {
  const { ask, chance, cluster, routing } = exam;
  const carrier = followedCarrier(routing);
  const nodes = cluster.nodes.filter((node) => carrier?.value(node, chance) !== undefined);
  if (carrier === undefined || nodes.length < 2 || carrier.kind === 'balancer')
    return [judgeClash(clashesOf(cluster), undefined)];
  const steering = [];
  for (const begin of beginnings(exam, carrier))
    if (await isSteered(ask, chance, nodes, carrier, begin)) steering.push(begin);
  const clashes = clashesOf(cluster);
  const copes = clashes.length === 0 ? undefined : await copesWithTwo(ask, chance, nodes, carrier);
  return [judgeSteering(steering, carrier.name), judgeClash(clashes, copes)];
}

function beginnings({ carriers }: Exam, { name }: Carrier): readonly string[] {
  const names = [...new Set([name, ...carriers.map((one) => one.name), 'jsessionid'])];
  return names.flatMap((one) => [`?${one}=`, `/x;${one}=`]);
}

/** The cookie names one node, the address another: whether the address wins, again and again. */
async function isSteered(
  ask: Ask,
  chance: Chance,
  nodes: readonly string[],
  carrier: Carrier,
  begin: string,
): Promise<boolean> {
  for (let i = 0; i < winsEnough; i++) {
    const at = Math.floor(chance() * nodes.length);
    const [byLink, byCookie] = [nodes[at]!, nodes[(at + 1) % nodes.length]!];
    const value = carrier.value(byLink, chance)!.replaceAll('"', '');
    const reply = await ask({ ...carrying(carrier.name, carrier.value(byCookie, chance)!), below: `${begin}${value}` });
    if (nodeOf(reply) !== byLink) return false;
  }
  return true;
}

export function judgeSteering(steering: readonly string[], cookie: string): Finding {
  const check = 'url-steering';
  if (steering.length === 0)
    return { check, ok: true, says: 'no link can send a visitor to another node than his cookie' };
  const written = steering.map((begin) => `${begin.replace('/x', '')}…`);
  return {
    check,
    ok: false,
    says: `a route in the address beats the cookie (${listed(written)}): a link can send everybody who follows it to one node`,
    remedy: `httpd: stickysession=${cookie}|a-name-that-nobody-uses, and take ${cookie} out of queries (RewriteCond %{QUERY_STRING} …); mod_jk: session_path=;a-name-that-nobody-uses. Nodes never put ids into addresses`,
  };
}

/** A cookie name that a browser may send twice, because it is set at two paths or for two purposes. */
export function clashesOf({ latest }: Pick<ClusterView, 'latest'>): readonly string[] {
  const uses = new Map<string, Set<string>>();
  for (const { cookies } of latest.values()) {
    const all = [
      ...cookies.sessions.map(({ app, name, path }) => [name, `session of ${app} at ${path}`] as const),
      ...cookies.sticky.map(({ name, path }) => [name, `sticky cookie at ${path}`] as const),
      [cookies.sso.name, 'the sign-on'] as const,
    ];
    for (const [name, use] of all) uses.set(name, (uses.get(name) ?? new Set()).add(use));
  }
  return [...uses].filter(([, all]) => all.size > 1).map(([name, all]) => `${name} is ${listed(all)}`);
}

/** Whether a balancer finds the route where another cookie of the same name, without a known one, stands first. */
async function copesWithTwo(ask: Ask, chance: Chance, nodes: readonly string[], carrier: Carrier): Promise<boolean> {
  const pair = (route: string) => `${carrier.name}=${carrier.value(route, chance)!}`;
  for (let i = 0; i < 12; i++) {
    const node = nodes[Math.floor(chance() * nodes.length)]!;
    const question: Question = { cookies: [`${pair(nobody(chance))}; ${pair(node)}`] };
    const answer = answerOf(await ask(question));
    if (answer?.node !== node) return false;
  }
  return true;
}

export function judgeClash(clashes: readonly string[], copes: boolean | undefined): Finding {
  const check = 'two-cookies';
  if (clashes.length === 0) return { check, ok: true, says: 'the nodes set no two cookies of one name' };
  if (copes === true) return { check, ok: true, says: `${clashes.join('; ')}; the balancer tries each of them` };
  return {
    check,
    ok: false,
    says: `${clashes.join('; ')}: a browser sends both, and ${copes === false ? 'this balancer reads the first only' : 'many balancers read the first only'}`,
    remedy: 'give each its own name (sessions({ name }), stickyRoute({ cookieName }))',
  };
}
