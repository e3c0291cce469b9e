/** What `latchkey balancer mod_jk` prints, run: three nodes behind Debian's httpd with mod_jk, over AJP. */

import { describe } from 'node:test';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { beliefs } from './support/balancer-checks.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { slowness } from './support/balancer-slowness.ts';
import { smuggling } from './support/balancer-smuggling.ts';
import { stage } from './support/balancer-stage.ts';
import { stickiness } from './support/balancer-stickiness.ts';

describe('behind mod_jk', { skip: noBalancer('mod_jk') }, () => {
  const staged = stage('mod_jk', modJk, { routes: ['east.node1', 'east.node2', 'west.node3'], ajp: true });
  stickiness(staged, { quoted: true, signed: false, second: true, urlBeatsCookie: true });
  beliefs(staged, { inHeaders: false });
  smuggling(staged);
  slowness(staged);
  rollingRestart(staged);
});
