/**
 * How the requests of a test reach its application: as they are, unless something else is said first.
 * `test/ajp` says "by AJP" and then imports tests that were written for HTTP.
 */

import type { RequestListener } from 'node:http';

let carry = (listener: RequestListener): RequestListener => listener;

/** From now on. */
export function carryBy(by: (listener: RequestListener) => RequestListener): void {
  carry = by;
}

/** What a server has to listen with, so that this listener gets its requests. */
export const carried = (listener: RequestListener): RequestListener => carry(listener);
