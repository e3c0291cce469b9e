/**
 * What every directory promises, as tests: each adapter runs them all. A world has alice, who is in the groups
 * `staff` and `customers`, bob, who is in none, and nobody else; it can take an account away, change its groups, and go away itself.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Directory } from '../../server/directories/directory.ts';

export const people = {
  alice: { password: 'wonderland', groups: ['customers', 'staff'] },
  bob: { password: 'builder é 密', groups: [] },
} as const;

export interface DirectoryWorld {
  readonly directory: Directory;
  /** The account is no more. */
  remove(name: 'alice' | 'bob'): Promise<void>;
  setGroups(name: 'alice' | 'bob', groups: readonly string[]): Promise<void>;
  /** Nothing answers any more. Left out: this one cannot go away. */
  goAway?(): Promise<void>;
  /** It answers again. */
  comeBack?(): Promise<void>;
  end(): Promise<void>;
}

export function directoryContract(
  what: string,
  open: () => Promise<DirectoryWorld>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  const contract = (name: string, run: (world: DirectoryWorld) => Promise<void>) =>
    test(`${what}: ${name}`, { skip, timeout: 60_000 }, async () => {
      const world = await open();
      try {
        await run(world);
      } finally {
        await world.directory.close();
        await world.end();
      }
    });

  contract('name and password of an account give the person, with the groups in one order', async ({ directory }) => {
    const check = await directory.check('alice', people.alice.password);
    assert.equal(check.kind, 'known', JSON.stringify(check));
    assert.ok(check.kind === 'known');
    assert.equal(check.person.name.toLowerCase(), 'alice');
    assert.deepEqual(check.person.groups, people.alice.groups);
    const bob = await directory.check('bob', people.bob.password);
    assert.deepEqual(bob.kind === 'known' && bob.person.groups, []);
  });

  contract('check 31: a wrong password and an unknown name get the same answer', async ({ directory }) => {
    const wrong = await directory.check('alice', 'builder');
    assert.deepEqual(wrong, { kind: 'refused' });
    for (const name of ['nobody', 'alice2', '__proto__', 'constructor', 'al\0ice', 'x'.repeat(2_000)])
      assert.deepEqual(await directory.check(name, people.alice.password), wrong, JSON.stringify(name.slice(0, 20)));
  });

  contract('an empty password is nobody’s, nor is an empty name', async ({ directory }) => {
    for (const [name, password] of [
      ['alice', ''],
      ['nobody', ''],
      ['', ''],
      ['', people.alice.password],
      ['  ', people.alice.password],
    ] as const)
      assert.deepEqual(await directory.check(name, password), { kind: 'refused' }, JSON.stringify([name, password]));
  });

  contract('check 33: spellings of a name are one person', async ({ directory }) => {
    const names = new Set<string>();
    for (const spelling of ['alice', 'ALICE', ' Alice ', 'Ａｌｉｃｅ']) {
      const check = await directory.check(spelling, people.alice.password);
      assert.equal(check.kind, 'known', JSON.stringify([spelling, check]));
      const found = await directory.find(spelling);
      assert.equal(found.kind, 'found', spelling);
      if (check.kind === 'known') names.add(check.person.name);
      if (found.kind === 'found') names.add(found.person.name);
    }
    assert.equal(names.size, 1, [...names].join());
  });

  contract('check 35: a password is taken as it was sent', async ({ directory }) => {
    const { password } = people.alice;
    for (const other of [` ${password}`, `${password} `, `${password}\0`, `${password}\0x`, password.toUpperCase()])
      assert.deepEqual(await directory.check('alice', other), { kind: 'refused' }, JSON.stringify(other));
    assert.equal((await directory.check('bob', people.bob.password)).kind, 'known');
    assert.deepEqual(await directory.check('bob', people.bob.password.normalize('NFD')), { kind: 'refused' });
  });

  contract('names that are a filter, a pattern or a distinguished name are names', async ({ directory }) => {
    for (const name of [
      '*',
      'a*',
      'alice)(uid=*',
      '*)(|(uid=alice',
      'alice\\2a',
      '\\',
      '(',
      'uid=*',
      'cn=nobody,dc=xyz',
      ':',
      '{name}',
    ])
      for (const ask of [directory.check(name, people.alice.password), directory.find(name)])
        assert.ok(['refused', 'gone'].includes((await ask).kind), `${name}: ${JSON.stringify(await ask)}`);
  });

  contract('find knows who is there without a password', async ({ directory }) => {
    const found = await directory.find('alice');
    assert.deepEqual(found.kind === 'found' && found.person.groups, people.alice.groups, JSON.stringify(found));
    for (const name of ['nobody', '', 'toString']) assert.equal((await directory.find(name)).kind, 'gone');
  });

  contract('an account that is taken away is gone, and refused; the others stay', async ({ directory, remove }) => {
    assert.equal((await directory.find('alice')).kind, 'found');
    await remove('alice');
    assert.equal((await directory.find('alice')).kind, 'gone');
    assert.deepEqual(await directory.check('alice', people.alice.password), { kind: 'refused' });
    assert.equal((await directory.find('bob')).kind, 'found');
  });

  contract('changed groups are seen by the next question', async ({ directory, setGroups }) => {
    await setGroups('alice', ['admins']);
    const found = await directory.find('alice');
    assert.deepEqual(found.kind === 'found' && found.person.groups, ['admins']);
    const check = await directory.check('alice', people.alice.password);
    assert.deepEqual(check.kind === 'known' && check.person.groups, ['admins']);
  });

  contract('many questions at once are each answered as one alone, or told that it is busy', async ({ directory }) => {
    const questions = Array.from({ length: 30 }, (_, at) =>
      directory.check('alice', at % 2 === 0 ? people.alice.password : 'wrong'),
    );
    const answers = (await Promise.all(questions)).map(({ kind }) => kind);
    for (const [at, kind] of answers.entries())
      assert.ok(kind === (at % 2 === 0 ? 'known' : 'refused') || kind === 'busy', `${at}: ${kind}`);
    assert.ok(answers.includes('known'));
  });

  contract('check 40: one that does not answer says so to every question, and lets nobody in', async (world) => {
    const { directory } = world;
    if (world.goAway === undefined || world.comeBack === undefined) return;
    assert.equal((await directory.check('alice', people.alice.password)).kind, 'known');
    await world.goAway();
    assert.equal((await directory.check('alice', people.alice.password)).kind, 'unavailable');
    assert.equal((await directory.check('nobody', 'x')).kind, 'unavailable');
    assert.equal((await directory.find('alice')).kind, 'unavailable');
    assert.equal((await directory.find('nobody')).kind, 'unavailable');
    await world.comeBack();
    // It may rest for a moment after a failure.
    const until = Date.now() + 20_000;
    let kind = 'unavailable';
    while (kind === 'unavailable' && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      ({ kind } = await directory.check('alice', people.alice.password));
    }
    assert.equal(kind, 'known');
  });
}
