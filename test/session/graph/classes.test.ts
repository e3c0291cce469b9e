import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Class, Classes } from '../../../sso/session/graph/classes.ts';

test('classes that other nodes could not find by their name are refused at the start', () => {
  const refused: readonly (readonly [list: readonly unknown[], message: RegExp])[] = [
    [[class A {}, class A {}], /classes: two of them are named A/],
    [[class {}], /classes: one of them has no name/],
    [[Map], /classes: Map is built in/],
    [['A'], /classes: must be a list of classes/],
    [[() => {}], /classes: must be a list of classes/],
  ];
  for (const [list, message] of refused)
    assert.throws(() => new Classes(list as readonly Class[]), { code: 'ERR_CONFIG_INVALID', message });
});
