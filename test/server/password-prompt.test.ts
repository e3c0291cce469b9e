import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readPassword } from '../../server/password-prompt.ts';

/** A terminal that types these keys, one prompt after the other. */
function terminal(...typed: readonly string[]) {
  const keys = [...typed];
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true as const,
    setRawMode(raw: boolean) {
      modes.push(raw);
      return this as never;
    },
  });
  let shown = '';
  const stderr = new PassThrough();
  stderr.on('data', (chunk) => {
    shown += chunk;
    if (/: $/.test(String(chunk))) stdin.write(keys.shift() ?? '\u0003');
  });
  return { stdin, stderr, modes, shown: () => shown };
}

test('a password typed on a terminal is asked twice and never shown', async () => {
  const tty = terminal('wonderx\u007fland\r', 'nonsense\u0015wonderland\n');
  assert.equal(await readPassword(tty), 'wonderland');
  assert.equal(tty.shown(), 'Password: \nAgain: \n');
  assert.deepEqual(tty.modes, [true, false, true, false]);
});

test('two that differ, none at all and Ctrl-C are told, and leave the terminal as it was', async () => {
  for (const [typed, says] of [
    [['one\r', 'two\r'], /the two passwords differ/],
    [['\r'], /no password was given/],
    [['wonder\u0003'], /broken off/],
  ] as const) {
    const tty = terminal(...typed);
    await assert.rejects(readPassword(tty), says);
    assert.equal(tty.modes.at(-1), false);
  }
});
