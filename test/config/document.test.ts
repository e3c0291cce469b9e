import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError, falseOr, fields, must, parseDocument } from '../../config/document.ts';

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

test('false, or fields: what is wrong in them has its own place, and anything else is told what may stand there', () => {
  const either = fields({
    check: falseOr(fields({ everyMs: z.number(must('a number')) }), 'false, or { everyMs }').optional(),
  });
  const problemsOfEither = (text: string) => {
    try {
      return [JSON.stringify(parseDocument('file.yaml', text, either))];
    } catch (error) {
      return (error as ConfigError).problems;
    }
  };
  assert.deepEqual(problemsOfEither('check: false\n'), ['{"check":false}']);
  assert.deepEqual(problemsOfEither('check: { everyMs: 5 }\n'), ['{"check":{"everyMs":5}}']);
  assert.deepEqual(problemsOfEither('check:\n  everyMs: x\n'), ['file.yaml:2: check.everyMs: must be a number']);
  assert.deepEqual(problemsOfEither('check:\n  everyMs: 5\n  evryMs: 5\n'), [
    'file.yaml:3: check.evryMs: is not a known field; did you mean "everyMs"?',
  ]);
  assert.deepEqual(problemsOfEither('check: true\n'), ['file.yaml:1: check: must be false, or { everyMs }']);
});
