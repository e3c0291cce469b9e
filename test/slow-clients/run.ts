/**
 * Check 76 at its full size: thousands of slow clients at one served node, and what the others get meanwhile.
 *
 *   node --import tsx test/slow-clients/run.ts --sockets 5000
 *
 * Needs as many open files twice (`ulimit -n`: here and in the node). Ends with 1 if a client was cut too late, or somebody else
 * got no answer; the ratio of the others' times is printed, and judged with `--judge-ratio` on a machine that does nothing else.
 */

import { parseArgs } from 'node:util';
import { serve } from '../support/served.ts';
import { graceMs, slowClients, ways } from './clients.ts';
import { others, quantile } from './others.ts';

const { values } = parseArgs({
  options: { sockets: { type: 'string', default: '5000' }, 'judge-ratio': { type: 'boolean', default: false } },
});
const sockets = Number(values.sockets);
const aloneMs = 10_000;
const allowedRatio = 2;

const cluster = await serve(1, { cookieDomain: 'xyz.test' });
const port = cluster.nodes[0]!.port;
try {
  await others(port, later(3_000)); // the compiler's own time
  const alone = await others(port, later(aloneMs));
  const slow = await slowClients(port, sockets);
  const meanwhile = await others(port, slow.ended(25_000));
  slow.stop();
  let late = 0;
  for (const way of ways) {
    const these = slow.connections.filter((one) => one.way === way);
    const cuts = these.map(({ cutAfterMs }) => cutAfterMs ?? Infinity);
    const tooLate = cuts.filter((ms) => ms > way.cutInSeconds * 1_000 + graceMs).length;
    late += tooLate;
    console.log(
      `${way.name}: ${these.length} connections, cut after ${seconds(quantile(cuts, 0))} to ${seconds(quantile(cuts, 1))}` +
        ` (allowed ${way.cutInSeconds} s), ${tooLate} too late`,
    );
  }
  const unconnected = slow.connections.filter(({ isConnected }) => !isConnected).length;
  const ratio = quantile(meanwhile.took, 0.99) / quantile(alone.took, 0.99);
  for (const [what, { took }] of Object.entries({ alone, meanwhile }))
    console.log(
      `others ${what}: ${took.length} answers, p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms, longest ${quantile(took, 1).toFixed(1)} ms`,
    );
  console.log(
    `ratio of p99: ${ratio.toFixed(2)} (allowed ${allowedRatio}); ${meanwhile.failed.length} others were not answered ${[...new Set(meanwhile.failed)]}; ${unconnected} were never connected`,
  );
  const isBad =
    late > 0 || unconnected > 0 || meanwhile.failed.length > 0 || (values['judge-ratio'] && ratio > allowedRatio);
  process.exitCode = isBad ? 1 : 0;
} finally {
  await cluster.stop();
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
