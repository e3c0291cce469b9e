/** All checks of an httpd configuration, in the order in which they are told. */

import type { Check } from '../check.ts';
import { failureChecks } from './failure-checks.ts';
import type { HttpdModel } from './model.ts';
import { passingChecks } from './passing-checks.ts';
import { routeCookieCheck } from './route-cookie-check.ts';
import { seenChecks } from './seen-checks.ts';
import { stickyChecks } from './sticky-checks.ts';
import { trustChecks } from './trust-checks.ts';

export const httpdChecks: readonly Check<HttpdModel>[] = [
  ...passingChecks,
  ...stickyChecks,
  routeCookieCheck,
  ...failureChecks,
  ...seenChecks,
  ...trustChecks,
];
