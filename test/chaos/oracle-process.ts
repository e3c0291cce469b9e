/** The oracle and its users in a process of their own: told where the nodes are, and later to stop; it answers with what it has seen. */

import { seededRandom } from '../../sso/random.ts';
import { sharedNow } from '../bench/shared-now.ts';
import { Oracle } from './oracle.ts';
import type { Records } from './records.ts';
import { type Site, Traffic } from './traffic.ts';

export interface Begin {
  readonly sites: readonly Site[];
  readonly seed: number;
  readonly lifeMs: number;
}

/** To the process: `begin`, then `stop`. From it: what it has seen. */
export type ToOracle = { readonly begin: Begin } | 'stop';
export type FromOracle = Records;

const hungMs = 3_000;
const beatMs = 50;
/** Nodes that stand still for longer miss the time in which they ask each other (250 ms). */
const stallMs = 200;

let oracle: Oracle;
let traffic: Traffic;

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: ToOracle) => {
  if (message === 'stop') {
    await traffic.stop();
    process.send!(oracle.records(), () => process.disconnect());
    return;
  }
  const { sites, seed, lifeMs } = message.begin;
  oracle = new Oracle({ lifeMs, hungMs });
  traffic = new Traffic(oracle, sites, seededRandom(seed).fraction);
  traffic.start();
  let last = sharedNow();
  setInterval(() => {
    const now = sharedNow();
    if (now - last > stallMs) oracle.stalled(last, now);
    last = now;
  }, beatMs).unref();
});
