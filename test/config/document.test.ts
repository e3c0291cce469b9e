import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError, fields, must, parseDocument } from '../../config/document.ts';
import { nearest } from '../../config/nearest.ts';

const schema = fields({
  name: z.string(must('a name')),
  list: z.array(z.number(must('a number'))).optional(),
  inner: fields({ deep: z.boolean(must('true or false')) }).optional(),
});

function problemsOf(text: string): readonly string[] {
  try {
    parseDocument('file.yaml', text, schema);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

test('a problem names the file, the line, the path of the field and what would be right', () => {
  assert.deepEqual(problemsOf('name: x\ninner:\n  deep: 3\n'), ['file.yaml:3: inner.deep: must be true or false']);
  assert.deepEqual(problemsOf('name: x\nlist: [1, 2, x]\n'), ['file.yaml:2: list[2]: must be a number']);
  assert.deepEqual(problemsOf('list: []\n'), ['file.yaml: name: is missing: must be a name']);
  assert.deepEqual(problemsOf('name: x\ninner: 3\n'), ['file.yaml:2: inner: must hold fields (deep)']);
});

test('every problem of a file is told, each in one line', () => {
  assert.deepEqual(problemsOf('nam: x\nlist: 3\n').length, 3);
});

test('an unknown field is an error that names its neighbour, whatever it is called', () => {
  assert.deepEqual(problemsOf('name: x\ninner: { deeep: true, deep: true }\n'), [
    'file.yaml:2: inner.deeep: is not a known field; did you mean "deep"?',
  ]);
  assert.match(problemsOf('name: x\nzebra: 1\n')[0]!, /zebra: is not a known field; known here: name, list, inner$/);
  for (const name of ['__proto__', 'constructor', 'toString'])
    assert.match(problemsOf(`name: x\n${name}: {}\n`).join(), new RegExp(`${name}: is not a known field`));
});

test('what is not YAML, not a mapping, or says a field twice is told with its line', () => {
  assert.match(problemsOf('name: [\n')[0]!, /^file\.yaml:\d: not valid YAML: /);
  assert.match(problemsOf('name: x\nname: y\n')[0]!, /^file\.yaml:2: not valid YAML: .*unique/i);
  assert.match(problemsOf('name: !secret x\n')[0]!, /not valid YAML/);
  for (const text of ['', 'just text', '- a\n- b\n', '# nothing\n'])
    assert.match(problemsOf(text)[0]!, /must hold fields/);
});

test('a message stays one harmless line, whatever the file holds', () => {
  for (const problem of problemsOf('name: x\n"a\\e[31m\\nb": 1\n')) assert.doesNotMatch(problem, /[\p{Cc}]/u);
});

test('the nearest word is a misspelling of it, and none is nearest to what is far from all', () => {
  const known = ['cookieDomain', 'cookieName', 'secret', 'demo'];
  assert.equal(nearest('cookiedomain', known), 'cookieDomain');
  assert.equal(nearest('cokieDomian', known), 'cookieDomain');
  assert.equal(nearest('cookie_name', known), 'cookieName');
  assert.equal(nearest('dmeo', known), 'demo');
  assert.equal(nearest('zebra', known), undefined);
  assert.equal(nearest('', known), undefined);
});
