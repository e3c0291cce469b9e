/** People in OpenLDAP: the contract over LDAPS and StartTLS, nested groups both ways, and a server that is slow, away, restarted or not the one it says. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Attribute, Change } from 'ldapts';
import type { Directory } from '../../server/directories/directory.ts';
import { ldapDirectory } from '../../server/directories/ldap/ldap-directory.ts';
import type { LdapOptions } from '../../server/directories/ldap/settings.ts';
import { Authority } from '../channel/certificates.ts';
import { FaultProxy } from '../chaos/fault-proxy.ts';
import { type DirectoryWorld, directoryContract, people } from '../contracts/directory.ts';
import {
  type Attributes,
  group,
  groupDn,
  groupsBase,
  noSlapd,
  peopleBase,
  person,
  personDn,
  Slapd,
  service,
  suffix,
  unpagedAtMost,
} from './support/slapd.ts';

let slapd: Slapd;
/** Before its plain port, and before its TLS port. */
let proxy: FaultProxy;
let tlsProxy: FaultProxy;

before(async () => {
  if (noSlapd !== false) return;
  slapd = await Slapd.start();
  proxy = await new FaultProxy(slapd.port, () => 0).start();
  tlsProxy = await new FaultProxy(slapd.tlsPort, () => 0).start();
});

after(async () => {
  await proxy?.end();
  await tlsProxy?.end();
  await slapd?.end();
});

const warnings: string[] = [];
const log = { warn: (fields: object, text: string) => void warnings.push(`${text} ${JSON.stringify(fields)}`) };

const filter = '(&(objectClass=person)(|(uid={name})(mail={name})(entryDN={name})))';

function settings(more: Partial<LdapOptions> = {}): LdapOptions {
  return {
    name: 'corp',
    servers: [`ldaps://127.0.0.1:${tlsProxy.port}`],
    ca: slapd.ca,
    bindDn: service.dn,
    bindPassword: service.password,
    base: peopleBase,
    userFilter: filter,
    groups: { base: groupsBase },
    // A loaded machine is slow, and a test of slowness sets its own.
    timeLimitMs: 5_000,
    ...more,
  };
}

const startTls = (): Partial<LdapOptions> => ({ servers: [`ldap://127.0.0.1:${proxy.port}`], startTls: true });

/** A directory that is closed when the test is over. */
function opened(t: { after(run: () => Promise<void>): void }, more: Partial<LdapOptions> = {}): Directory {
  const directory = ldapDirectory(settings(more), { log });
  t.after(() => directory.close());
  return directory;
}

async function world(more: () => Partial<LdapOptions>): Promise<DirectoryWorld> {
  const names = ['alice', 'bob'] as const;
  const groups: Record<string, readonly string[]> = { alice: people.alice.groups, bob: people.bob.groups };
  const used = ['customers', 'staff', 'admins'];
  const write = async () => {
    await slapd.remove(used.map(groupDn));
    const members = (cn: string) => names.filter((name) => groups[name]?.includes(cn)).map(personDn);
    await slapd.add(used.flatMap((cn) => (members(cn).length === 0 ? [] : [group(cn, members(cn))])));
  };
  await slapd.remove([...names.map(personDn), ...used.map(groupDn)]);
  await slapd.add(names.map((name) => person(name, { userPassword: people[name].password })));
  await write();
  const refuse = (refusing: boolean) => {
    for (const one of [proxy, tlsProxy]) {
      one.refuse(refusing);
      if (refusing) one.lose();
    }
  };
  return {
    directory: ldapDirectory(settings(more()), { log }),
    remove: (name) => slapd.remove([personDn(name)]),
    setGroups: async (name, list) => {
      groups[name] = list;
      await write();
    },
    goAway: async () => refuse(true),
    comeBack: async () => refuse(false),
    end: async () => {
      refuse(false);
      await slapd.remove([...names.map(personDn), ...used.map(groupDn)]);
    },
  };
}

const skip = noSlapd;
const options = { skip, timeout: 120_000 };

directoryContract('LDAPS, groups by their members', () => world(() => ({})), { skip });
directoryContract(
  'StartTLS, groups by memberOf',
  () => world(() => ({ ...startTls(), groups: { base: groupsBase, by: 'memberOf' } })),
  { skip },
);

for (const by of ['member', 'memberOf'] as const)
  test(`groups in groups count, by ${by}; not where nested is off`, options, async (t) => {
    const nested = opened(t, { groups: { base: groupsBase, by } });
    const check = await nested.check('person123', 'password of person123');
    assert.deepEqual(check, {
      kind: 'known',
      person: {
        name: 'person123',
        displayName: 'person123 Example',
        email: 'person123@corp.xyz.com',
        groups: ['company', 'department2', 'team12'],
      },
    });
    const flat = opened(t, { groups: { base: groupsBase, by, nested: false } });
    const found = await flat.find('person123');
    assert.deepEqual(found.kind === 'found' && found.person.groups, ['team12']);
  });

test('groups that contain each other end the walk, by either way', options, async (t) => {
  const rings = ['ring-a', 'ring-b', 'ring-c'];
  await slapd.add([
    person('round'),
    group('ring-a', [personDn('round')]),
    group('ring-b', [groupDn('ring-a')]),
    group('ring-c', [groupDn('ring-b')]),
  ]);
  t.after(() => slapd.remove([personDn('round'), ...rings.map(groupDn)]));
  await slapd.write((client) =>
    client.modify(
      groupDn('ring-a'),
      new Change({ operation: 'add', modification: new Attribute({ type: 'member', values: [groupDn('ring-c')] }) }),
    ),
  );
  for (const by of ['member', 'memberOf'] as const) {
    const found = await opened(t, { groups: { base: groupsBase, by } }).find('round');
    assert.deepEqual(found.kind === 'found' && found.person.groups, rings, `${by} ${JSON.stringify(found)}`);
  }
});

test(
  'more groups than the server gives at once come in pages; POSIX and unique groups count; too many are no answer',
  options,
  async (t) => {
    const many = Array.from({ length: unpagedAtMost + 40 }, (_, at) => `many${at}`);
    const other: readonly (readonly [string, Attributes])[] = [
      [groupDn('posix'), { objectClass: 'posixGroup', cn: 'posix', gidNumber: '7', memberUid: 'joiner' }],
      [groupDn('unique'), { objectClass: 'groupOfUniqueNames', cn: 'unique', uniqueMember: personDn('joiner') }],
    ];
    await slapd.add([person('joiner'), ...other, ...many.map((cn) => group(cn, [personDn('joiner')]))]);
    t.after(() => slapd.remove([personDn('joiner'), ...['posix', 'unique', ...many].map(groupDn)]));
    const found = await opened(t).find('joiner');
    assert.equal(found.kind, 'found', JSON.stringify(found));
    assert.deepEqual(found.kind === 'found' && found.person.groups, [...many, 'posix', 'unique'].sort());
  },
);

test(
  'check 33: a name, an e-mail address and a distinguished name are one identity, whatever their case',
  options,
  async (t) => {
    const directory = opened(t);
    const spellings = [
      'person7',
      'PERSON7',
      'Person7@Corp.xyz.com',
      personDn('person7'),
      `UID=Person7, OU=People,${suffix}`,
    ];
    for (const spelling of spellings) {
      const check = await directory.check(spelling, 'password of person7');
      assert.equal(check.kind === 'known' && check.person.name, 'person7', `${spelling}: ${JSON.stringify(check)}`);
    }
    // By another name somebody is not found again: it would be another subject.
    assert.deepEqual(await directory.find('person7@corp.xyz.com'), { kind: 'gone' });
  },
);

test('a name that several share is nobody’s, but whoever bears it as their own name keeps it', options, async (t) => {
  await slapd.add([
    person('shared'),
    person('claimer', { mail: ['shared', 'both@corp.xyz.com'] }),
    person('other', { mail: 'both@corp.xyz.com' }),
  ]);
  t.after(() => slapd.remove(['shared', 'claimer', 'other'].map(personDn)));
  const directory = opened(t);
  const shared = await directory.check('shared', 'password of shared');
  assert.equal(shared.kind === 'known' && shared.person.name, 'shared');
  assert.deepEqual(await directory.check('shared', 'password of claimer'), { kind: 'refused' });
  assert.deepEqual(await directory.check('both@corp.xyz.com', 'password of other'), { kind: 'refused' });
  assert.ok(warnings.some((line) => /several accounts/.test(line)));
});

test(
  'accounts that an administrator disabled are refused and gone: by a lock, and by a filter of one’s own',
  options,
  async (t) => {
    await slapd.add([
      person('locked', { pwdAccountLockedTime: '000001010000Z' }),
      person('left', { employeeType: 'former' }),
      person('guessed-at', { pwdAccountLockedTime: '20990101000000Z' }),
    ]);
    t.after(() => slapd.remove(['locked', 'left', 'guessed-at'].map(personDn)));
    const directory = opened(t, { disabledFilter: '(employeeType=former)' });
    for (const name of ['locked', 'left']) {
      assert.deepEqual(await directory.check(name, `password of ${name}`), { kind: 'refused' }, name);
      assert.deepEqual(await directory.find(name), { kind: 'gone', disabled: true }, name);
    }
    assert.equal((await directory.find('person1')).kind, 'found');
    // Whoever guesses at an account must not be able to end its owner's sign-ons.
    assert.equal((await directory.find('guessed-at')).kind, 'found');
  },
);

test(
  'a certificate of another authority, or for another host, is refused: nobody is let in, and nobody is said to be unknown',
  options,
  async (t) => {
    const stranger = new Authority();
    t.after(() => stranger.remove());
    const wrong: readonly (readonly [string, Partial<LdapOptions>])[] = [
      ['another authority', { ca: stranger.ca }],
      ['another host', { serverName: 'other.xyz.com' }],
    ];
    for (const [what, more] of wrong)
      for (const way of [{}, startTls()]) {
        const directory = opened(t, { ...way, ...more });
        const check = await directory.check('person1', 'password of person1');
        assert.equal(check.kind, 'unavailable', `${what}: ${JSON.stringify(check)}`);
        assert.match(check.kind === 'unavailable' ? check.why : '', /certificate|altnames|issuer/i, what);
      }
    const named = opened(t, { serverName: 'ldap.xyz.com' });
    assert.equal((await named.check('person1', 'password of person1')).kind, 'known');
    const { ca, ...system } = settings();
    const bySystem = ldapDirectory(system, { log });
    t.after(() => bySystem.close());
    assert.equal((await bySystem.find('person1')).kind, 'unavailable');
  },
);

test('a server without TLS gets no password unless that is said loudly', options, async (t) => {
  const servers = [`ldap://127.0.0.1:${proxy.port}`];
  const silent = await opened(t, { servers }).check('person1', 'password of person1');
  assert.match(silent.kind === 'unavailable' ? silent.why : '', /in the clear/);
  const loud = opened(t, { servers, allowInsecureConnection: true });
  assert.equal((await loud.check('person1', 'password of person1')).kind, 'known');
});

test(
  'a service account with a wrong password, a base that is not there: unavailable, not unknown',
  options,
  async (t) => {
    const wrong = await opened(t, { bindPassword: 'wrong' }).find('person1');
    assert.match(wrong.kind === 'unavailable' ? wrong.why : '', /refuses bindDn/);
    const nowhere = await opened(t, { base: `ou=nowhere,${suffix}` }).find('person1');
    assert.equal(nowhere.kind, 'unavailable');
  },
);

test(
  'a server that lets time pass is unavailable within the limit; what waits too long is busy, and it is well again afterwards',
  options,
  async (t) => {
    const directory = opened(t, { timeLimitMs: 400, connections: 1, maxWaiting: 2 });
    // On a loaded machine the first connection may need more than the limit: it is not what this is about.
    while ((await directory.find('person1')).kind !== 'found');
    tlsProxy.set('back', { passage: 'hold' });
    const started = performance.now();
    const kinds = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => (await directory.check(`person${at}`, 'x')).kind),
    );
    assert.ok(performance.now() - started < 20_000);
    assert.ok(kinds.includes('unavailable') && kinds.includes('busy'), kinds.join());
    assert.ok(
      kinds.every((kind) => kind === 'unavailable' || kind === 'busy'),
      kinds.join(),
    );
    tlsProxy.set('back', { passage: 'open' });
    const until = Date.now() + 30_000;
    let kind = '';
    while (kind !== 'known' && Date.now() < until) ({ kind } = await directory.check('person1', 'password of person1'));
    assert.equal(kind, 'known');
  },
);

test('a restarted server is found again by the next question, which fails for nobody', options, async (t) => {
  for (const way of [{}, startTls()]) {
    const directory = opened(t, way);
    assert.equal((await directory.check('person1', 'password of person1')).kind, 'known');
    await slapd.down();
    await slapd.up();
    assert.equal((await directory.check('person1', 'password of person1')).kind, 'known');
    assert.equal((await directory.check('person1', 'wrong')).kind, 'refused');
  }
});

test('the next server is asked where the first is down', options, async (t) => {
  const directory = opened(t, { servers: ['ldaps://127.0.0.1:1', ...settings().servers] });
  assert.equal((await directory.check('person2', 'password of person2')).kind, 'known');
});
