/**
 * A node as applications have to do with it: what the valve and the sessions that they mount are handed,
 * and the connections that outlive their requests. Made on the heart, which knows nothing of HTTP.
 */

import type { IncomingMessage } from 'node:http';
import type { RefusalReason } from '../audit/events.ts';
import type { Heart } from '../heart.ts';
import type { Settings } from '../options.ts';
import { Mounts } from '../session/options/mounts.ts';
import { Placement } from '../session/options/placement.ts';
import type { MountedCookie } from '../session/parts.ts';
import { RequestContext } from '../session/request-context.ts';
import type { SessionParts } from '../session/sessions.ts';
import { Throttle } from '../throttle/throttle.ts';
import { inspector } from '../valve/inspect.ts';
import { LongLived } from '../valve/long-lived.ts';
import { Realms } from '../valve/realms.ts';
import type { ValveParts } from '../valve/settings.ts';
import type { Sso } from '../valve/sso.ts';
import { upgradeReader } from '../valve/upgrade.ts';
import { signOnView } from '../valve/valve.ts';
import { nodesKnown } from './channel.ts';
import type { NodeWorld } from './world.ts';

export interface MiddlewareParts {
  readonly settings: Settings;
  readonly world: Pick<NodeWorld, 'keys' | 'random' | 'log'>;
  readonly heart: Heart;
  /** Whether browsers should be led here. */
  readonly takesNew: () => boolean;
  /** Somebody was not signed on. */
  readonly onRefused: (reason: RefusalReason) => void;
  /** An application has mounted its sessions, with this cookie. */
  readonly onSessions: (cookie: MountedCookie) => void;
}

export class Middleware {
  readonly valve: ValveParts;
  readonly sessions: SessionParts;
  readonly mounts: Mounts;
  readonly longLived: LongLived;
  readonly fromUpgrade: (req: IncomingMessage) => Promise<Sso>;
  readonly inspect: (req: IncomingMessage) => Sso | Promise<Sso>;

  constructor({ settings, world, heart, takesNew, onRefused, onSessions }: MiddlewareParts) {
    const { keys, random, log } = world;
    const { registry, finality, gossip, clock } = heart;
    const { route, throttle, allowInsecureCookie, buddyPool } = settings;
    // Both have these: a request that uses a session does so within its sign-on.
    const shared = { keys, route, random, clock, log, takesNew, context: new RequestContext() };
    this.valve = {
      ...shared,
      ...{ registry, finality, settings, onRefused },
      accepting: () => heart.mayOpen(),
      throttle:
        throttle &&
        new Throttle({
          ...{ gossip, clock, random, keys, log, allowInsecureCookie },
          cells: heart.attempts,
          life: heart.life,
          limits: throttle,
        }),
      realms: new Realms(log),
    };
    this.fromUpgrade = upgradeReader(this.valve);
    this.inspect = inspector(this.valve);
    this.longLived = new LongLived({ registry, clock, log, mayAccept: () => finality.mayAccept() });
    finality.onChange(() => this.longLived.check());
    finality.onEpoch(() => this.longLived.check());
    this.mounts = new Mounts(log);
    this.sessions = {
      ...shared,
      table: heart.table,
      notices: heart.notices,
      passivation: heart.passivation,
      signOns: signOnView(this.valve),
      allowInsecureCookie,
      placement: new Placement({ clock, log, nodes: () => nodesKnown(settings, gossip.members()), buddyPool }),
      mounts: this.mounts,
      onMounted: onSessions,
    };
  }
}
