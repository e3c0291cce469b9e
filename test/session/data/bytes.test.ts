/** What is said to fit, against what it has on its way: over random data and changes, at every limit near it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Changes } from '../../../sso/session/data/changes.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';

const writers = ['node-one:1790000000000/aaaa', 'node-two:1790000000000/aaaa'];
const dayStamps = 86_400_000 * 1_024;
const part = fc.constantFrom('0', 'oabc.1', 'oabc.2', 'oabc.3', '"\u0001é');
const field = fc.constantFrom(':a', ':b', ':c', '\u0002"', 'é\\', 'name'.repeat(12));
const text = fc.oneof(
  fc.constantFrom('1', '"x"', '""', undefined),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => JSON.stringify(value)),
);
const changes: fc.Arbitrary<Changes> = fc.record({
  fields: fc.array(fc.record({ part, field, text }), { maxLength: 12 }),
  gone: fc.uniqueArray(part, { maxLength: 2 }),
});

test('what fits is no larger than the limit, however late it is written, or no larger than it was', () => {
  fc.assert(
    fc.property(
      fc.array(changes, { minLength: 1, maxLength: 8 }),
      changes,
      fc.integer({ min: -40, max: 700 }),
      (past, last, off) => {
        let stamp = 1_790_000_000_000 * 1_024;
        let data = SessionData.empty;
        for (const [at, step] of past.entries()) data = data.change(step, writers[at % 2]!, (stamp += 1_024)).data;
        const before = bytesOf(data);
        for (const writer of writers) {
          const after = bytesOf(data.change(last, writer, stamp + 30 * dayStamps).data);
          const limit = after + off;
          if (off >= 0 || !data.fitsInto(limit, last)) continue;
          // Beside what the last change's own writer has in the context.
          assert.ok(
            after - 48 <= before || before > limit - 48 * past.length,
            `${after} bytes in ${limit}, ${before} before`,
          );
        }
      },
    ),
    { numRuns: 1_000, seed: 1 },
  );
});

const bytesOf = (data: SessionData) => Buffer.byteLength(JSON.stringify(data.encode()));
