/**
 * How long a request waits where this node may not accept a sign-on now. A process that was paused, or
 * cut off for a moment, has its leases back within one round trip, and nobody notices; one that stays
 * cut off says so soon (FINAL-LOGOUT.md, Leases).
 */

/** Milliseconds, once for each request. */
export const leaseWaitMs = 250;
