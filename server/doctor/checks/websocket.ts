/** Whether the upgrade of a WebSocket reaches each node, and its answer the browser. */

import { answerOf, cameBack, isFailure, type Reply, seen } from '../asking.ts';
import { listed } from '../cluster.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { carrying, followedCarrier } from '../routing.ts';

/** What became of one upgrade request. */
export type Passage = 'upgraded' | 'seen' | 'stripped' | 'refused' | 'ajp' | 'unknown';

export async function checkWebSocket(exam: Exam): Promise<readonly Finding[]> {
  const { ask, chance, cluster, routing } = exam;
  const carrier = followedCarrier(routing);
  const passages = new Map<string, { passage: Passage; reply: Reply }>();
  for (const node of cluster.latest.keys()) {
    const value = carrier?.value(node, chance);
    const reply = await ask({ isUpgrade: true, ...(value !== undefined && carrying(carrier!.name, value)) });
    passages.set(node, { passage: passageOf(reply), reply });
  }
  return [judgeWebSocket(passages)];
}

export function passageOf(reply: Reply): Passage {
  const answer = answerOf(reply);
  if (reply.upgraded === true && answer !== undefined) return 'upgraded';
  if (answer?.saw.ajp !== undefined) return 'ajp';
  if (answer !== undefined)
    return seen(answer, 'upgrade').some((value) => /websocket/i.test(value)) ? 'seen' : 'stripped';
  // A node without `probeUpgrade` in its upgrade handler answers as it likes, or hangs up.
  if (isFailure(reply) || isRefusal(reply)) return 'refused';
  return 'unknown';
}

const isRefusal = (reply: Reply): boolean => reply.kind === 'other' && [400, 405, 426].includes(reply.status);

export function judgeWebSocket(
  passages: ReadonlyMap<string, { readonly passage: Passage; readonly reply: Reply }>,
): Finding {
  const check = 'websocket';
  const of = (...which: readonly Passage[]) => [...passages].filter(([, { passage }]) => which.includes(passage));
  const names = (all: readonly (readonly [string, unknown])[]) => listed(all.map(([node]) => node));
  const stripped = of('stripped');
  if (stripped.length > 0)
    return {
      check,
      ok: false,
      says: `the request for a WebSocket reached ${names(stripped)} without its Upgrade header`,
      remedy:
        'httpd: upgrade=websocket on each BalancerMember; nginx: proxy_http_version 1.1, Upgrade $http_upgrade and Connection of the request; HAProxy and Caddy pass it by themselves',
    };
  const refused = of('refused');
  if (refused.length > 0)
    return {
      check,
      ok: 'unknown',
      says: `a request for a WebSocket came back as ${cameBack(refused[0]![1].reply)} (asked for ${names(refused)})`,
      remedy:
        'either the balancer lets no WebSocket through, or the application’s upgrade handler refused: let it begin with `if (sso.probeUpgrade(req, socket)) return;` and ask again',
    };
  const ajp = of('ajp');
  if (ajp.length > 0)
    return {
      check,
      ok: 'unknown',
      says: `AJP cannot carry WebSockets (${names(ajp)})`,
      remedy: 'if applications use them, lead their paths to the nodes by HTTP',
    };
  const unknown = of('unknown');
  if (unknown.length > 0)
    return {
      check,
      ok: 'unknown',
      says: `a request for a WebSocket was answered ${cameBack(unknown[0]![1].reply)}, and it cannot be seen by whom`,
      remedy: 'let the application’s upgrade handler begin with `if (sso.probeUpgrade(req, socket)) return;`',
    };
  const open = of('upgraded');
  if (open.length === passages.size)
    return { check, ok: true, says: `WebSockets open through the balancer, at ${names(open)}` };
  return { check, ok: true, says: 'the Upgrade header reaches the nodes, whose applications take no WebSockets here' };
}
