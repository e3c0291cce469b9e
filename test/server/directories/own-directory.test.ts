/** One's own functions behind the port, the chain's rule, outcomes and roles: check 40 with every kind of wrong answer. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticateBy, authenticatorOf, NotNow } from '../../../server/directories/authenticator.ts';
import { chain } from '../../../server/directories/chain.ts';
import type { Check, Directory, Found, Person } from '../../../server/directories/directory.ts';
import { ownDirectory } from '../../../server/directories/own-directory.ts';
import { rolesBy } from '../../../server/directories/roles.ts';
import { canonicalName } from '../../../server/directories/users.ts';
import { directoryContract, people } from '../../contracts/directory.ts';

type Accounts = Record<string, { password: string; groups: readonly string[] }>;

function program(accounts: Accounts, state: { away: boolean }) {
  const person = (name: string): Person => ({ name, groups: accounts[name]!.groups });
  const known = (name: string) => Object.hasOwn(accounts, canonicalName(name));
  return ownDirectory({
    name: 'a program',
    check: (asked, password) => {
      if (state.away) throw new Error('connection refused');
      const name = canonicalName(asked);
      return known(asked) && accounts[name]!.password === password
        ? { kind: 'known', person: person(name) }
        : { kind: 'refused' };
    },
    find: (asked) => {
      if (state.away) throw new Error('connection refused');
      return known(asked) ? { kind: 'found', person: person(canonicalName(asked)) } : { kind: 'gone' };
    },
  });
}

const worldOf = (make: (accounts: Accounts, state: { away: boolean }) => Directory) => async () => {
  const accounts: Accounts = { alice: { ...people.alice }, bob: { ...people.bob } };
  const state = { away: false };
  return {
    directory: make(accounts, state),
    remove: async (name: string) => void delete accounts[name],
    setGroups: async (name: string, groups: readonly string[]) => void (accounts[name]!.groups = [...groups]),
    goAway: async () => void (state.away = true),
    comeBack: async () => void (state.away = false),
    end: async () => {},
  };
};

directoryContract('a program of one’s own', worldOf(program));
directoryContract(
  'a chain',
  worldOf((accounts, state) => chain([program({}, { away: false }), program(accounts, state)])),
);

test('check 40: what is no answer of a directory is unavailable, whatever it looks like', async () => {
  const never = new Promise(() => {});
  const person = { name: 'alice', groups: ['staff'] };
  const answers: readonly unknown[] = [
    undefined,
    null,
    true,
    'known',
    {},
    [],
    person,
    { person },
    { kind: 'known' },
    { kind: 'found', person },
    { kind: 'known', person: {} },
    { kind: 'known', person: true },
    { kind: 'known', person: { name: '', groups: [] } },
    { kind: 'known', person: { name: 'a\0b', groups: [] } },
    { kind: 'known', person: { name: 'alice', groups: 'staff' } },
    { kind: 'known', person: { name: 'alice', groups: [7] } },
    { kind: 'known', person: { name: 'alice', groups: Array.from({ length: 5_000 }, (_, at) => `g${at}`) } },
    { kind: 'known', person: { name: 'alice', error: 'no such user' } },
    { kind: 'known', person, error: 'timed out' },
    Object.assign(new Error('known'), { kind: 'known', person }),
    new Error('down'),
    never,
    { kind: 'unavailable' },
  ];
  for (const answer of answers) {
    const give = () => {
      if (answer instanceof Error && answer.message === 'down') throw answer;
      return answer;
    };
    const directory = ownDirectory({
      name: 'odd',
      check: give,
      find: () => (answer === never ? never : give()),
      timeLimitMs: 20,
    });
    const what = JSON.stringify(answer) ?? String(answer);
    assert.equal((await directory.check('alice', 'wonderland')).kind, 'unavailable', what);
    const found = await directory.find('alice');
    if ((answer as { kind?: unknown } | null)?.kind !== 'found') assert.equal(found.kind, 'unavailable', what);
    const outcome = await authenticatorOf(directory, rolesBy(), { error: () => {} })('alice', 'wonderland');
    assert.deepEqual(outcome, { kind: 'unavailable' });
  }
});

const fixed = (name: string, check: Check, found: Found, asked: string[] = []): Directory => ({
  name,
  check: async () => {
    asked.push(`${name}.check`);
    return check;
  },
  find: async () => {
    asked.push(`${name}.find`);
    return found;
  },
  close: async () => void asked.push(`${name}.close`),
});

const alice: Person = { name: 'alice', groups: [] };
const letIn: readonly [Check, Found] = [
  { kind: 'known', person: alice },
  { kind: 'found', person: alice },
];

test('the first directory that has the name decides: a later one is never shown the password', async () => {
  const asked: string[] = [];
  const first = fixed('first', { kind: 'refused' }, { kind: 'found', person: alice }, asked);
  const both = chain([first, fixed('second', ...letIn, asked)]);
  assert.deepEqual(await both.check('alice', 'x'), { kind: 'refused' });
  assert.deepEqual(asked, ['first.find', 'first.check']);
});

test('the next directory is asked where the first has no such name, and the first is not shown the password', async () => {
  const asked: string[] = [];
  const first = fixed('first', { kind: 'refused' }, { kind: 'gone' }, asked);
  const both = chain([first, fixed('second', ...letIn, asked)]);
  assert.equal((await both.check('alice', 'x')).kind, 'known');
  assert.deepEqual(asked, ['first.find', 'second.check']);
});

test('a directory that does not answer stops the chain: a later one may hold an account that it shadows', async () => {
  const asked: string[] = [];
  const down = { kind: 'unavailable', why: 'down' } as const;
  const both = chain([fixed('first', down, down, asked), fixed('second', ...letIn, asked)]);
  assert.deepEqual(await both.check('alice', 'x'), { kind: 'unavailable', why: 'first: down' });
  assert.deepEqual(await both.find('alice'), { kind: 'unavailable', why: 'first: down' });
  assert.ok(!asked.includes('second.check') && !asked.includes('second.find'));
});

test('an account that is disabled in the first directory is not let in by the next one', async () => {
  const disabled: Found = { kind: 'gone', disabled: true };
  const both = chain([fixed('first', { kind: 'refused' }, disabled), fixed('second', ...letIn)]);
  assert.deepEqual(await both.check('alice', 'x'), { kind: 'refused' });
  assert.deepEqual(await both.find('alice'), disabled);
});

test('closing a chain closes all of it', async () => {
  const asked: string[] = [];
  await chain([fixed('a', ...letIn, asked), fixed('b', ...letIn, asked)]).close();
  assert.deepEqual(asked, ['a.close', 'b.close']);
});

test('groups are roles by their names, or by the mapping alone, without regard to case', () => {
  assert.deepEqual(rolesBy()({ groups: ['staff', 'admins'] }), ['admins', 'staff']);
  const mapped = rolesBy({ admins: ['admin', 'staff'], 'CN=Staff,DC=xyz': ['staff'], none: [] });
  assert.deepEqual(mapped({ groups: ['Admins', 'cn=staff,dc=xyz', 'none', 'others', '__proto__'] }), [
    'admin',
    'staff',
  ]);
  const many = Array.from({ length: 300 }, (_, at) => `group${at}`);
  assert.throws(() => rolesBy()({ groups: many }), /say in "roles" which groups count/);
  assert.deepEqual(mapped({ groups: [...many, 'admins'] }), ['admin', 'staff']);
});

test('outcomes: a person with roles is signed on; busy and unavailable are thrown as 503, never told as a wrong password', async () => {
  const lines: object[] = [];
  const log = { error: (fields: object) => void lines.push(fields) };
  const person: Person = { name: 'alice', displayName: 'Alice', email: 'alice@xyz.com', groups: ['admins'] };
  const ask = (check: Check) =>
    authenticatorOf(fixed('d', check, { kind: 'gone' }), rolesBy({ admins: ['admin'] }), log);
  const principal = { name: 'alice', roles: ['admin'], attributes: { displayName: 'Alice', email: 'alice@xyz.com' } };
  assert.deepEqual(await ask({ kind: 'known', person })('alice', 'x'), { kind: 'signed-on', principal });
  assert.deepEqual(await authenticateBy(ask({ kind: 'known', person }))('alice', 'x'), principal);
  assert.equal(await authenticateBy(ask({ kind: 'refused' }))('alice', 'x'), undefined);
  assert.equal(lines.length, 0);
  for (const kind of ['busy', 'unavailable'] as const) {
    const check: Check = kind === 'busy' ? { kind } : { kind, why: 'down' };
    await assert.rejects(authenticateBy(ask(check))('alice', 'x'), (error) => {
      assert.ok(error instanceof NotNow && error.kind === kind && error.status === 503);
      return true;
    });
  }
  assert.deepEqual(lines, [{ directory: 'd', why: 'down' }]);
  const odd = { kind: 'let-in' } as unknown as Check;
  assert.deepEqual(await ask(odd)('alice', 'x'), { kind: 'unavailable' });
});
