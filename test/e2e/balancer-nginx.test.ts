/** What `latchkey balancer nginx` prints, run: three nodes behind Debian's nginx. */

import { describe } from 'node:test';
import { nginx } from '../../server/balancer/nginx.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { beliefs, overHttp2 } from './support/balancer-checks.ts';
import { slowness } from './support/balancer-slowness.ts';
import { smuggling } from './support/balancer-smuggling.ts';
import { stage } from './support/balancer-stage.ts';
import { stickiness } from './support/balancer-stickiness.ts';

describe('behind nginx', { skip: noBalancer('nginx') }, () => {
  const staged = stage('nginx', nginx, { routes: ['east.node1', 'east.node2', 'west.node3'] });
  stickiness(staged, { quoted: true, signed: true, second: true, urlBeatsCookie: false });
  overHttp2(staged);
  beliefs(staged);
  smuggling(staged);
  slowness(staged, { cutsDrippingBodies: false });
});
