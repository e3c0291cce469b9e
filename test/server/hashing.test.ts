import assert from 'node:assert/strict';
import { randomBytes, scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { hashSync } from '@node-rs/argon2';
import { hashPassword, hashProblem, verifyPassword } from '../../server/hashing/hash.ts';
import { HashingPool } from '../../server/hashing/pool.ts';
import { threadArguments } from '../support/own-process.ts';

/** Cheap on purpose: what is tested is not the cost. */
const cheap = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });

function scryptHash(password: string, ln = 4): string {
  const salt = randomBytes(16);
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${ln},r=8,p=1$${text(salt)}$${text(scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1 }))}`;
}

test('a hash of ours is argon2id with a salt of its own, and verifies its password alone', () => {
  const hash = hashPassword('correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(hash, hashPassword('correct horse'));
  assert.ok(verifyPassword(hash, 'correct horse'));
  assert.ok(!verifyPassword(hash, 'correct horse '));
});

test('scrypt hashes in PHC form are accepted', () => {
  const hash = scryptHash('wonderland');
  assert.equal(hashProblem(hash), undefined);
  assert.ok(verifyPassword(hash, 'wonderland'));
  assert.ok(!verifyPassword(hash, 'Wonderland'));
});

test('check 35: a password is verified as it was sent: long, in any script, with a NUL inside', () => {
  for (const password of ['x'.repeat(200), 'Пароль é 密码 🔑', 'before\0after', ' blanks ']) {
    const hash = cheap(password);
    assert.ok(verifyPassword(hash, password));
    assert.ok(!verifyPassword(hash, password.slice(0, -1)));
    const changed = [
      password.trim(),
      password.split('\0')[0]!,
      password.slice(0, 72),
      password.normalize('NFD'),
      password.toLowerCase(),
    ];
    for (const other of changed.filter((one) => one !== password)) assert.ok(!verifyPassword(hash, other), other);
  }
});

test('what is no hash, or would cost too much, is named and never verifies', () => {
  const bad = [
    '',
    'plain',
    '$2b$10$abcdefghijklmnopqrstuv',
    '$argon2id$',
    '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
    '$scrypt$ln=30,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
    `${cheap('x').slice(0, 40)}`,
  ];
  for (const text of bad) {
    assert.ok(hashProblem(text), text);
    assert.ok(!verifyPassword(text, 'plain'));
  }
});

test('T13: what the queue cannot hold is refused at once, and the rest is verified', async () => {
  const pool = new HashingPool({ threads: 1, maxPending: 3, execArgv: threadArguments });
  const hash = cheap('wonderland');
  const asked = ['wonderland', 'wrong', 'wonderland', 'wonderland', 'wonderland'].map((password) =>
    pool.verify(hash, password),
  );
  assert.deepEqual(await Promise.all(asked), ['matches', 'differs', 'matches', 'busy', 'busy']);
  assert.equal(await pool.verify(hash, 'wonderland'), 'matches');
  await pool.stop();
  assert.equal(await pool.verify(hash, 'wonderland'), 'busy');
});

test('hashing runs beside the event loop, which turns on meanwhile', async () => {
  const pool = new HashingPool({ threads: 1, execArgv: threadArguments });
  const hash = hashPassword('wonderland');
  let turns = 0;
  const turn = () => {
    turns++;
    immediate = setImmediate(turn);
  };
  let immediate = setImmediate(turn);
  assert.equal(await pool.verify(hash, 'wonderland'), 'matches');
  clearImmediate(immediate);
  assert.ok(turns > 100, `${turns} turns`);
  await pool.stop();
});

test('stopping answers what still waits', async () => {
  const pool = new HashingPool({ threads: 2, execArgv: threadArguments });
  const hash = hashPassword('wonderland');
  const asked = Array.from({ length: 6 }, () => pool.verify(hash, 'wonderland'));
  await pool.stop();
  for (const verification of await Promise.all(asked)) assert.equal(verification, 'busy');
});
