/** One call starts a node; or says, without starting anything, what it would be. */

import { SsoError } from './errors.ts';
import { silentLog } from './log.ts';
import type { WhenCutOff } from './logout/finality.ts';
import { voteAdvice } from './node/advice.ts';
import { SsoNode } from './node.ts';
import { type NodeOptions, resolveOptions } from './options.ts';

/**
 * Starts a node: reads its data directory, joins the cluster, and compares with the members that it reaches. It may resolve
 * before the node accepts anybody, where too few voters can be reached: `finality()` and `readyz` say so, and for what it waits.
 * A voter that is alone in its list and has no state waits for T (`cluster.leaseMs`).
 * @throws SsoError ERR_CONFIG_INVALID, ERR_CHANNEL_FAILED, ERR_DISK_FAILED
 */
export async function startNode(options: NodeOptions): Promise<SsoNode> {
  const settings = resolveOptions(options);
  let after = 0;
  for (let lives = 0; lives < mostLives; lives++) {
    const node = new SsoNode(settings, after);
    const later = await node.start();
    if (later === undefined) return node;
    after = later;
  }
  throw new SsoError('ERR_UNAVAILABLE', `other processes keep starting as node ${settings.route}`);
}

/** What `startNode` would make of these options, as far as it can be said without starting anything. */
export interface CheckedOptions {
  /** The node's name. */
  readonly route: string;
  /** The voters' addresses, and what happens without a majority of them; `undefined`: a node without a cluster. */
  readonly cluster:
    | { readonly voters: readonly string[]; readonly hasVote: boolean; readonly whenCutOff: WhenCutOff }
    | undefined;
  /** What would be logged as a warning: it works, and is probably not meant. */
  readonly warnings: readonly string[];
}

/**
 * Everything that `startNode` checks before it starts: fields, secrets, addresses, certificates, what does not go together. Opens
 * no port, no file and no connection. @throws SsoError ERR_CONFIG_INVALID
 */
export function checkOptions(options: NodeOptions): CheckedOptions {
  const settings = resolveOptions(options);
  // Its parts check what is theirs when they are made; nothing of it runs before `start`.
  new SsoNode({ ...settings, log: silentLog });
  const { route, voters } = settings;
  return {
    route,
    cluster: voters && { voters: voters.list, hasVote: voters.own !== undefined, whenCutOff: voters.mode },
    warnings: [...settings.advice, ...voteAdvice(settings)],
  };
}

/** How often a starting node takes a later incarnation, because its clock was set back or another process bears its name. */
const mostLives = 5;
