import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Class, Classes } from '../../../sso/session/graph/classes.ts';

test('classes that other nodes could not find by their name are refused at the start', () => {
  const refused: readonly (readonly [list: readonly unknown[], message: RegExp])[] = [
    [[class A {}, class A {}], /classes: two of them are named A/],
    [[class {}], /classes: one of them has no name/],
    [['A'], /classes: must be a list of classes/],
    [[() => {}], /classes: must be a list of classes/],
  ];
  for (const [list, message] of refused)
    assert.throws(() => new Classes(list as readonly Class[]), { code: 'ERR_CONFIG_INVALID', message });
});

test('what is a kind of its own is said to need no registration; classes that extend it are registered', () => {
  for (const each of [Object, Array, Map, Set, Date])
    assert.throws(() => new Classes([each]), {
      code: 'ERR_CONFIG_INVALID',
      message: `classes: ${each.name} is built in and needs no registration`,
    });
  const list = [class A extends Array {}, class M extends Map {}, class S extends Set {}, class D extends Date {}];
  const classes = new Classes(list);
  for (const each of list) assert.equal(classes.of(new each())?.name, each.name);
});

test('classes of the runtime, and what extends them, are refused: what their instances hold would not arrive', () => {
  const advice = 'Keep its text, or an instance of a class of your own with toJSON';
  const lost = `an instance would arrive without what the runtime keeps inside it. ${advice}`;
  // biome-ignore format: a list
  const builtIn = [
    RegExp, Promise, URL, URLSearchParams, Uint8Array, Float64Array, BigInt64Array, ArrayBuffer, SharedArrayBuffer, DataView, Buffer,
    WeakMap, WeakSet, WeakRef, FinalizationRegistry, String, Number, Boolean, Symbol, BigInt, Blob, Headers, EventTarget, TextDecoder,
    Intl.NumberFormat, Intl.DateTimeFormat, Intl.Locale,
  ] as readonly unknown[] as readonly Class[];
  for (const each of builtIn)
    assert.throws(() => new Classes([each]), {
      code: 'ERR_CONFIG_INVALID',
      message: `classes: ${each.name} is built in: ${lost}`,
    });
  class Link extends URL {}
  class Deeper extends Link {}
  for (const each of [Link, Deeper])
    assert.throws(() => new Classes([each]), { message: `classes: ${each.name} is a URL: ${lost}` });
  const unseen = `message and stack of an instance are not enumerable and would not arrive. ${advice}`;
  class PaymentFailed extends Error {}
  class WrongType extends TypeError {}
  assert.throws(() => new Classes([Error]), { message: `classes: Error is built in: ${unseen}` });
  assert.throws(() => new Classes([DOMException]), { message: `classes: DOMException is built in: ${unseen}` });
  assert.throws(() => new Classes([PaymentFailed]), { message: `classes: PaymentFailed is an Error: ${unseen}` });
  assert.throws(() => new Classes([WrongType]), { message: `classes: WrongType is a TypeError: ${unseen}` });
});

test('a class of an application’s own is registered whatever it is called, also where it is global', () => {
  const mine = [{ URL: class URL {} }.URL, { Request: class Request {} }.Request, class Cart {}];
  Object.assign(globalThis, { Cart: mine[2] });
  try {
    const classes = new Classes(mine);
    for (const each of mine) assert.equal(classes.of(new each())?.name, each.name);
  } finally {
    Reflect.deleteProperty(globalThis, 'Cart');
  }
});
