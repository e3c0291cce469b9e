/**
 * What happens when a node takes its leave: one node rests (`readyz` says 503, everything else goes on),
 * visitors keep coming, and it is counted what they get. Only on demand, though nobody should notice: that is the point.
 */

import { type Ask, answerOf, type Chance, cameBack, isFailure, nodeOf, type Reply } from '../asking.ts';
import type { Carrier } from '../carriers.ts';
import { counted, listed } from '../cluster.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { carrying, followedCarrier } from '../routing.ts';

export interface Disturbance {
  readonly node: string;
  /** When the last new visitor came to the resting node, milliseconds after the rest began; `undefined`: none did. */
  readonly lastNewAtMs: number | undefined;
  /** All that were sent while it rested. */
  readonly requests: number;
  /** Those with its cookie: where they went. */
  readonly visitors: ReadonlyMap<string, number>;
  readonly failed: readonly string[];
  readonly restMs: number;
  /** Whether new visitors came back after the rest, within the time that was waited. */
  readonly isBack: boolean;
  /** What the balancer calls itself in its answers' `Server`; '' if it says nothing. */
  readonly server: string;
}

export interface Pace {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  /** How long a node rests, milliseconds: longer than the balancer takes to notice. */
  readonly restMs: number;
  /** Between two visitors, milliseconds. */
  readonly everyMs: number;
}

export async function checkFailover(exam: Exam, pace: Pace): Promise<readonly Finding[]> {
  const check = 'failover';
  const { ask, chance, cluster, routing, carriers } = exam;
  if (cluster.serving.length < 2)
    return [{ check, ok: 'unknown', says: 'there is no second node that is ready: nothing was disturbed' }];
  const node = cluster.serving[Math.floor(chance() * cluster.serving.length)]!;
  const carrier = followedCarrier(routing) ?? carriers[0];
  if (!(await rest(ask, chance, node, carrier, pace.restMs)))
    return [{ check, ok: 'unknown', says: `${node} could not be told to rest: it was not reached` }];
  try {
    return [judgeFailover(await disturbed(exam, node, carrier, pace))];
  } finally {
    await rest(ask, chance, node, carrier, 0);
  }
}

/** Only the node itself takes it: asked until it was reached. */
async function rest(
  ask: Ask,
  chance: Chance,
  node: string,
  carrier: Carrier | undefined,
  ms: number,
): Promise<boolean> {
  for (let tries = 0; tries < 40; tries++) {
    const value = tries % 2 === 0 ? carrier?.value(node, chance) : undefined;
    const reply = await ask({ rest: { node, ms }, ...(value !== undefined && carrying(carrier!.name, value)) });
    if (answerOf(reply)?.node === node) return true;
  }
  return false;
}

async function disturbed(
  { ask, chance, cluster, survey }: Exam,
  node: string,
  carrier: Carrier | undefined,
  { now, wait, restMs, everyMs }: Pace,
): Promise<Disturbance> {
  const began = now();
  let lastNewAtMs: number | undefined;
  let requests = 0;
  const visitors = new Map<string, number>();
  const failed: string[] = [];
  const note = (reply: Reply) => isFailure(reply) && failed.push(cameBack(reply));
  // Less than the rest, so that what is seen at its end is not its end.
  while (now() - began < restMs * 0.9) {
    const fresh = await ask();
    note(fresh);
    requests++;
    if (nodeOf(fresh) === node) lastNewAtMs = now() - began;
    // As many for every node: balancers count sticky requests as load, and one that got more of them would be spared new ones.
    for (const one of cluster.serving) {
      const value = carrier?.value(one, chance);
      if (value === undefined) continue;
      const old = await ask(carrying(carrier!.name, value));
      note(old);
      requests++;
      if (one === node) visitors.set(nodeOf(old), (visitors.get(nodeOf(old)) ?? 0) + 1);
    }
    await wait(everyMs);
  }
  await rest(ask, chance, node, carrier, 0);
  const deadline = now() + restMs;
  let isBack = false;
  for (let asked = 0; !isBack && (now() < deadline || asked < cluster.nodes.length); asked++) {
    const reply = await ask();
    note(reply);
    isBack = nodeOf(reply) === node;
    if (!isBack) await wait(everyMs);
  }
  const server = String(
    survey.flatMap((reply) => (reply.kind === 'failed' ? [] : [reply.headers['server']])).find(Boolean) ?? '',
  );
  return { node, lastNewAtMs, requests, visitors, failed, restMs, isBack, server };
}

export function judgeFailover(seen: Disturbance): Finding {
  const check = 'failover';
  const { node, lastNewAtMs, requests, visitors, failed, restMs } = seen;
  if (failed.length > 0)
    return {
      check,
      ok: false,
      says: `while ${node} rested, ${counted(failed.length, 'request')} failed: ${listed([...new Set(failed)])}`,
      remedy:
        'a node that rests still answers: the balancer must send its visitors to it or to others, and must not refuse them (nofailover, sticky_session_force)',
    };
  const isUnnoticed = lastNewAtMs !== undefined && lastNewAtMs > restMs * 0.75;
  if (isUnnoticed && /^nginx\b/i.test(seen.server))
    return {
      check,
      ok: 'unknown',
      says: `${node} said for ${Math.round(restMs / 1_000)} s that it is not ready, and new visitors came there all the time, as nginx asks no node`,
      remedy:
        'nothing failed; so that nothing does when a node stops, let nginx try the next one (proxy_next_upstream error timeout http_503), or mark it down before',
    };
  if (isUnnoticed)
    return {
      check,
      ok: false,
      says: `${node} said for ${Math.round(restMs / 1_000)} s that it is not ready, and new visitors came there all the time`,
      remedy:
        'the balancer does not ask /readyz: httpd: hcmethod=GET hcuri=/readyz hcinterval=2 on each member (mod_proxy_hcheck); HAProxy: option httpchk GET /readyz; Caddy: health_uri /readyz; mod_jk: ping_mode=A',
    };
  const stayed = visitors.get(node) ?? 0;
  const total = [...visitors.values()].reduce((sum, count) => sum + count, 0);
  const theirs =
    total === 0
      ? ''
      : stayed === total
        ? '; its own visitors stayed'
        : stayed === 0
          ? '; its own visitors went elsewhere'
          : '; its own visitors went elsewhere after a while';
  const noticed = lastNewAtMs === undefined ? 'at once' : `after ${(lastNewAtMs / 1_000).toFixed(1)} s`;
  if (!seen.isBack)
    return {
      check,
      ok: false,
      says: `${node} rested and was left alone ${noticed}; ${Math.round(restMs / 1_000)} s after its rest nobody has come back to it`,
      remedy: 'the balancer waits too long before it believes in a node again (retry, recover_time, fall/rise)',
    };
  return {
    check,
    ok: true,
    says: `${node} rested: new visitors went elsewhere ${noticed}, none of ${requests} requests failed${theirs}`,
  };
}
