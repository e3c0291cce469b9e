/**
 * The audit: one structured line, at `info`, for each sign-on, refusal, end and administrative act. It
 * holds no secret by its types alone: no token and no session id ever comes here, and of an SsoId the
 * first eight characters go out, which are enough to find the lines that belong together and can be
 * turned into nothing. A line is told once in the cluster: whatever every node concludes by itself, one
 * of them says for all.
 */

import type { Cause } from '../entry.ts';
import type { Log } from '../log.ts';
import type { SsoId } from '../token.ts';
import {
  type Act,
  type AuditEvent,
  auditEvents,
  type Ending,
  type RefusalReason,
  type SignOffRefusalReason,
} from './events.ts';

export interface AuditParts {
  readonly log: Log;
  /** This node's name, for lines of several nodes that are kept together. */
  readonly node: string | undefined;
  /** Whether this node speaks for all: exactly one living node should. Default: it does, as a node without a cluster. */
  readonly speaks?: () => boolean;
  /** Somebody was not signed on: for metrics. */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined;
}

export interface SignedOn {
  readonly user: string;
  readonly how: string;
  readonly signOn: SsoId;
  /** The address the request came from. */
  readonly source: string | undefined;
}

export interface Refused {
  readonly reason: RefusalReason;
  /** As it was sent; cut to 200 characters. */
  readonly user: string | undefined;
  readonly how: string;
  readonly source: string | undefined;
}

/** The registry's `Closed` is one. */
export interface SignedOff {
  readonly id: SsoId;
  readonly principal: { readonly name: string } | undefined;
  readonly cause: Cause;
  /** Whether it was closed through this node. */
  readonly own: boolean;
  /** How many sessions ended with it, in all applications, as this node saw them. */
  readonly sessions: number;
}

export interface SubjectEnded {
  readonly user: string;
  readonly cause: Cause;
  /** Who did it, if the application said so. */
  readonly by: string | undefined;
}

export interface RolesSet {
  readonly user: string;
  readonly roles: readonly string[];
  readonly by: string | undefined;
}

export interface Administered {
  readonly act: Act;
  /** Who did it, if the application said so. */
  readonly by?: string | undefined;
  readonly signOn?: SsoId;
  readonly app?: string;
  /** For so long, milliseconds. */
  readonly forMs?: number;
}

export interface NodeEnds {
  readonly act: Ending;
  /** What told it to, in a word: a signal. */
  readonly cause?: string | undefined;
  readonly by?: string | undefined;
}

/** Characters of an SsoId that a line names a sign-on by: 48 bits, so two of a million differ. */
const signOnLength = 8;
/** Longest name of a user that is repeated as it was sent. */
const userLength = 200;
/** Ends that every node concludes by itself from what it knows. */
const concluded: ReadonlySet<Cause> = new Set<Cause>(['expired', 'epoch', 'conflict']);

export class Audit {
  readonly #log: Log;
  readonly #node: string | undefined;
  readonly #speaks: () => boolean;
  readonly #onRefused: ((reason: RefusalReason) => void) | undefined;

  constructor({ log, node, speaks = () => true, onRefused }: AuditParts) {
    this.#log = log;
    this.#node = node;
    this.#speaks = speaks;
    this.#onRefused = onRefused;
  }

  signedOn({ user, how, signOn, source }: SignedOn): void {
    this.#tell('sign-on', { user, how, signOn: signOn.slice(0, signOnLength), source });
  }

  refused({ reason, user, how, source }: Refused): void {
    this.#onRefused?.(reason);
    this.#tell('sign-on-refused', { reason, user: user?.slice(0, userLength), how, source });
  }

  /** For every end of a sign-on that this node hears of: it tells those that are its to tell. */
  signedOff({ id, principal, cause, own, sessions }: SignedOff): void {
    if (!own && !(concluded.has(cause) && this.#speaks())) return;
    this.#tell('sign-off', { user: principal?.name, signOn: id.slice(0, signOnLength), cause, sessions });
  }

  signOffRefused({
    reason,
    source,
  }: {
    readonly reason: SignOffRefusalReason;
    readonly source: string | undefined;
  }): void {
    this.#tell('sign-off-refused', { reason, source });
  }

  /** At the node that ends them, when it does. */
  subjectEnded({ user, cause, by }: SubjectEnded): void {
    this.#tell('subject-ended', { user, cause, by });
  }

  rolesSet({ user, roles, by }: RolesSet): void {
    this.#tell('roles-set', { user, roles, by });
  }

  administered({ act, by, signOn, app, forMs }: Administered): void {
    this.#tell('administration', { act, by, signOn: signOn?.slice(0, signOnLength), app, forMs });
  }

  nodeEnds({ act, cause = 'call', by }: NodeEnds): void {
    this.#tell('node-ends', { act, cause, by });
  }

  #tell(event: AuditEvent, fields: Readonly<Record<string, unknown>>): void {
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    this.#log.info({ event, node: this.#node, ...Object.fromEntries(known) }, auditEvents[event]);
  }
}
