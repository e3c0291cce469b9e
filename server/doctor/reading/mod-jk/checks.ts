/** All checks of mod_jk's configuration, in the order in which they are told. */

import type { Check } from '../check.ts';
import type { JkModel } from './model.ts';
import { mountChecks } from './mount-checks.ts';
import { propertyChecks } from './property-checks.ts';
import { workerChecks } from './worker-checks.ts';
import { workerFailureChecks } from './worker-failure-checks.ts';

export const jkChecks: readonly Check<JkModel>[] = [
  ...propertyChecks,
  ...workerChecks,
  ...workerFailureChecks,
  ...mountChecks,
];
