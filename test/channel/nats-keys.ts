/** The keys of a cluster over NATS. */

import { deriveKeys, type MeshKey } from '../../sso/keys.ts';

export function natsKeys(
  secret: string | readonly string[],
  cluster = 'latchkey',
): (node: string) => readonly MeshKey[] {
  const { frames } = deriveKeys(secret);
  return (node) => frames(cluster, node);
}
