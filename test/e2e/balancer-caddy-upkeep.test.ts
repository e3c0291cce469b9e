/** Nodes that are restarted, drained and frozen behind Caddy, run by what `latchkey balancer caddy` prints. */

import { describe } from 'node:test';
import { caddy } from '../../server/balancer/caddy.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { stage } from './support/balancer-stage.ts';
import { frozen } from './support/balancer-upkeep.ts';

describe('nodes behind Caddy', { skip: noBalancer('caddy') }, () => {
  const staged = stage('caddy', caddy);
  rollingRestart(staged);
  frozen(staged, { withinMs: 8_000 });
});
