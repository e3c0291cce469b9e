/**
 * What the request side of the sign-on is told: the checked settings, and the parts of a node it is
 * handed. Types only, so that valve, login and protect need not know who puts a node together.
 */

import type { Request, Response } from 'express';
import type { RefusalReason } from '../audit/events.ts';
import type { Clock } from '../clock.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Finality } from '../logout/finality.ts';
import type { Principal } from '../principal.ts';
import type { Random } from '../random.ts';
import type { Registry } from '../registry.ts';
import type { RequestContext } from '../session/request-context.ts';
import type { Throttle } from '../throttle/throttle.ts';
import type { Realms } from './realms.ts';

/** Checked by `options.ts`, from the options of the same names. */
export interface ValveSettings {
  /** Lower case, or `undefined`: the cookie belongs to the issuing host alone. */
  readonly cookieDomain: string | undefined;
  readonly cookieName: string;
  /** Domains (`undefined` = none) under which an earlier configuration set the cookie: its values still count, and are replaced. */
  readonly previousCookieDomains: readonly (string | undefined)[];
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly partitioned: boolean;
  readonly allowInsecureCookie: boolean;
  /** As `URL.origin` spells them. */
  readonly origins: readonly string[];
  readonly requireReauthentication:
    | { readonly check: (principal: Principal, req: Request) => boolean | Promise<boolean>; readonly everyMs: number }
    | undefined;
  readonly revalidate:
    | { readonly check: (principal: Principal) => boolean | Promise<boolean>; readonly everyMs: number }
    | undefined;
  readonly countsAsActivity: (req: Request) => boolean;
  readonly principalFrom: ((req: Request) => Principal | undefined) | undefined;
  readonly onSignOn: readonly SignOnHook[];
  readonly clearSiteData: readonly ('cache' | 'storage')[];
  readonly issuer: string;
}

/** Runs in the request that signs on or off, before its headers are written. One that fails is logged, and changes nothing else. */
export interface SignOnHook {
  signOn(req: Request, res: Response, principal: Principal, node: HookNode): void | Promise<void>;
  /**
   * Runs in every later request of the sign-on, before the application, at a node that takes new ones: gives again what the browser has
   * no more. At once, since it runs often.
   */
  comeBack?(req: Request, res: Response, node: HookNode): void;
  /** Must take away what `signOn` gave, with the same attributes. */
  signOff?(req: Request, res: Response, node: HookNode): void;
}

/** The node that a hook runs on. */
export interface HookNode {
  readonly route: string | undefined;
  /** How the SSO cookie is set: what is to come with it must be set alike. */
  readonly settings: Pick<ValveSettings, 'sameSite' | 'partitioned'>;
}

export interface ValveParts {
  readonly registry: ValveRegistry;
  /** Whether a sign-on may be accepted at this instant: read at every use, since leases end by themselves. */
  readonly finality: Pick<Finality, 'mayAccept' | 'waitToAccept'>;
  readonly settings: ValveSettings;
  readonly keys: Pick<Keys, 'token' | 'csrf' | 'assertionSeeds'>;
  readonly context: Pick<RequestContext, 'run'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The sticky suffix of this node. */
  readonly route: string | undefined;
  /**
   * Whether this node opens sign-ons now, as the registry judges it too: it is up, may accept, can write its disk, and its clock
   * is near the others'. While it does not, "unknown" proves nothing, and no cookie is deleted for it.
   */
  readonly accepting: () => boolean;
  /** Whether browsers should be led to this node: `accepting`, and it does not rest. Default: `accepting`. */
  readonly takesNew?: () => boolean;
  /** What the applications of this node call the places where they check their users. */
  readonly realms?: Realms;
  /** Slows guessing; `undefined`: nothing does. */
  readonly throttle?: Pick<Throttle, 'admit' | 'remember' | 'isSameAccount'> | undefined;
  /** Somebody was not signed on, for this reason: for metrics. */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined;
}

export type ValveRegistry = Pick<
  Registry,
  'look' | 'inquire' | 'rolesOf' | 'mark' | 'openNow' | 'held' | 'touch' | 'close' | 'endSubject' | 'isOpen' | 'endsAt'
>;
