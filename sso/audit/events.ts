/**
 * What the audit tells: every event with the sentence of its line. A line is made for machines: its
 * fields say all, the first of them is `event`, and these words are an interface: they stay as they are.
 */

/** The events, and what their lines say. */
export const auditEvents = {
  /** Somebody signed on: `user`, `how`, `signOn`, `source`. */
  'sign-on': 'a sign-on was opened',
  /** Somebody did not get in: `reason`; as far as known `user` (as it was sent: it may be nobody's name), `how`, `source`. */
  'sign-on-refused': 'a sign-on was refused',
  /**
   * A sign-on ended: `user` if it was known here, `signOn`, `cause`, and how many `sessions` ended with it. Told by one node: the one through which it was ended, or one of them where it ended by itself.
   */
  'sign-off': 'a sign-on ended',
  /** A sign-off was not carried out: `reason`, `source`. */
  'sign-off-refused': 'a sign-off was refused',
  /**
   * All sign-ons of a user end, those that are being checked included: `user`, `cause`, `by` (`revalidate`: the application's check
   * of accounts). Those known here have a line each besides.
   */
  'subject-ended': 'all sign-ons of a user ended',
  /** A user has other roles in all sign-ons from now on: `user`, `roles`, `by`. */
  'roles-set': 'the roles of a user were set',
  /** Somebody who runs this did something: `act`, `by`; `signOn`, `app` or `forMs` where it concerns one. */
  administration: 'an administrator acted',
  /** This node is to end, or has left the cluster: `act`, `cause` (a signal, or `call` where the application said nothing), `by`. */
  'node-ends': 'a node was told to end',
} as const;

export type AuditEvent = keyof typeof auditEvents;

/** Why somebody did not get in. */
export type RefusalReason =
  | 'credentials' // the name or the password is wrong
  | 'throttled' // too many attempts failed before: the password was not looked at
  | 'busy' // too many passwords are being verified
  | 'cross-site' // the browser says that another site's page sent it
  | 'form-expired' // the form's token is not of this browser
  | 'insecure-connection' // plain HTTP
  | 'foreign-host' // a host outside the cookieDomain
  | 'unavailable' // this node opens no sign-ons now: without leases, starting, draining, its disk or clock failing
  | 'limit' // there are too many sign-ons
  | 'authenticator-failed' // the application's check threw, or gave no answer
  | 'subject-ended'; // the user's sign-ons were ended while the credentials were checked

export type SignOffRefusalReason = Extract<RefusalReason, 'cross-site' | 'form-expired'>;

/**
 * `stop-application` concerns one of the node's applications, `end-entry` one sign-on; its end has a line of its own. `rest`: balancers
 * are told for a while (`forMs`) to send nothing here.
 */
export type Act = 'stop-application' | 'end-entry' | 'rest';

/** `drain`: it begins to hand over; `stop`: it leaves the cluster. */
export type Ending = 'drain' | 'stop';
