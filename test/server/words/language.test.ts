import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dictionaries, languageOf } from '../../../server/words/language.ts';

const both = ['en', 'de'] as const;

test('a browser is spoken to in the language that it prefers, else in the first that is spoken here', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    [undefined, 'en'],
    ['de', 'de'],
    ['de-AT,de;q=0.9,en;q=0.5', 'de'],
    ['fr,en;q=0.4,de;q=0.8', 'de'],
    ['fr;q=0.9, de-CH;q=0.3', 'de'],
    ['fr', 'en'],
    ['de;q=0,*;q=0.1', 'en'],
    ['en;q=0, *', 'de'],
    ['*', 'en'],
    [';;;,,,q=1', 'en'],
    ['de,'.repeat(10_000), 'en'],
  ];
  for (const [accepted, expected] of cases) assert.equal(languageOf(both, { accepted }), expected, accepted);
  assert.equal(languageOf(['de', 'en'], { accepted: 'fr' }), 'de');
});

test('what was chosen outranks what the cookie kept, and that outranks the browser; unknown words count as nothing', () => {
  assert.equal(languageOf(both, { chosen: 'de', kept: 'en', accepted: 'en' }), 'de');
  assert.equal(languageOf(both, { chosen: ['de', 'en'], kept: 'de', accepted: 'en' }), 'de');
  assert.equal(languageOf(both, { chosen: '__proto__', kept: 'constructor', accepted: 'en' }), 'en');
  assert.equal(languageOf(['en'], { chosen: 'de' }), 'en');
});

test('every language says everything, and says it differently', () => {
  const same: string[] = [];
  const compare = (path: string, one: unknown, other: unknown) => {
    if (typeof one === 'function') return assert.equal(typeof other, 'function', path);
    if (typeof one === 'object' && one !== null)
      return Object.keys(one).forEach((key) => {
        if (/\.(means|causes|sentences)$/.test(path)) return;
        compare(`${path}.${key}`, (one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]);
      });
    assert.ok(String(other).trim() !== '', path);
    if (String(one) === String(other)) same.push(path);
  };
  compare('', dictionaries.en, dictionaries.de);
  assert.deepEqual(same, ['.signIn.name', '.home.name'], 'the same in both');
});
