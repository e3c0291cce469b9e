/** The channel over NATS keeps what every channel promises, on a real server. */

import { after, before, test } from 'node:test';
import { channelContract } from '../contracts/channel.ts';
import { NatsNetwork } from './nats-network.ts';
import { NatsTestServer, noNats } from './nats-server.ts';

if (noNats !== false) {
  test('nats: what every channel promises', { skip: noNats }, () => {});
} else {
  const server = new NatsTestServer();
  before(() => server.start());
  after(() => server.end());
  channelContract('nats', (nodes) => new NatsNetwork(server, nodes).start());
}
