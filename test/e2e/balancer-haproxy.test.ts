/** What `latchkey balancer haproxy` prints, run: three nodes behind Debian's HAProxy. */

import { describe } from 'node:test';
import { haproxy } from '../../server/balancer/haproxy.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { beliefs, overHttp2 } from './support/balancer-checks.ts';
import { slowness } from './support/balancer-slowness.ts';
import { smuggling } from './support/balancer-smuggling.ts';
import { stage } from './support/balancer-stage.ts';
import { stickiness } from './support/balancer-stickiness.ts';

describe('behind HAProxy', { skip: noBalancer('haproxy') }, () => {
  const staged = stage('haproxy', haproxy, { routes: ['east.node1', 'east.node2', 'west.node3'] });
  stickiness(staged, { quoted: true, signed: true, second: true, urlBeatsCookie: false });
  overHttp2(staged);
  beliefs(staged);
  smuggling(staged);
  slowness(staged);
});
