/**
 * `latchkey doctor URL`: asks the cluster through the balancer, and says what is wrong and how to mend it. The
 * order: who answers; which cookies lead where; then everything else, to every node that can be reached.
 */

import { type Ask, type Chance, cameBack, type Reply } from './asking.ts';
import { carriersOf } from './carriers.ts';
import { checkCaching } from './checks/caching.ts';
import { checkClocks } from './checks/clocks.ts';
import { checkCookies } from './checks/cookies.ts';
import { checkFailover, type Pace } from './checks/failover.ts';
import { checkForwarded } from './checks/forwarded.ts';
import { checkNodes } from './checks/nodes.ts';
import { judgeRedirect, type Plain } from './checks/redirect.ts';
import { checkSteering } from './checks/steering.ts';
import { checkStickiness } from './checks/stickiness.ts';
import { checkWebSocket } from './checks/websocket.ts';
import { clusterOf } from './cluster.ts';
import { type Check, type Exam, portOf, takeSurvey } from './exam.ts';
import type { Finding } from './finding.ts';
import { measureRouting } from './routing.ts';

export interface DoctorParts {
  readonly ask: Ask;
  readonly chance: Chance;
  readonly url: URL;
  /** That is dialled; default the URL's. */
  readonly port?: number | undefined;
  /** Where the probe is. */
  readonly path: string;
  /** One request by plain http; `undefined`: it is not known where to. Asked only if the URL is https. */
  readonly plain?: ((path: string) => Promise<Plain>) | undefined;
  /** Nodes that are not behind this balancer, as a witness. Default none. */
  readonly without?: readonly string[] | undefined;
  /** Lets a node rest, and watches. Default: nothing is disturbed. */
  readonly disturb?: Pace | undefined;
}

export type Examination =
  | { readonly kind: 'asked'; readonly nodes: readonly string[]; readonly findings: readonly Finding[] }
  /** No node answered. */
  | { readonly kind: 'not-asked'; readonly why: string };

const checks: readonly Check[] = [
  checkNodes,
  checkStickiness,
  checkSteering,
  checkForwarded,
  checkCookies,
  checkClocks,
  checkWebSocket,
  checkCaching,
];

export async function examine(parts: DoctorParts): Promise<Examination> {
  const { ask, chance, url, path, disturb, port = portOf(url), without = [] } = parts;
  const survey = await takeSurvey(ask, without);
  const cluster = clusterOf(survey, without);
  if (cluster.latest.size === 0) return { kind: 'not-asked', why: whyNot(survey, path) };
  const carriers = carriersOf(cluster, survey);
  const routing = await measureRouting(ask, chance, cluster.nodes, carriers);
  const exam: Exam = { ask, chance, url, port, path, survey, cluster, routing, carriers };
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...(await check(exam)));
  findings.push(...(await redirected(parts)));
  if (disturb !== undefined) findings.push(...(await checkFailover(exam, disturb)));
  return { kind: 'asked', nodes: cluster.nodes, findings };
}

async function redirected({ plain, url, path }: DoctorParts): Promise<readonly Finding[]> {
  if (url.protocol !== 'https:') return [];
  if (plain === undefined)
    return [
      {
        check: 'https-redirect',
        ok: 'unknown',
        says: `what plain http does beside port ${url.port} was not asked`,
        remedy: 'name its port: --plain-port',
      },
    ];
  const asked = `${path}?latchkey-doctor=1`;
  return [judgeRedirect(await plain(asked), url, asked)];
}

function whyNot(survey: readonly Reply[], path: string): string {
  const copies = survey.filter((reply) => reply.kind === 'answered');
  if (copies.length > 0)
    return 'every answer was a copy of an earlier one: something between keeps what it should not (no-store)';
  const what = [...new Set(survey.map(cameBack))].join(', ');
  const failures = survey.filter((reply) => reply.kind === 'failed');
  if (failures.length === survey.length) {
    const isUntrusted = failures.some(({ code }) => /CERT|SIGNED|VERIFY/.test(code));
    const whys = [...new Set(failures.map(({ why }) => why))].join(', ');
    const isUnknown = failures.some(({ code }) => code === 'ENOTFOUND');
    return `it was not reached: ${whys}${isUntrusted ? ' (certificates of an authority of your own: --ca FILE)' : ''}${isUnknown ? ' (a name that is not in the DNS: --resolve ADDRESS)' : ''}`;
  }
  const location = survey.map((reply) => (reply.kind === 'other' ? reply.headers.location : undefined)).find(Boolean);
  if (location !== undefined) return `it is answered ${what}, a redirect to ${location}: name that address`;
  const refused = survey.find((reply) => reply.kind === 'refused');
  if (refused?.kind === 'refused')
    return `${refused.refusal.node} refused the pass: ${refused.refusal.error === 'stale' ? 'its clock and ours cannot be brought together' : refused.refusal.error}`;
  return `no node knows this secret at ${path} (answered ${what}): another secret, the probe is not mounted there (app.use('/latchkey-probe', sso.probe())), or the balancer leads this path elsewhere`;
}
