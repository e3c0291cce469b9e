import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SsoError } from '../../sso/errors.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { store } from '../../sso/session/store.ts';
import { World } from './support/world.ts';

const wrong: readonly [options: unknown, message: RegExp][] = [
  [{}, /^app: is required/],
  [{ app: '' }, /^app: /],
  [{ app: 'my shop' }, /^app: /],
  [{ app: 'shop;' }, /^app: /],
  [{ app: 5 }, /^app: /],
  [{ app: 'shop', idleMs: -1 }, /^idleMs: /],
  [{ app: 'shop', idleMs: Number.NaN }, /^idleMs: /],
  [{ app: 'shop', idleMs: 1.5 }, /^idleMs: /],
  [{ app: 'shop', idleMs: '30' }, /^idleMs: /],
  [{ app: 'shop', genid: 'bogus' }, /^genid: must be a function/],
  [{ app: 'shop', unset: 'bogus' }, /^unset: must be/],
  [{ app: 'shop', name: 'a b' }, /^name: /],
  [{ app: 'shop', name: '' }, /^name: /],
  [{ app: 'shop', name: 'ä' }, /^name: /],
  [{ app: 'shop', cookie: 42 }, /^cookie: argument options/],
  [{ app: 'shop', cookie: 'no' }, /^cookie: argument options/],
  [{ app: 'shop', cookie: { maxAge: '42' } }, /^cookie: maxAge must be/],
];

for (const [options, message] of wrong) {
  test(`refused at start, with the option's name: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => sessions(new World().node.parts, options as SessionOptions),
      (error: SsoError) => error.code === 'ERR_CONFIG_INVALID' && message.test(error.message),
    );
  });
}

test("a store needs the application's name as well", () => {
  assert.throws(() => store(new World().node.parts, {} as never), { code: 'ERR_CONFIG_INVALID' });
  for (const [more, message] of [
    [{ onEnd: 'no' }, /^onEnd: must be a function/],
    [{ onend: () => {} }, /^store\.onend: is no option: there are app, idleMs, onEnd/],
  ] as const)
    assert.throws(() => store(new World().node.parts, { app: 'shop', ...more } as never), {
      code: 'ERR_CONFIG_INVALID',
      message,
    });
});

/** What is said at start, as level and the beginning of the message. */
function said(options: Partial<SessionOptions>, allowInsecureCookie = false): string[] {
  const world = new World({ allowInsecureCookie });
  sessions(world.node.parts, { app: 'shop', ...options });
  return world.log.map(({ level, message }) => `${level} ${/"secret"|prefix|cookie\.secure/.exec(message)?.[0]}`);
}

test('what has no effect, and what is dangerous, is said once at start', () => {
  assert.deepEqual(said({}), []);
  assert.deepEqual(said({ secret: 'keyboard cat' }), ['info "secret"']);
  assert.deepEqual(said({ name: 'connect.sid' }), ['warn prefix']);
  assert.deepEqual(said({ name: '__Secure-shop' }), []);
  assert.deepEqual(said({ cookie: { secure: false } }), ['warn prefix', 'warn cookie.secure']);
  assert.deepEqual(said({ name: 'connect.sid' }, true), []);
});
