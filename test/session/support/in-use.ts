/** What an application could use now: for tests that look at what is left of it. */

import type { SessionTable } from '../../../sso/session/table.ts';
import type { TestCopies } from './world.ts';

/** The keys of an application's sessions that are live here, by the way of any request; those whose data stays or is elsewhere are not. */
export function inUse(
  { table, copies }: { readonly table: SessionTable; readonly copies: TestCopies },
  app = 'shop',
): readonly string[] {
  return [...copies.entries()].flatMap(([key, record]) =>
    record.state === 'live' && record.app === app && table.look(key).state === 'live' ? [key] : [],
  );
}
