/** Who answers: every node of one cluster, nobody else, and none that says that it is not ready. */

import { answerOf, cameBack, isFailure, nodeOf, type Reply } from '../asking.ts';
import { type ClusterView, counted, listed, those } from '../cluster.ts';
import { type Exam, looksDirect } from '../exam.ts';
import type { Finding } from '../finding.ts';
import type { Routing } from '../routing.ts';

export function checkNodes(exam: Exam): readonly Finding[] {
  const { survey, cluster, routing } = exam;
  return [
    judgeAnswers(survey),
    judgeStrangers(survey),
    judgeOneCluster(cluster),
    judgeReady(survey),
    judgeEveryNode(survey, cluster, routing, looksDirect(exam)),
    judgeAgreement(cluster),
  ];
}

export function judgeAnswers(survey: readonly Reply[]): Finding {
  const check = 'answers';
  const failed = survey.filter(isFailure);
  if (failed.length === 0)
    return { check, ok: true, says: `each of ${counted(survey.length, 'request')} was answered` };
  const what = [...new Set(failed.map(cameBack))].join(', ');
  return {
    check,
    ok: false,
    says: `${failed.length} of ${counted(survey.length, 'request')} came to nothing: ${what}`,
    remedy: failed.every((reply) => reply.kind === 'failed' && reply.code === 'ECONNREFUSED')
      ? 'the balancer itself refuses connections: is each of its processes and addresses up?'
      : 'the balancer still sends requests to a node that is dead or cut off: let it ask /readyz of each node every few seconds, and give it short timeouts for connecting and answering',
  };
}

export function judgeStrangers(survey: readonly Reply[]): Finding {
  const check = 'same-secret';
  const strangers = survey.filter((reply) => reply.kind === 'other' && !isFailure(reply));
  if (strangers.length === 0)
    return { check, ok: true, says: 'every answer came from a node with the cluster’s secret' };
  const what = [...new Set(strangers.map(cameBack))].join(', ');
  return {
    check,
    ok: false,
    says: `${strangers.length} of ${counted(survey.length, 'request')} were answered ${what}, by something that does not know the cluster’s secret`,
    remedy:
      'behind the balancer is a server with another secret, without the probe (app.use("/latchkey-probe", sso.probe())), or of something else: compare the balancer’s members with the nodes',
  };
}

export function judgeOneCluster({ latest }: ClusterView): Finding {
  const check = 'one-cluster';
  const apart = [...latest.values()].flatMap(({ node, members }) =>
    [...latest.keys()]
      .filter((other) => other !== node)
      .filter((other) => !members.some((one) => one.node === other && one.state !== 'lost' && one.state !== 'left'))
      .map((other) => `${node} does not know ${other}`),
  );
  const unreachable = [...latest.values()].flatMap(({ node, members }) =>
    members
      .filter((one) => one.node !== node && latest.has(one.node) && one.state === 'up' && !one.reachable)
      .map((one) => `${node} does not reach ${one.node}`),
  );
  const faults = [...apart, ...unreachable];
  if (faults.length === 0)
    return { check, ok: true, says: `${listed(latest.keys())} ${latest.size === 1 ? 'answers' : 'know one another'}` };
  return {
    check,
    ok: false,
    says: `the balancer sends to nodes that are not one cluster: ${faults.slice(0, 6).join(', ')}`,
    remedy:
      'a sign-on at one is unknown at the other: give all of them the same cluster.nodes, and open the ports of cluster.listen between them',
  };
}

export function judgeReady(survey: readonly Reply[]): Finding {
  const check = 'ready-nodes';
  const unready = new Map<string, string>();
  for (const reply of survey) {
    const answer = answerOf(reply);
    if (answer !== undefined && !answer.ready)
      unready.set(answer.node, answer.why.map(({ reason }) => reason).join(', ') || answer.state);
  }
  if (unready.size === 0) return { check, ok: true, says: 'new visitors go to nodes that are ready' };
  return {
    check,
    ok: false,
    says: `new visitors are sent to ${listed([...unready].map(([node, why]) => `${node} (${why})`))}, ${unready.size === 1 ? 'which says that it is' : 'which say that they are'} not ready`,
    remedy:
      'let the balancer ask /readyz of each node and send new visitors only where it answers 200; what the node waits for, its own /readyz and log say',
  };
}

export function judgeEveryNode(
  survey: readonly Reply[],
  { nodes, serving }: ClusterView,
  { results }: Routing,
  isDirect: boolean,
): Finding {
  const check = 'every-node';
  const trials = results.flatMap(({ trials }) => [...trials.values()]);
  const free = new Map<string, number>();
  const add = (node: string, count: number) => node !== '' && free.set(node, (free.get(node) ?? 0) + count);
  for (const reply of survey) add(nodeOf(reply), 1);
  for (const { controls } of trials) for (const [node, count] of controls) add(node, count);
  const total = [...free.values()].reduce((sum, count) => sum + count, 0);
  const missing = serving.filter((node) => !free.has(node));
  if (nodes.length === 1) return { check, ok: true, says: `there is one node, ${nodes[0]}` };
  if (missing.length === 0) return { check, ok: true, says: `new visitors are spread over ${listed(serving)}` };
  const byRoute = missing.filter((node) => trials.some(({ wanted }) => wanted.has(node)));
  if (isDirect) {
    return {
      check,
      ok: 'unknown',
      says: `this is ${[...free.keys()][0]} itself, not a balancer: nothing is between it and us`,
      remedy: 'name the address of the balancer',
    };
  }
  if (free.size === 1 && byRoute.length === missing.length) {
    return {
      check,
      ok: 'unknown',
      says: `new visitors from here all go to ${listed(free.keys())}, and cookies lead to ${listed(missing)}: the balancer picks by the visitor’s address, or the others stand by`,
      remedy: 'ask from another machine; if the others are not meant to stand by, look at weights and status',
    };
  }
  return {
    check,
    ok: false,
    says: `${those(missing, 'is', 'are')} up and ${counted(total, 'new visitor')} never came there${byRoute.length > 0 ? `, though a cookie leads to ${listed(byRoute)}` : ''}`,
    remedy:
      'the balancer lacks this member, believes that it is down (what does it ask, and on which port?), or holds it disabled, drained, as a standby or with a tiny weight. A node that is not meant to get visitors here, as a witness: --without NODE',
  };
}

/** What all nodes have to say alike, because a browser takes it from one to the other. */
export function judgeAgreement({ latest }: ClusterView): Finding {
  const check = 'nodes-agree';
  const answers = [...latest.values()];
  const differing = [
    ...differs(answers, 'the SSO cookie', ({ cookies: { sso } }) =>
      [sso.name, sso.domain ?? 'no domain', sso.secure ? 'Secure' : 'not Secure'].join(', '),
    ),
    ...differs(
      answers,
      'the sticky cookie',
      ({ cookies: { sticky } }) =>
        sticky
          .map(({ name, path, quoted }) => `${name}${quoted ? ' in quotes' : ''} at ${path}`)
          .sort()
          .join(', ') || 'none',
    ),
    ...[...new Set(answers.flatMap(({ cookies }) => cookies.sessions.map(({ app }) => app)))].flatMap((app) =>
      differs(
        answers.filter(({ cookies }) => cookies.sessions.some((one) => one.app === app)),
        `the session cookie of ${app}`,
        ({ cookies }) => {
          const { name, path } = cookies.sessions.find((one) => one.app === app)!;
          return `${name} at ${path}`;
        },
      ),
    ),
  ];
  if (differing.length === 0) return { check, ok: true, says: 'all nodes set the same cookies' };
  return {
    check,
    ok: false,
    says: differing.join('; '),
    remedy: 'a cookie of one node means nothing at another: give all nodes the same options',
  };
}

function differs<T extends { readonly node: string }>(
  answers: readonly T[],
  what: string,
  textOf: (answer: T) => string,
): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const answer of answers) {
    const text = textOf(answer);
    groups.set(text, [...(groups.get(text) ?? []), answer.node]);
  }
  if (groups.size < 2) return [];
  return [`${what} differs: ${[...groups].map(([text, nodes]) => `${text} at ${listed(nodes)}`).join(', ')}`];
}
