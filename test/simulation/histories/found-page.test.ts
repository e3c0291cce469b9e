/** A comparison tells that all is here only if it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Core } from '../../../sso/gossip/core.ts';
import { Counters } from '../../../sso/gossip/counters.ts';
import { Hasher } from '../../../sso/gossip/digest.ts';
import type { Lattice } from '../../../sso/gossip/lattice.ts';
import type { Step } from '../../../sso/gossip/steps.ts';

const texts: Lattice<string> = {
  name: 'texts',
  merge: (mine, theirs) => (theirs > mine ? theirs : mine),
  encode: (value) => value,
  decode: (data) => (typeof data === 'string' ? data : undefined),
  forgetAt: () => Number.POSITIVE_INFINITY,
};
const moment = { now: 1_000_000, monotonic: 0 };
const [a, b] = [
  { node: 'a', incarnation: 1 },
  { node: 'b', incarnation: 1 },
];

test('S1: a page that brings nothing new, because it came another way meanwhile, does not end its bucket', () => {
  const hasher = new Hasher();
  const keys: string[] = [];
  for (let at = 0; keys.length < 3; at++) if (hasher.key(`key${at}`).bucket === 7) keys.push(`key${at}`);
  const asker = new Core('a', new Counters());
  const giver = new Core('b', new Counters(), () => 5);
  const mine = asker.declare(texts);
  const theirs = giver.declare(texts);
  for (const key of keys) giver.put(theirs, key, key.padEnd(60_000, '.'), moment.now);
  giver.flush(false);
  giver.up(a!, moment);
  const marks: number[] = [];
  let pages = 0;
  const go = (step: Step): void => {
    marks.push(...step.compared.map(({ mark }) => mark));
    if (marks.length > 0) return;
    for (const { frame } of step.send) {
      for (const answer of giver.receive(a!, frame, moment).send) {
        // The first page is overtaken by the same value from a third node.
        if (answer.frame[1] === 6 && pages++ === 0)
          for (const key of keys.slice(0, 1)) asker.put(mine, key, theirs.get(key)!, moment.now);
        go(asker.receive(b!, answer.frame, moment));
      }
    }
  };
  go(asker.up(b!, moment));
  if (marks.length === 0) go(asker.compare(b!, moment)); // what is here by now is left out of the first page
  assert.deepEqual(marks, [5]);
  assert.equal(mine.size, 3);
});
