/** `latchkey check-config --try` against OpenLDAP: what answers, what does not, and who somebody is there. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hashPassword } from '../../server/hashing/hash.ts';
import { runHere } from '../server/support/program.ts';
import { group, groupDn, groupsBase, noSlapd, peopleBase, person, personDn, Slapd, service } from './support/slapd.ts';

describe('check-config --try', { skip: noSlapd }, () => {
  let slapd: Slapd;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-try-'));

  before(async () => {
    slapd = await Slapd.start();
    writeFileSync(join(directory, 'ca.pem'), slapd.ca);
    writeFileSync(join(directory, 'secret'), 'c5'.repeat(32), { mode: 0o600 });
    const users = [{ name: 'admin', roles: ['admins'], password: hashPassword('correct horse') }];
    writeFileSync(join(directory, 'users.yaml'), JSON.stringify({ users }));
    await slapd.add([
      person('tryout', { displayName: 'Try Out' }),
      group('triers', [personDn('tryout')]),
      group('above', [groupDn('triers')]),
    ]);
  });
  after(async () => {
    await slapd?.end();
    rmSync(directory, { recursive: true });
  });

  const tried = (ldap: object = {}, args: readonly string[] = []) => {
    const file = join(directory, 'node.yaml');
    const corp = {
      kind: 'ldap',
      servers: [`ldaps://127.0.0.1:${slapd.tlsPort}`],
      ca: 'ca.pem',
      bindDn: service.dn,
      bindPassword: { env: 'LDAP_PASSWORD' },
      base: peopleBase,
      groups: { base: groupsBase },
      ...ldap,
    };
    const config = {
      secret: { file: 'secret' },
      directories: [{ kind: 'file', file: 'users.yaml' }, corp],
      roles: { above: ['chief'] },
    };
    writeFileSync(file, JSON.stringify(config));
    return runHere(['check-config', file, '--try', ...args], { LDAP_PASSWORD: service.password });
  };

  test('a server that answers is named with how it is reached, as whom, and that it has people and groups; a file with how many', async () => {
    for (const [servers, how] of [
      [[`ldaps://127.0.0.1:${slapd.tlsPort}`], 'TLS'],
      [[`ldap://127.0.0.1:${slapd.port}`], 'StartTLS'],
    ] as const) {
      const { code, stdout, stderr } = await tried({ servers, ...(how === 'StartTLS' && { startTls: true }) });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /users\.yaml: 1 user\n/);
      assert.ok(
        stdout.includes(
          `(${how}), bound as ${service.dn}: there are people below ${peopleBase}, and there are groups below ${groupsBase}\n`,
        ),
        stdout,
      );
      assert.ok(!stdout.includes(service.password));
    }
  });

  test('somebody is looked up in each directory: name, groups in groups, and the roles that these are worth', async () => {
    const { code, stdout } = await tried({}, ['--user', 'TryOut ']);
    assert.equal(code, 0);
    assert.match(stdout, /TryOut : not in file .*users\.yaml\n/);
    assert.match(stdout, /TryOut : in ldaps:.*: tryout, Try Out.*; groups above, triers; roles chief\n/);
    const admin = await tried({}, ['--user', 'admin']);
    assert.match(admin.stdout, /admin: in file .*: admin; groups admins; roles none\n/);
    const nobody = await tried({}, ['--user', 'nobody-of-this-name']);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /nobody-of-this-name: in none of the directories/);
  });

  test('each server is tried by itself: one that is down does not hide behind one that answers', async () => {
    const { code, stdout, stderr } = await tried({
      servers: [`ldaps://127.0.0.1:${slapd.tlsPort}`, 'ldaps://127.0.0.1:1'],
    });
    assert.equal(code, 1);
    assert.match(stdout, /answers in \d+ ms/);
    assert.match(stderr, /^latchkey: ldaps:\/\/127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/m);
  });

  test('a wrong password, a base without people, and a certificate that nobody vouches for are problems; no groups is a warning', async () => {
    for (const [ldap, says] of [
      [{ bindDn: personDn('tryout') }, /refuses bindDn uid=tryout.*: its name or password is wrong/],
      [
        { base: groupsBase, groups: { base: groupsBase } },
        /shows nobody below ou=groups.*the base, the filter or the rights/,
      ],
      [{ base: 'ou=nowhere,dc=xyz,dc=com', groups: { base: groupsBase } }, /shows nobody below ou=nowhere/],
      [
        { servers: [`ldaps://localhost:${slapd.tlsPort}`], serverName: 'other.xyz.com' },
        /does not answer: .*(altnames|certificate)/i,
      ],
    ] as const) {
      const { code, stderr } = await tried(ldap);
      assert.equal(code, 1, stderr);
      assert.match(stderr, says);
    }
    const { code, stderr } = await tried({ groups: { base: peopleBase } });
    assert.equal(code, 0);
    assert.match(stderr, /^latchkey: warning: ldaps:.* shows no groups below ou=people.*: nobody would have roles\n$/);
  });
});
