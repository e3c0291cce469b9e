/** `throttle` of a configuration file: how guessing of passwords is slowed, or `false`. The library's options of the same names, but for `accountOf`, which is a function. */

import { z } from 'zod';
import { falseOr, fields, must } from './document.ts';

const dayMs = 86_400_000;

function whole(be: string, min: number, max: number) {
  const error = `must be ${be}, ${min} to ${max}`;
  return z
    .number(must(`${be}, ${min} to ${max}`))
    .int(error)
    .min(min, error)
    .max(max, error);
}

const failures = whole('a whole number of failures', 1, 1_000_000);
const waitMs = whole('a whole number of milliseconds', 0, dayMs);
const windowMs = whole('a whole number of milliseconds', 1_000, 7 * dayMs);
const rate = fields({ failures: failures.exactOptional(), windowMs: windowMs.exactOptional() });

const options = fields({
  account: fields({
    failures: failures.exactOptional(),
    firstWaitMs: waitMs.exactOptional(),
    longestWaitMs: waitMs.exactOptional(),
    windowMs: windowMs.exactOptional(),
  }).exactOptional(),
  source: rate.exactOptional(),
  all: rate.exactOptional(),
  knownBrowserMs: whole('a whole number of milliseconds', 0, 400 * dayMs).exactOptional(),
  maxKeys: whole('a whole number of keys', 1, 100_000_000).exactOptional(),
});

export const throttleSchema = falseOr(options);
