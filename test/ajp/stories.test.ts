/**
 * The tests of the applications once more, by AJP: nothing in them may depend on how a request came.
 * They are the same files; only what carries their requests is another.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carryBy } from '../support/carried.ts';
import { byAjp, carriedByAjp } from './support/front.ts';

carryBy(byAjp);

await import('../stories/issuing.test.ts');
await import('../stories/recognition.test.ts');
await import('../stories/login-again.test.ts');
await import('../stories/roles.test.ts');
await import('../stories/routes.test.ts');
await import('../stories/checks-requests.test.ts');
await import('../stories/checks-sign-on.test.ts');
await import('../session/sessions.test.ts');
await import('../session/session-cookie.test.ts');
await import('../session/linking.test.ts');

test('and all of these requests went by AJP', () => assert.ok(carriedByAjp() > 500, String(carriedByAjp())));
