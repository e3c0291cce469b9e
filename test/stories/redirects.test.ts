/**
 * Checks 41, 42 and 45 of SECURITY.md by the corpus of return addresses: at the doors of an application with the library, and at
 * those of `latchkey serve` as a process. Each door has its share of every family here; the
 * end-to-end tests send every string through every door and ask a real browser where it leads.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Door, type Doors, escapes, libraryDoors, servedDoors } from '../corpus/doors.ts';
import { fuzz, judged, mutated } from '../corpus/fuzz.ts';
import { corpusText } from '../corpus/make-redirects.ts';
import { allowed, corpus, huge, isHarmless, leadsTo, origins, page } from '../corpus/redirects.ts';
import { type ServedCluster, serve } from '../support/served.ts';

const addresses = corpus();
const strings = addresses.map(({ text }) => text);
const harmless = addresses.filter(isHarmless).map(({ text }) => text);
/** Every n-th, so that each family has its share. */
const oneIn = (n: number, from = 0) => strings.filter((_, i) => i % n === from % n);

let library: Doors;
let served: ServedCluster;
before(async () => {
  [library, served] = await Promise.all([
    libraryDoors(),
    serve(1, { cookieDomain: 'xyz.test', origins, log: { level: 'error' } }),
  ]);
});
after(() => Promise.all([library.stop(), served.stop()]));

/** Where an address leads at this door if it is followed. */
async function follows(door: Door, wanted: readonly string[]): Promise<void> {
  for (const [i, leads] of (await door.try(wanted)).entries()) {
    const address = new URL(wanted[i]!, page).href;
    assert.ok(
      leads.some((lead) => URL.canParse(lead, page) && new URL(lead, page).href === address),
      `${door.name}: ${wanted[i]} is ours and was not followed: ${leads}`,
    );
  }
}

test('the corpus is what its generator makes: thousands of strings, most of them dangerous, none twice', () => {
  assert.equal(readFileSync(join(import.meta.dirname, '../corpus/redirects.txt'), 'utf8'), corpusText());
  assert.ok(new Set(strings).size === strings.length && strings.length >= 2_000, `${strings.length} strings`);
  const dangerous = strings.filter((text) => ![...allowed, null].includes(leadsTo(text)));
  assert.ok(dangerous.length >= 1_300, `${dangerous.length} would lead elsewhere if they were believed`);
  for (const text of harmless) assert.ok(allowed.has(leadsTo(text) ?? ''), text);
});

test('check 41, 45: strings of every family, refused or followed by the library, lead to an allowed origin', async () => {
  const found = [];
  for (const [i, door] of library.doors.entries())
    found.push(...(await escapes(door, oneIn(3 * library.doors.length, i))));
  assert.deepEqual(found, []);
});

test('check 41: what leads to an allowed origin is followed as it is, by every door of the library that goes there itself', async () => {
  const straight = library.doors.filter(({ name }) => /^log(in|out)\(\): the field|challenge$/.test(name));
  assert.equal(straight.length, 3);
  const paths = harmless.filter((text) => text.startsWith('/'));
  for (const door of straight)
    await follows(
      door,
      door.name.includes('challenge') ? paths.filter((text) => !/[#&]/.test(text) && !/^\/log/.test(text)) : harmless,
    );
});

test('check 41, 45: strings of 64 kB lead nowhere else, at the library and at a served node', async () => {
  const found = [];
  for (const door of [library.doors[0]!, library.doors[3]!, servedDoors(served.nodes[0]!.port)[0]!])
    found.push(...(await escapes(door, huge())));
  assert.deepEqual(found, []);
});

test('check 41, 45: at a served node strings of every family lead to an allowed origin, through page, form and query', async () => {
  const doors = servedDoors(served.nodes[0]!.port);
  const found = [];
  for (const [i, door] of doors.entries()) found.push(...(await escapes(door, oneIn(6 * doors.length, i))));
  assert.deepEqual(found, []);
  await follows(doors[0]!, harmless);
});

test('check 41: of all of the corpus and of its mutations the guard of these doors lets none lead elsewhere (seeded)', async () => {
  const seed = 41;
  const all = judged(strings);
  assert.deepEqual(all.escaped, []);
  const { followed, hostile, escaped } = fuzz(30_000, seed);
  assert.deepEqual(escaped, [], `seed ${seed}`);
  assert.ok(followed > 500 && hostile > 2_500, `${followed} were followed, ${hostile} would have led elsewhere`);
  const some = mutated(seed);
  const found = await escapes(
    library.doors[0]!,
    Array.from({ length: 200 }, () => some.next().value),
  );
  assert.deepEqual(found, [], `seed ${seed}`);
});
