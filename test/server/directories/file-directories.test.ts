/** People in files: the contract, what is read again and when, and lines that are too weak to be read. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from '@node-rs/argon2';
import { hashSync as bcrypt } from 'bcryptjs';
import { ConfigError } from '../../../config/document.ts';
import { fileDirectory, htpasswdDirectory, type Reloadable } from '../../../server/directories/file-directory.ts';
import { parseGroups, parseHtpasswd } from '../../../server/directories/htpasswd.ts';
import type { Verify } from '../../../server/directories/users.ts';
import { hashProblem, verifyPassword } from '../../../server/hashing/hash.ts';
import { type DirectoryWorld, directoryContract, people } from '../../contracts/directory.ts';

const argon = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });
const crypt = (password: string) => bcrypt(password, 4).replace(/^\$2[ab]\$/, '$2y$');
const verify: Verify = async (hash, password) => (verifyPassword(hash, password) ? 'matches' : 'differs');
const hashes = {
  yaml: { alice: argon(people.alice.password), bob: argon(people.bob.password) },
  htpasswd: { alice: crypt(people.alice.password), bob: crypt(people.bob.password) },
};

interface Lines {
  readonly info: string[];
  readonly warn: string[];
}

function recorded() {
  const lines: Lines = { info: [], warn: [] };
  const log = {
    info: (fields: object, text: string) => void lines.info.push(`${text} ${JSON.stringify(fields)}`),
    warn: (fields: object, text: string) => void lines.warn.push(`${text} ${JSON.stringify(fields)}`),
  };
  return { lines, log };
}

type Groups = Record<string, readonly string[]>;

function worldOf(
  files: Readonly<Record<string, (groups: Groups) => string>>,
  make: (directory: string) => Reloadable,
): DirectoryWorld {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-people-'));
  const groups: Groups = { alice: people.alice.groups, bob: people.bob.groups };
  const write = () => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text(groups));
  };
  write();
  const directory = make(folder);
  const rewrite = async () => {
    write();
    directory.reload();
  };
  return {
    directory,
    remove: async (name) => {
      delete groups[name];
      await rewrite();
    },
    setGroups: async (name, list) => {
      groups[name] = list;
      await rewrite();
    },
    end: async () => rmSync(folder, { recursive: true }),
  };
}

const yaml = (groups: Groups) =>
  JSON.stringify({
    users: Object.entries(groups).map(([name, roles]) => ({
      name,
      roles,
      password: hashes.yaml[name as 'alice' | 'bob'],
    })),
  });

const parts = { verify, log: recorded().log };

directoryContract('a file of ours', async () =>
  worldOf({ 'users.yaml': yaml }, (folder) => fileDirectory(join(folder, 'users.yaml'), parts)),
);

directoryContract('htpasswd', async () =>
  worldOf(
    {
      people: (groups) =>
        Object.keys(groups)
          .map((name) => `${name}:${hashes.htpasswd[name as 'alice' | 'bob']}\n`)
          .join(''),
      groups: (groups) =>
        [...new Set(Object.values(groups).flat())]
          .map(
            (group) =>
              `${group}: ${Object.keys(groups)
                .filter((name) => groups[name]!.includes(group))
                .join(' ')}\n`,
          )
          .join(''),
    },
    (folder) => htpasswdDirectory({ file: join(folder, 'people'), groupFile: join(folder, 'groups') }, parts),
  ),
);

test('a changed file is read by itself; a broken version keeps the one before, and is told once', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-people-'));
  const file = join(folder, 'users.yaml');
  writeFileSync(file, yaml({ alice: ['staff'] }));
  const { lines, log } = recorded();
  const directory = fileDirectory(file, { verify, log, lookEveryMs: 5 });
  t.after(async () => {
    await directory.close();
    rmSync(folder, { recursive: true });
  });
  const until = async (done: () => boolean | Promise<boolean>) => {
    while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  writeFileSync(file, yaml({ alice: ['staff'], bob: [] }));
  await until(async () => (await directory.find('bob')).kind === 'found');
  assert.equal(directory.count, 2);

  writeFileSync(file, 'users: [{ name: alice, password: hunter2 }]');
  await until(() => lines.warn.length > 0);
  assert.match(lines.warn[0]!, /the version before stays in force.*users\[0\]\.password: must be a hash/);
  assert.ok(!lines.warn[0]!.includes('hunter2'));
  assert.equal((await directory.find('bob')).kind, 'found');
  for (let looks = 0; looks < 5; looks++) directory.reload();
  assert.equal(lines.warn.length, 1);

  rmSync(file);
  await until(() => lines.warn.length > 1);
  assert.equal((await directory.check('alice', people.alice.password)).kind, 'known');

  writeFileSync(file, yaml({ bob: [] }));
  await until(async () => (await directory.find('alice')).kind === 'gone');
});

test('a hashing thread that dies makes the directory unavailable, not the password wrong', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-people-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'u'), yaml({ alice: [] }));
  const dying = fileDirectory(join(folder, 'u'), { ...parts, verify: () => Promise.reject(new Error('it died')) });
  assert.equal((await dying.check('alice', 'wonderland')).kind, 'unavailable');
  await dying.close();
  const full = fileDirectory(join(folder, 'u'), { ...parts, verify: async () => 'busy' });
  assert.deepEqual(await full.check('alice', 'wonderland'), { kind: 'busy' });
  await full.close();
});

test('T17: lines of an htpasswd file that are weak or wrong are told by their number, with what to do and without the hash', () => {
  const good = crypt('wonderland');
  const wrong: readonly (readonly [line: string, says: RegExp])[] = [
    ['alice:$apr1$Ab12Cd34$abcdefghijklmnopqrstuv', /people:2: MD5 \(apr1\) is too weak .*htpasswd -B/],
    ['alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /people:2: SHA-1 is too weak/],
    ['alice:$6$salt$hashhashhash', /people:2: SHA-2 crypt is too weak/],
    ['alice:rl.3StKT.4T8M', /people:2: is no hash that is strong enough: .*htpasswd -B/],
    ['alice:wonderland', /people:2: is no hash that is strong enough/],
    ['alice', /people:2: must be name:hash/],
    [`:${good}`, /people:2: must begin with a name/],
    [`bob:${good}`, /people:2: "bob" is there twice/],
    [`BOB :${good}`, /people:2: "bob" is there twice/],
    [`alice:${good.slice(0, 40)}`, /people:2: the hash is not a whole bcrypt hash/],
    [`alice:$2y$31$${'a'.repeat(53)}`, /people:2: the hash costs too much/],
  ];
  for (const [line, says] of wrong)
    assert.throws(
      () => parseHtpasswd('people', `bob:${good}\n${line}\n`),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, says);
        assert.ok(!error.message.includes(line.split(':')[1] || '-none-'), error.message);
        return true;
      },
      line,
    );
  assert.throws(() => parseHtpasswd('people', '# nobody\n\n'), /must hold at least one/);
  assert.throws(() => parseGroups('groups', 'staff alice'), /groups:1: must be "group: name name"/);
});

test('htpasswd: comments, Windows line ends and fields that follow the hash are read; groups name people in any spelling', () => {
  const groups = parseGroups('groups', '# roles\r\nstaff: Alice  bob\r\nadmins: ALICE\r\nempty:\r\n');
  const users = parseHtpasswd(
    'people',
    `# people\r\n\r\nAlice:${crypt('x')}:a comment\r\nbob:${argon('y')}\r\n`,
    groups,
  );
  assert.deepEqual(
    users.map(({ name, roles }) => [name, roles]),
    [
      ['Alice', ['staff', 'admins']],
      ['bob', ['staff']],
    ],
  );
});

test('check 35: bcrypt, which reads 72 bytes up to a NUL, matches no longer password and none with a NUL', () => {
  const long = 'é'.repeat(36);
  const hash = crypt(long);
  assert.equal(hashProblem(hash), undefined);
  assert.ok(verifyPassword(hash, long));
  assert.ok(!verifyPassword(hash, `${long}x`));
  const short = crypt('before');
  assert.ok(verifyPassword(short, 'before') && !verifyPassword(short, 'before\0after'));
  for (const prefix of ['2a', '2b', '2y']) assert.ok(verifyPassword(short.replace('$2y$', `$${prefix}$`), 'before'));
});
