/** What the sessions of an application are given by their node, the same for all applications. */

import type { Clock } from '../clock.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import type { SignOnView } from './handle.ts';
import type { SessionNotices } from './notices/notices.ts';
import type { Mounts } from './options/mounts.ts';
import type { PassivationSettings } from './options/passivation.ts';
import type { Placement } from './options/placement.ts';
import type { RequestContext } from './request-context.ts';
import type { SessionTable } from './table.ts';

export interface SessionParts {
  readonly table: Pick<
    SessionTable,
    'key' | 'look' | 'inquire' | 'write' | 'admit' | 'touch' | 'end' | 'each' | 'count' | 'stored' | 'onEnd'
  >;
  readonly signOns: SignOnView;
  readonly keys: Pick<Keys, 'sessionId'>;
  /** The sticky suffix of this node. */
  readonly route: string | undefined;
  /** Whether browsers should be led to this node: else an id that comes with another's route keeps it. Default: always. */
  readonly takesNew?: (() => boolean) | undefined;
  readonly context: RequestContext;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  readonly allowInsecureCookie: boolean;
  /** Keeps to the applications' limits of sessions in memory. */
  readonly passivation?: { configure(app: string, settings: PassivationSettings): void } | undefined;
  /** Tells applications what happens to their sessions. */
  readonly notices?: Pick<SessionNotices, 'listen'> | undefined;
  /** Says which of its settings do not go together with those of the cluster. */
  readonly placement?: Pick<Placement, 'note'> | undefined;
  /** Says which settings of an application that is mounted twice differ. */
  readonly mounts?: Pick<Mounts, 'note'> | undefined;
  /** An application's sessions are mounted, with this cookie: for whoever has to say what a balancer should look at. */
  readonly onMounted?: ((cookie: MountedCookie) => void) | undefined;
}

/** Where its attributes are a function of the request, as far as they can be said. */
export interface MountedCookie {
  readonly app: string;
  readonly name: string;
  readonly path: string;
  readonly secure: boolean;
}
