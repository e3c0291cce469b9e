/** What happens on a node, told to everybody who wants to know: its metrics, the audit, and the application's listeners. */

import { EventEmitter } from 'node:events';
import type { Audit } from '../audit/audit.ts';
import type { OpenEntry } from '../entry.ts';
import type { MemberView } from '../gossip/roster.ts';
import type { Metrics } from '../health/metrics.ts';
import type { Heart } from '../heart.ts';
import type { Closed } from '../registry.ts';
import type { SsoId } from '../token.ts';

export interface Opened {
  readonly id: SsoId;
  readonly entry: OpenEntry;
  /** Whether it was opened through this node. */
  readonly own: boolean;
}

export interface NodeEvents {
  opened: [Opened];
  closed: [Closed];
  member: [MemberView];
  /** Whether this node accepts sign-ons has become another: at the start, when it is cut off, when it is back. */
  accepting: [boolean];
  /** Another process has started under this node's name; this one has stopped. */
  replaced: [];
}

/** Of `replaced` the heart knows nothing: whoever stops the node says so. */
export function nodeEvents(
  { registry, finality, gossip }: Pick<Heart, 'registry' | 'finality' | 'gossip'>,
  metrics: Pick<Metrics, 'opened' | 'ended'>,
  audit: Pick<Audit, 'signedOff'>,
): EventEmitter<NodeEvents> {
  const events = new EventEmitter<NodeEvents>();
  finality.onChange(() => events.emit('accepting', finality.mayAccept()));
  registry.onOpened((opened) => {
    metrics.opened(opened.own);
    events.emit('opened', opened);
  });
  registry.onClosed((closed) => {
    // One that was never known open here is history that is copied, as at a start.
    if (closed.principal !== undefined) metrics.ended(closed.cause, closed.own);
    // One that was never known open here is told by who closed it.
    if (closed.own || closed.principal !== undefined) audit.signedOff(closed);
    events.emit('closed', closed);
  });
  gossip.onMember((_before, after) => events.emit('member', after));
  return events;
}
