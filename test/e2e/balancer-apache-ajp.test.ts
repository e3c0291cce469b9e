/** What `latchkey balancer apache --ajp` prints, run: three nodes behind Debian's httpd, by mod_proxy_ajp. */

import { describe } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import { noBalancer } from './support/balanced-programs.ts';
import { beliefs } from './support/balancer-checks.ts';
import { rollingRestart } from './support/balancer-load.ts';
import { smuggling } from './support/balancer-smuggling.ts';
import { stage } from './support/balancer-stage.ts';
import { stickiness } from './support/balancer-stickiness.ts';
import { frozen } from './support/balancer-upkeep.ts';

describe('behind Apache httpd, by AJP', { skip: noBalancer('apache') }, () => {
  const staged = stage('apache', apache, {
    ...{ routes: ['east.node1', 'east.node2', 'west.node3'], ajp: true, changes: { protocol: 'ajp' } },
  });
  stickiness(staged, { quoted: false, signed: false, second: false, urlBeatsCookie: true });
  beliefs(staged, { inHeaders: false, tlsElsewhere: false });
  smuggling(staged);
  rollingRestart(staged);
  frozen(staged, { withinMs: 8_000 });
});
