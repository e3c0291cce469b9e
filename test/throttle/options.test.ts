/** What an operator may say about it, in code and in a file. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throttleSchema } from '../../config/throttle.ts';
import { resolveOptions } from '../../sso/options.ts';
import { throttleDefaults } from '../../sso/throttle/limits.ts';

const secret = 'dQ3vXn8wRk5tYb2mHs7cLp4zGf9jAe6u';

test('by default guessing is slowed; false switches it off; what is left out has its default', () => {
  assert.deepEqual(resolveOptions({ secret }).throttle, throttleDefaults);
  assert.equal(resolveOptions({ secret, throttle: false }).throttle, undefined);
  const throttle = { account: { failures: 3 }, maxKeys: 10 };
  assert.deepEqual(resolveOptions({ secret, throttle }).throttle, {
    ...throttleDefaults,
    account: { ...throttleDefaults.account, failures: 3 },
    maxKeys: 10,
  });
});

test('check 75: what is unknown or cannot work is refused with the field’s path and what would be right', () => {
  for (const [throttle, message] of [
    [true, /^throttle: must be an object/],
    [{ acount: {} }, /^throttle\.acount: is no option: did you mean "account"\?$/],
    [{ account: { failures: 0 } }, /^throttle\.account\.failures: must be a whole number above 0/],
    [{ account: { burst: 1 } }, /^throttle\.account\.burst: is no option/],
    [{ source: { windowMs: 10 } }, /^throttle\.source\.windowMs: must be at least 1000 ms/],
    [{ knownBrowserMs: 1e12 }, /^throttle\.knownBrowserMs: must be at most 400 days/],
    [{ accountOf: 'name' }, /^throttle\.accountOf: must be a function/],
  ] as const) {
    assert.throws(() => resolveOptions({ secret, throttle: throttle as never }), {
      code: 'ERR_CONFIG_INVALID',
      message,
    });
  }
});

test('a file says the same under the same names', () => {
  assert.equal(throttleSchema.parse(false), false);
  const given = {
    account: { failures: 3, longestWaitMs: 60_000 },
    source: { failures: 10 },
    all: {},
    knownBrowserMs: 0,
  };
  assert.deepEqual(throttleSchema.parse(given), given);
  const problems = (value: unknown) => {
    const parsed = throttleSchema.safeParse(value);
    assert.ok(!parsed.success, JSON.stringify(value));
    return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
  assert.match(problems({ acount: {} })[0]!, /^acount: is not a known field; did you mean "account"/);
  assert.match(
    problems({ account: { failures: 'few' } })[0]!,
    /^account\.failures: must be a whole number of failures/,
  );
  assert.match(problems(true)[0]!, /^: must hold fields/);
});
