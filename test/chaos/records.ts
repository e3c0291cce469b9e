/** What the oracle has seen: plain data that travels from its process to the runner's. Instants are milliseconds of the machine's monotonic clock. */

export interface SignOn {
  readonly id: number;
  readonly user: string;
  readonly openedBy: string;
  /** The post was sent, and answered. */
  readonly beganAt: number;
  readonly openedAt: number;
  /** Something that may end it was sent. */
  endingAt: number | undefined;
  /** A `complete` receipt of its end had been received. */
  completeAt: number | undefined;
  /** From when on no node can accept it, by a `pending` receipt; milliseconds since 1970. */
  finalAt: number | undefined;
  /** It was accepted there, by requests sent then. */
  readonly accepted: { readonly node: string; readonly beganAt: number }[];
}

/** Why an answer was no yes. */
export type Refusal =
  /** 401, and the cookie stays. */
  | 'challenged'
  /** The cookie is to be deleted: the sign-on is said to be over. */
  | 'deleted'
  /** 503. */
  | 'unavailable'
  /** The connection could not be made, or ended. */
  | 'failed'
  /** A sign-on was not taken. */
  | 'sign-on'
  /** A logout, or a question for a receipt, was not taken, or did not complete in time. */
  | 'logout'
  /** The answer took longer than it may. */
  | 'hung';

export interface Refused {
  readonly kind: Refusal;
  readonly node: string;
  readonly signOn: number | undefined;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly detail: string;
}

/** What no fault allows. */
export interface Breach {
  readonly rule: string;
  readonly text: string;
}

export interface Logout {
  readonly node: string;
  readonly beganAt: number;
  /** When the `complete` receipt came: at once, or polled for. */
  completeAt: number | undefined;
  atOnce: boolean;
}

export interface Counts {
  accepted: number;
  /** Requests with ids that had ended, after a `complete` receipt. */
  endedAsked: number;
  signOns: number;
  requests: number;
}

export interface Records {
  readonly signOns: readonly SignOn[];
  readonly refused: readonly Refused[];
  readonly breaches: readonly Breach[];
  readonly logouts: readonly Logout[];
  readonly counts: Counts;
  /** When the oracle's own process stood still for long: the machine had too much to do. */
  readonly stalls: readonly { readonly from: number; readonly to: number }[];
  /** Whether receipts could be polled. */
  readonly pollable: boolean;
}
