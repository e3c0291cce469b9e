/** What `latchkey balancer apache` prints, run: three nodes behind Debian's httpd, over HTTP. */

import { describe } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { beliefs, overHttp2 } from './support/balancer-checks.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { slowness } from './support/balancer-slowness.ts';
import { smuggling } from './support/balancer-smuggling.ts';
import { stage } from './support/balancer-stage.ts';
import { stickiness } from './support/balancer-stickiness.ts';

describe('behind Apache httpd', { skip: noBalancer('apache') }, () => {
  const staged = stage('apache', apache, { routes: ['east.node1', 'east.node2', 'west.node3'] });
  stickiness(staged, { quoted: false, signed: false, second: false, urlBeatsCookie: true });
  overHttp2(staged);
  beliefs(staged);
  smuggling(staged);
  slowness(staged);
  rollingRestart(staged);
});
