/** The channel over NATS for a configuration that names a server. Its client library is installed beside Latchkey by those who use it. */

import { ConfigError } from '../config/document.ts';
import type { ServerConfig } from '../config/load.ts';
import { type NodeOptions, SsoError } from '../sso/index.ts';

/** The node's options, with the channel that `cluster.nats` asks for. @throws ConfigError */
export async function withChannel({ file, node, nats }: ServerConfig): Promise<NodeOptions> {
  if (nats === undefined) return node;
  try {
    const { natsChannel } = await import('../sso/channel/nats.ts');
    return { ...node, cluster: { ...node.cluster, channel: natsChannel(nats) } };
  } catch (error) {
    if (error instanceof SsoError)
      throw new ConfigError([`${file}: ${error.message.replace(/^natsChannel/, 'cluster.nats')}`]);
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError([`${file}: cluster.nats: needs the client of NATS: npm install @nats-io/transport-node`]);
  }
}
