/** The list of planted mistakes does not rot: each can still be planted, and whoever survives is explained. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './bench.ts';
import { mutated } from './mutation.ts';
import { mutations } from './mutations.ts';

test('every planted mistake has a place, exactly one, in the code as it is now', () => {
  for (const mutation of mutations) {
    const text = readFileSync(join(root, mutation.file), 'utf8');
    assert.notEqual(mutated(text, mutation), text, mutation.name);
  }
});

test('there are at least 40, no two of one name, some of them quick, and one at least for each room of final logout', () => {
  assert.ok(mutations.length >= 40);
  assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
  const quick = mutations.filter((one) => one.quick);
  assert.ok(quick.length >= 5 && quick.length <= 12);
  for (const { name, history } of quick) assert.ok(history, name);
});

test('whoever is known to survive is explained in the README, nobody else is', () => {
  const page = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  for (const { name, survives } of mutations) assert.equal(page.includes(`| ${name} |`), survives !== undefined, name);
});

test('a place that occurs twice, or not at all, is an error', () => {
  const mutation = { name: 'm', rule: '', file: 'f.ts', find: 'a', replace: 'b', breaks: [] };
  assert.equal(mutated('xay', mutation), 'xby');
  assert.throws(() => mutated('xy', mutation), /occurs 0 times in f\.ts/);
  assert.throws(() => mutated('xaya', mutation), /occurs 2 times in f\.ts/);
  assert.throws(() => mutated('xay', { ...mutation, replace: 'a' }), /changes nothing/);
});
