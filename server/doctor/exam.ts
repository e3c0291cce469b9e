/** What every check is handed: how to ask, what was asked for, and what the first questions brought. */

import { type Ask, answerOf, type Chance, type Question, type Reply, seen } from './asking.ts';
import type { Carrier } from './carriers.ts';
import { type ClusterView, clusterOf } from './cluster.ts';
import type { Finding } from './finding.ts';
import { carrying, followedCarrier, type Routing } from './routing.ts';

export interface Exam {
  readonly ask: Ask;
  readonly chance: Chance;
  /** As a browser is given it; only the origin counts. */
  readonly url: URL;
  /** That is dialled: the URL's, or another one in its place. */
  readonly port: number;
  /** Where the probe is. */
  readonly path: string;
  /** Asked without any cookie. */
  readonly survey: readonly Reply[];
  readonly cluster: ClusterView;
  readonly routing: Routing;
  /** Cookies that lead to nodes, as the nodes name them. */
  readonly carriers: readonly Carrier[];
}

export type Check = (exam: Exam) => readonly Finding[] | Promise<readonly Finding[]>;

/** Questions after which a node that is drawn by chance from `count` was drawn at least once, but for one case in 10,000. */
export const enoughFor = (count: number): number =>
  count < 2 ? 4 : Math.ceil(Math.log(1e-4) / Math.log(1 - 1 / count));
/** Balancers of larger clusters are asked only so often: a miss is then said, with the count. */
const surveyAtMost = 120;

/** Asks without cookies until every node has answered, or chance is no excuse any more. */
export async function takeSurvey(ask: Ask, without: readonly string[] = []): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  for (let atLeast = 6, atMost = 6; replies.length < atMost; ) {
    replies.push(await ask());
    const { nodes, latest } = clusterOf(replies, without);
    if (nodes.length === 0) continue;
    atLeast = Math.max(6, 4 * nodes.length);
    atMost = Math.min(surveyAtMost, Math.max(atLeast, enoughFor(nodes.length)));
    if (replies.length >= atLeast && nodes.every((node) => latest.has(node))) break;
  }
  return replies;
}

/**
 * The same question to every node that can be reached: by its route where the balancer follows one, else by asking until each
 * was met. The latest reply of each.
 */
export async function askEach(
  { ask, chance, cluster, routing, carriers }: Pick<Exam, 'ask' | 'chance' | 'cluster' | 'routing' | 'carriers'>,
  question: Question,
): Promise<ReadonlyMap<string, Reply>> {
  const met = new Map<string, Reply>();
  const put = (reply: Reply) => {
    const answer = answerOf(reply);
    if (answer !== undefined) met.set(answer.node, reply);
  };
  const carrier = followedCarrier(routing) ?? carriers[0];
  const nodes = [...cluster.latest.keys()];
  for (let round = 0; round < 3 && met.size < nodes.length; round++) {
    for (const node of nodes.filter((one) => !met.has(one))) {
      const value = carrier?.value(node, chance);
      const led = value === undefined ? [] : (carrying(carrier!.name, value).cookies ?? []);
      put(await ask({ ...question, cookies: [...(question.cookies ?? []), ...led] }));
    }
  }
  return met;
}

/** More often than there are dead nodes in a row. */
const triesAtMost = 4;

/** To any node that answers: one that is dead is another check's business. Otherwise what came last. */
export async function askAny(ask: Ask, question: Question): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    const reply = await ask(question);
    if (answerOf(reply) !== undefined || tries === triesAtMost) return reply;
  }
}

/** One node, no sign of anything in between, and the port that was asked: that is the node itself. */
export function looksDirect({ cluster, port }: Pick<Exam, 'cluster' | 'port'>): boolean {
  const [answer, second] = [...cluster.latest.values()];
  if (answer === undefined || second !== undefined || answer.saw.ajp !== undefined) return false;
  const traces = ['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip'];
  return answer.saw.localPort === port && traces.every((name) => seen(answer, name).length === 0);
}

export function portOf({ port, protocol }: Pick<URL, 'port' | 'protocol'>): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
