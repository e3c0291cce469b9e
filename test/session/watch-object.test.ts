/** Whatever an application does with the properties of `req.session`, it behaves as a plain object with all of them would. */

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { SessionCookie } from '../../sso/session/cookie.ts';
import { removed } from '../../sso/session/graph/tracker.ts';
import type { ReplicationTrigger } from '../../sso/session/options/replication.ts';
import { Session, type SessionOwner } from '../../sso/session/session.ts';
import { type Attributes, Watch } from '../../sso/session/watch.ts';

const owner = { req: {} as IncomingMessage } as unknown as SessionOwner;

/** A session over these stored attributes, with what its watcher was told, and which of them were decoded. */
function watched(stored: ReadonlyMap<string, unknown>, trigger: ReplicationTrigger = 'SET_AND_NON_PRIMITIVE_GET') {
  const told = { changing: 0, reading: 0 };
  const decoded = new Set<string>();
  const tracker = {
    names: () => [...stored.keys()],
    read: (name: string) => {
      if (stored.has(name)) decoded.add(name);
      return stored.get(name);
    },
  };
  const session = new Session(owner, { id: 'id' }, new SessionCookie());
  const watch = new Watch(session, tracker, {
    trigger,
    changing: () => void told.changing++,
    reading: () => void told.reading++,
  });
  return { watch, told, decoded, handed: watch.handed as Session & Attributes };
}

/** The same as an object that has everything at once. */
function plain(stored: ReadonlyMap<string, unknown>): Session & Attributes {
  const session = new Session(owner, { id: 'id' }, new SessionCookie()) as Session & Attributes;
  for (const [name, value] of stored) if (!(name in session)) session[name] = value;
  return session;
}

const names = ['user', 'cart', 'a', '7', '0', 'save', 'id', 'constructor', '__proto__', 'toJSON', '01', '4294967295'];
const name = fc.constantFrom(...names);
const value = fc.constantFrom<unknown>(1, 'x', null, undefined, true);

type Step = (on: Session & Attributes) => unknown;
const step: fc.Arbitrary<readonly [what: string, step: Step]> = fc.oneof(
  name.map((n) => [`get ${n}`, (s: Attributes) => s[n]] as const),
  fc.tuple(name, value).map(([n, v]) => [`set ${n}`, (s: Attributes) => Reflect.set(s, n, v)] as const),
  name.map((n) => [`has ${n}`, (s: Attributes) => n in s] as const),
  name.map((n) => [`own ${n}`, (s: Attributes) => Object.hasOwn(s, n)] as const),
  name.map((n) => [`delete ${n}`, (s: Attributes) => Reflect.deleteProperty(s, n)] as const),
  name.map((n) => [`describe ${n}`, (s: Attributes) => Reflect.getOwnPropertyDescriptor(s, n)] as const),
  fc
    .tuple(name, value, fc.boolean(), fc.boolean())
    .map(
      ([n, v, enumerable, configurable]) =>
        [
          `define ${n}`,
          (s: Attributes) => Reflect.defineProperty(s, n, { value: v, enumerable, configurable }),
        ] as const,
    ),
  fc
    .tuple(name, value)
    .map(([n, v]) => [`redefine ${n}`, (s: Attributes) => Reflect.defineProperty(s, n, { value: v })] as const),
  fc.constant(['keys', (s: Attributes) => Object.keys(s)] as const),
  fc.constant(['all keys', (s: Attributes) => Reflect.ownKeys(s)] as const),
  fc.constant(['JSON', (s: Attributes) => JSON.stringify(s)] as const),
  fc.constant(['spread', (s: Attributes) => Object.entries({ ...s })] as const),
  fc.constant(['for in', (s: Attributes) => Array.from(forIn(s))] as const),
  fc.constant(['seal', (s: Attributes) => void Object.seal(s)] as const),
);

function outcome(run: Step, on: Session & Attributes): unknown {
  try {
    return run(on);
  } catch (error) {
    return (error as Error).name;
  }
}

function* forIn(object: object) {
  for (const key in object) yield key;
}

/** Functions are compared by themselves, and the methods of two sessions are the same. */
test('any program of reads, writes, deletions and enumerations gives what a plain object gives', () => {
  const attributes = fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n, maxLength: 6 });
  fc.assert(
    fc.property(attributes, fc.array(step, { maxLength: 20 }), (pairs, steps) => {
      const stored = new Map(pairs);
      const { handed } = watched(stored);
      const model = plain(stored);
      for (const [what, run] of steps) assert.deepEqual(outcome(run, handed), outcome(run, model), what);
      assert.deepEqual(Reflect.ownKeys(handed), Reflect.ownKeys(model));
    }),
    { numRuns: 3_000 },
  );
});

/** What is stored after `touched` was applied, by name. */
function applied(stored: ReadonlyMap<string, unknown>, touched: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const after = new Map(stored);
  for (const [key, now] of touched) {
    if (now === removed) after.delete(key);
    else after.set(key, now);
  }
  return after;
}

test('what has to be compared holds every difference from what was stored, whatever the application did', () => {
  const attributes = fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n, maxLength: 6 });
  fc.assert(
    fc.property(attributes, fc.array(step, { maxLength: 20 }), (pairs, steps) => {
      const stored = new Map(pairs.filter(([n]) => !(n in Session.prototype)));
      const { handed, watch } = watched(stored, 'SET');
      const model = plain(stored);
      for (const [, run] of steps) {
        outcome(run, handed);
        outcome(run, model);
      }
      const { cookie: _, ...kept } = model;
      const after = applied(stored, watch.touched());
      assert.deepEqual(Object.fromEntries(after), kept);
    }),
    { numRuns: 2_000 },
  );
});

const cart = { items: ['book'] };
const kept = new Map<string, unknown>([
  ['user', 'alice'],
  ['cart', cart],
  ['count', 0],
  ['none', null],
]);

test('reading one attribute decodes no other; asking which there are decodes none', () => {
  const { handed, decoded } = watched(kept);
  assert.equal(handed['user'], 'alice');
  assert.ok('cart' in handed);
  assert.equal(Reflect.ownKeys(handed).length, 5);
  assert.deepEqual([...decoded], ['user']);
});

test('assigning and deleting decode nothing', () => {
  const { handed, decoded, watch } = watched(kept);
  handed['cart'] = 'gone';
  handed['more'] = 1;
  delete handed['user'];
  assert.deepEqual([...decoded], []);
  assert.deepEqual(
    watch.touched(),
    new Map<string, unknown>([
      ['cart', 'gone'],
      ['more', 1],
      ['user', removed],
    ]),
  );
});

const reads: readonly [
  ReplicationTrigger,
  name: string,
  dirty: boolean,
  told: { changing: number; reading: number },
][] = [
  ['SET', 'user', false, { changing: 0, reading: 0 }],
  ['SET', 'cart', false, { changing: 0, reading: 0 }],
  ['SET_AND_NON_PRIMITIVE_GET', 'user', false, { changing: 0, reading: 0 }],
  ['SET_AND_NON_PRIMITIVE_GET', 'cart', true, { changing: 1, reading: 0 }],
  ['SET_AND_NON_PRIMITIVE_GET', 'none', false, { changing: 0, reading: 0 }],
  ['SET_AND_NON_PRIMITIVE_GET', 'missing', false, { changing: 0, reading: 0 }],
  ['SET_AND_GET', 'user', false, { changing: 0, reading: 1 }],
  ['SET_AND_GET', 'cart', true, { changing: 1, reading: 1 }],
  ['SET_AND_GET', 'missing', false, { changing: 0, reading: 0 }],
];
for (const [trigger, read, dirty, { changing, reading }] of reads) {
  test(`${trigger}: reading \`${read}\` ${dirty ? 'makes it dirty' : 'makes nothing dirty'}${reading ? ' and is told' : ''} (V97)`, () => {
    const { handed, watch, told } = watched(kept, trigger);
    assert.equal(handed[read], kept.get(read));
    assert.deepEqual([...watch.touched()], dirty ? [[read, kept.get(read)]] : []);
    assert.deepEqual(told, { changing, reading });
  });
}

for (const trigger of ['SET', 'SET_AND_NON_PRIMITIVE_GET', 'SET_AND_GET'] as const) {
  test(`${trigger}: assigning, defining, deleting, and the cookie, may change something; methods do not`, () => {
    const changed = (act: (session: Session & Attributes) => unknown) => {
      const { handed, told, watch } = watched(kept, trigger);
      act(handed);
      return told.changing > 0 ? [...watch.touched().keys()] : 'nothing';
    };
    assert.deepEqual(
      changed((s) => void (s['user'] = 'bob')),
      ['user'],
    );
    assert.deepEqual(
      changed((s) => Object.defineProperty(s, 'x', { value: 1 })),
      ['x'],
    );
    assert.deepEqual(
      changed((s) => delete s['count']),
      ['count'],
    );
    assert.deepEqual(
      changed((s) => s.cookie),
      [],
    );
    assert.deepEqual(
      changed((s) => void (s.cookie = new SessionCookie())),
      [],
    );
    assert.deepEqual(
      changed((s) => [s.save, s.id, s.req, Object.hasOwn(s, 'user')]),
      'nothing',
    );
  });
}

test('an object takes the place of all attributes but for names that are taken', () => {
  const { watch, handed } = watched(kept);
  watch.replace({ user: 'bob', save: 1, more: [2] });
  assert.deepEqual(Object.keys(handed), ['cookie', 'user', 'more']);
  assert.deepEqual(Object.fromEntries(applied(kept, watch.touched())), { user: 'bob', more: [2] });
});

test('console.log of a session shows what is stored in it', () => {
  const { handed } = watched(new Map<string, unknown>([['cart', { items: [{ deep: { er: 1 } }] }]]));
  handed['user'] = 'alice';
  const shown = inspect(handed);
  assert.match(shown, /^Session \{/);
  assert.match(shown, /cart: \{ items: \[ \[Object\] \] \}/);
  assert.match(shown, /user: 'alice'/);
  assert.equal(inspect({ a: { b: { session: handed } } }), '{ a: { b: { session: [Session] } } }');
});
