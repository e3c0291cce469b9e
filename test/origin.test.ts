import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeOrigins, type Origin, originOf, parseOrigin } from '../sso/origin.ts';

test('an origin is cut to its limits and holds no control characters; of nothing there is none', () => {
  assert.deepEqual(originOf('Firefox/143', '192.0.2.1'), { device: 'Firefox/143', source: '192.0.2.1' });
  assert.equal(originOf(undefined, undefined), undefined);
  assert.equal(originOf('', ' \t'), undefined);
  assert.equal(originOf('a\u0000\u001b[31mb\r\nc', undefined)?.device, 'a[31mbc');
  assert.equal(originOf('x'.repeat(100_000), 'y'.repeat(100_000))?.device?.length, 256);
  assert.equal(originOf('x', 'y'.repeat(100_000))?.source?.length, 64);
  assert.equal(originOf(`${'x'.repeat(255)}😀`, undefined)?.device, 'x'.repeat(255), 'no half of a character');
});

test('what originOf gives is what parseOrigin takes, and nothing else is', () => {
  for (const [agent, address] of [
    ['Firefox/143', '192.0.2.1'],
    [undefined, '2001:db8::1'],
    [`${'x'.repeat(255)}😀`, undefined],
    [' a \u0007 b ', 'c\u0000'],
  ] as const) {
    const origin = originOf(agent, address);
    assert.deepEqual(parseOrigin(origin?.device ?? '', origin?.source ?? ''), { origin });
  }
  assert.deepEqual(parseOrigin('', ''), { origin: undefined });
  for (const wrong of [1, null, {}, 'x'.repeat(257), ' x', 'a\nb']) assert.equal(parseOrigin(wrong, ''), undefined);
  for (const wrong of [undefined, [], 'x'.repeat(65)]) assert.equal(parseOrigin('', wrong), undefined);
});

test('browsers of one kind share one string', () => {
  const agent = () => ['Mozilla/5.0', 'of', 'some', 'kind'].join(' ');
  const [one, other] = [originOf(agent(), 'a'), originOf(agent(), 'b')];
  assert.equal(one?.device, other?.device);
});

test('merging origins is commutative, associative and idempotent, and gives back the same reference where nothing is added', () => {
  const all: readonly (Origin | undefined)[] = [
    undefined,
    { device: 'a' },
    { device: 'b' },
    { source: '1' },
    { source: '2', device: undefined },
    { device: 'a', source: '2' },
  ];
  const parts = (origin: Origin | undefined) => [origin?.device, origin?.source];
  for (const a of all) {
    assert.equal(mergeOrigins(a, a && { ...a }), a);
    for (const b of all) {
      assert.deepEqual(parts(mergeOrigins(a, b)), parts(mergeOrigins(b, a)));
      for (const c of all)
        assert.deepEqual(parts(mergeOrigins(mergeOrigins(a, b), c)), parts(mergeOrigins(a, mergeOrigins(b, c))));
    }
  }
});
