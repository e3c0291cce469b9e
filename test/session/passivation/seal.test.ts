import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKeys } from '../../../sso/keys.ts';
import { Seal } from '../../../sso/session/passivation/seal.ts';

const keys = deriveKeys('m7QvX2w9Lr4TzB8nKd3HsY6jPf1GcA5e');
const sealOf = (chance: number) => new Seal(keys.passivation(Buffer.alloc(32, chance)));
const plain = Buffer.from('the cart of alice, who likes pens');

test('what was sealed opens under its key and version, and shows nothing of what it holds', () => {
  const seal = sealOf(1);
  const sealed = seal.close('key', 'n1:5', plain);
  assert.deepEqual(Buffer.from(seal.open('key', 'n1:5', sealed)!), plain);
  assert.equal(Buffer.from(sealed).includes('alice'), false);
  assert.equal(sealed.length, plain.length + 28);
});

test('nothing opens that lies under another key, is of another version, of another process, or was altered in any bit', () => {
  const seal = sealOf(1);
  const sealed = seal.close('key', 'n1:5', plain);
  assert.equal(seal.open('other', 'n1:5', sealed), undefined, 'another session');
  assert.equal(seal.open('key', 'n1:6', sealed), undefined, 'an earlier state');
  assert.equal(sealOf(2).open('key', 'n1:5', sealed), undefined, 'another process with the same secret');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Uint8Array.from(sealed);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(seal.open('key', 'n1:5', altered), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++)
    assert.equal(seal.open('key', 'n1:5', sealed.subarray(0, length)), undefined, `cut to ${length}`);
});

test('the same text is never sealed the same way twice', () => {
  const seal = sealOf(1);
  const all = Array.from({ length: 1_000 }, () => Buffer.from(seal.close('key', 'v', plain)).toString('hex'));
  assert.equal(new Set(all).size, all.length);
  assert.equal(new Set(all.map((one) => one.slice(0, 24))).size, all.length, 'nonces');
});

test('an empty text is sealed, too', () => {
  const seal = sealOf(1);
  assert.equal(seal.open('key', 'v', seal.close('key', 'v', new Uint8Array(0)))?.length, 0);
});
