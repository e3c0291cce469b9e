/** `directories`, `roles` and `recheck` of a configuration: what is right, and what is wrong in one line that names the field. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
after(() => rmSync(folder, { recursive: true }));
const env = { LATCHKEY_SECRET: 'f3'.repeat(32), LDAP_PASSWORD: 'hunter2' };

function load(text: string) {
  const file = join(folder, 'latchkey.yaml');
  writeFileSync(file, `secret: { env: LATCHKEY_SECRET }\n${text}`);
  return loadConfig(file, env);
}

const ldap = (more: string) => `directories: [{ kind: ldap, base: 'dc=xyz', ${more} }]`;

test('a file of users is a directory; several are a chain, with paths from the configuration and secrets from where they are kept', () => {
  const plain = load('users: users.yaml');
  assert.deepEqual(plain.directories, [{ kind: 'file', file: join(folder, 'users.yaml') }]);
  assert.deepEqual([plain.roles, plain.recheck], [undefined, { everyMs: 300_000, mostGone: 0.5 }]);
  writeFileSync(join(folder, 'ca.pem'), 'certificates');
  const config = load(`
directories:
  - { kind: htpasswd, file: people, groupFile: groups }
  - kind: ldap
    servers: [ldaps://dc1.xyz.com, 'ldaps://[2001:db8::1]:6360']
    schema: active-directory
    ca: ca.pem
    bindDn: cn=latchkey,dc=xyz
    bindPassword: { env: LDAP_PASSWORD }
    base: ou=people,dc=xyz
    userFilter: (&(objectClass=user)(|(sAMAccountName={name})(mail={name})))
    groups: { base: 'ou=groups,dc=xyz', nameAttribute: dn, nested: false }
roles: { admins: [admin, staff], 'cn=staff,dc=xyz': [staff] }
recheck: { everyMs: 60000, mostGone: 0.2 }
`);
  assert.deepEqual(config.directories[0], {
    kind: 'htpasswd',
    file: join(folder, 'people'),
    groupFile: join(folder, 'groups'),
  });
  const [, second] = config.directories;
  assert.ok(second?.kind === 'ldap');
  assert.deepEqual([second.name, second.ca, second.bindPassword], ['ldaps://dc1.xyz.com', 'certificates', 'hunter2']);
  assert.deepEqual(config.roles, { admins: ['admin', 'staff'], 'cn=staff,dc=xyz': ['staff'] });
  assert.deepEqual(config.recheck, { everyMs: 60_000, mostGone: 0.2 });
  assert.deepEqual(config.warnings, []);
  assert.equal(load('users: u\nrecheck: false').recheck, false);
});

test('T17: what is wrong about directories is told in one line that names the field and what would be right', () => {
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    ['users: u\ndirectories: [{ kind: file, file: u }]', /users: is one more place .* put it into directories/],
    ['', /users: is missing: must be the path of a file, or name directories/],
    ['directories: []', /directories: must hold at least one directory/],
    ['directories: { kind: file }', /directories: must be a list of directories/],
    ['directories: [{ kind: ldpa }]', /directories\[0\](\.kind)?: must be file, htpasswd or ldap/],
    ['directories: [{ kind: file }]', /directories\[0\]\.file: is missing: must be the path of a file/],
    ['directories: [{ kind: htpasswd, file: f, groups: g }]', /groups: is not a known field/],
    [ldap('servers: []'), /servers: must hold at least one server/],
    [ldap('servers: [ldap.xyz.com]'), /servers\[0\]: must be ldaps:\/\/ or ldap:\/\/ and a host/],
    [ldap("servers: ['ldap://user:pw@host']"), /servers\[0\]: must be ldaps:\/\/ or ldap:\/\//],
    [ldap('servers: [ldap://h]'), /servers\[0\]: would get passwords in the clear: .*startTls: true/],
    [ldap('servers: [ldaps://h], startTls: true'), /servers\[0\]: is TLS from the start: leave out startTls/],
    [ldap('servers: [ldaps://h], userFilter: (uid=alice)'), /userFilter: must hold \{name\}/],
    [ldap("servers: [ldaps://h], userFilter: '(uid={name}'"), /userFilter: must be a search filter in parentheses/],
    [ldap("servers: [ldaps://h], disabledFilter: 'x'"), /disabledFilter: must be a search filter/],
    [ldap("servers: [ldaps://h], bindDn: 'cn=x'"), /bindPassword: is missing: must name where it is kept/],
    [ldap('servers: [ldaps://h], bindPassword: hunter2'), /bindPassword: a secret does not belong into this file/],
    [ldap('servers: [ldaps://h], bindPassword: { env: LDAP_PASSWORD }'), /bindDn: is missing/],
    [ldap('servers: [ldaps://h], tlsVerify: false'), /tlsVerify: is not a known field/],
    [ldap('servers: [ldaps://h], ca: absent.pem'), /absent\.pem: the file that ca names cannot be read/],
    [
      ldap('servers: [ldaps://h], groups: { by: memberof }'),
      /groups\.by: must be one of member, memberOf, matching-rule/,
    ],
    ['directories: [{ kind: ldap, servers: [ldaps://h] }]', /base: is missing: must be where people are/],
    ['users: u\nroles: { admins: admin }', /roles\.admins: must be a list of roles/],
    ['users: u\nrecheck: true', /recheck: must be false, or \{ everyMs/],
    ['users: u\nrecheck: { mostGone: 50 }', /recheck\.mostGone: must be a share, 0 to 1/],
    ['users: u\nrecheck: { everyMS: 60000 }', /:3: recheck\.everyMS: is not a known field; did you mean "everyMs"\?/],
  ];
  for (const [text, says] of wrong)
    assert.throws(
      () => load(text),
      (error) => {
        if (!(error instanceof ConfigError)) throw error;
        assert.match(error.message, says, text);
        assert.ok(!error.message.includes('hunter2'), error.message);
        return true;
      },
      text,
    );
});

test('a directory that gets passwords in the clear is warned about', () => {
  const { warnings } = load(ldap('servers: [ldap://127.0.0.1], allowInsecureConnection: true'));
  assert.match(warnings.join(), /passwords travel in the clear/);
});
