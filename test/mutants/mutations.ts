/** All planted mistakes, in the order of the page. */

import { buddyMutations } from './buddies.ts';
import { keepingMutations } from './keeping.ts';
import { leaseMutations } from './leases.ts';
import { logoutMutations } from './logout.ts';
import type { Mutation } from './mutation.ts';
import { restartMutations } from './restarts.ts';
import { sessionMutations } from './sessions.ts';

export const mutations: readonly Mutation[] = [
  ...leaseMutations,
  ...logoutMutations,
  ...restartMutations,
  ...keepingMutations,
  ...sessionMutations,
  ...buddyMutations,
];
