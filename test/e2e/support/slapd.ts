/**
 * OpenLDAP's server as Debian has it, on loopback, from a directory of its own: a few hundred people in
 * nested groups, plain, StartTLS and LDAPS. Missing, the tests are skipped, unless everything is required.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { Authority } from '../../channel/certificates.ts';
import { freePorts } from './demo.ts';

const program = '/usr/sbin/slapd';

/** Why there is no server, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export const noSlapd: string | false =
  existsSync(program) || process.env['LATCHKEY_REQUIRE_ALL'] === '1'
    ? false
    : `${program} is not installed (apt-get install slapd)`;

export const suffix = 'dc=xyz,dc=com';
export const peopleBase = `ou=people,${suffix}`;
export const groupsBase = `ou=groups,${suffix}`;
export const service = { dn: `cn=latchkey,${suffix}`, password: 'service-password' } as const;
const manager = { dn: `cn=manager,${suffix}`, password: 'manager-password' } as const;

/** More entries than this come in pages alone. */
export const unpagedAtMost = 220;

export type Attributes = Readonly<Record<string, string | readonly string[]>>;

export class Slapd {
  readonly #folder = mkdtempSync(join(tmpdir(), 'latchkey-slapd-'));
  readonly #authority = new Authority();
  #process: ChildProcess | undefined;
  port = 0;
  tlsPort = 0;

  /** Believed by who is given it. */
  get ca(): string {
    return this.#authority.ca;
  }

  static async start(): Promise<Slapd> {
    const server = new Slapd();
    const base = await freePorts();
    server.port = base;
    server.tlsPort = base + 1;
    server.#writeConfig();
    await server.up();
    await server.#fill();
    return server;
  }

  /** Resolves when it answers. */
  async up(): Promise<void> {
    const urls = `ldap://127.0.0.1:${this.port}/ ldaps://127.0.0.1:${this.tlsPort}/`;
    const child = spawn(program, ['-d', '0', '-h', urls, '-f', join(this.#folder, 'slapd.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    let said = '';
    child.stderr!.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000);
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}: ${said}`);
      const client = new Client({ url: `ldap://127.0.0.1:${this.port}`, connectTimeout: 5_000, timeout: 5_000 });
      try {
        await client.bind(manager.dn, manager.password);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await client.unbind().catch(() => {});
      }
    }
  }

  async down(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async end(): Promise<void> {
    await this.down();
    this.#authority.remove();
    rmSync(this.#folder, { recursive: true });
  }

  /** As the manager. */
  async write(work: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ url: `ldap://127.0.0.1:${this.port}`, connectTimeout: 10_000, timeout: 30_000 });
    try {
      await client.bind(manager.dn, manager.password);
      await work(client);
    } finally {
      await client.unbind();
    }
  }

  add(entries: Iterable<readonly [dn: string, attributes: Attributes]>): Promise<void> {
    return this.write(async (client) => {
      for (const [dn, attributes] of entries) await client.add(dn, mutable(attributes));
    });
  }

  /** Those that are not there are left out. */
  remove(dns: Iterable<string>): Promise<void> {
    return this.write(async (client) => {
      for (const dn of dns) await client.del(dn).catch(() => {});
    });
  }

  #writeConfig(): void {
    const { cert, key } = this.#authority.issue({ san: 'DNS:ldap.xyz.com,IP:127.0.0.1' });
    const file = (name: string, text: string) => {
      writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
      return join(this.#folder, name);
    };
    mkdirSync(join(this.#folder, 'db'));
    const config = [
      ...['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include /etc/ldap/schema/${name}.schema`),
      'modulepath /usr/lib/ldap',
      ...['back_mdb', 'memberof', 'ppolicy'].map((name) => `moduleload ${name}`),
      `pidfile ${join(this.#folder, 'pid')}`,
      `TLSCACertificateFile ${file('ca.pem', this.ca)}`,
      `TLSCertificateFile ${file('cert.pem', cert)}`,
      `TLSCertificateKeyFile ${file('key.pem', key)}`,
      'database mdb',
      `suffix "${suffix}"`,
      `rootdn "${manager.dn}"`,
      `rootpw ${manager.password}`,
      `directory ${join(this.#folder, 'db')}`,
      'maxsize 67108864',
      'dbnosync',
      'index objectClass,uid,mail,member,uniqueMember,memberUid eq',
      `limits dn.exact="${service.dn}" size.soft=${unpagedAtMost} size.hard=${unpagedAtMost} size.prtotal=unlimited`,
      'overlay memberof',
      'memberof-refint true',
      'overlay ppolicy',
      // Who searches is the service account; a password is only compared.
      'access to attrs=userPassword by anonymous auth by * none',
      `access to * by dn.exact="${service.dn}" read by * none`,
      '',
    ];
    file('slapd.conf', config.join('\n'));
  }

  async #fill(): Promise<void> {
    const unit = (name: string): readonly [string, Attributes] => [
      `ou=${name},${suffix}`,
      { objectClass: 'organizationalUnit', ou: name },
    ];
    await this.add([
      [suffix, { objectClass: ['dcObject', 'organization'], dc: 'xyz', o: 'xyz' }],
      [
        service.dn,
        { objectClass: ['organizationalRole', 'simpleSecurityObject'], cn: 'latchkey', userPassword: service.password },
      ],
      unit('people'),
      unit('groups'),
      ...company(),
    ]);
  }
}

export const personDn = (uid: string) => `uid=${uid},${peopleBase}`;
export const groupDn = (cn: string) => `cn=${cn},${groupsBase}`;

export function person(uid: string, more: Attributes = {}): readonly [string, Attributes] {
  return [
    personDn(uid),
    {
      objectClass: 'inetOrgPerson',
      uid,
      cn: `${uid} Example`,
      sn: 'Example',
      mail: `${uid}@corp.xyz.com`,
      userPassword: `password of ${uid}`,
      ...more,
    },
  ];
}

export function group(cn: string, member: readonly string[]): readonly [string, Attributes] {
  return [groupDn(cn), { objectClass: 'groupOfNames', cn, member }];
}

/** 300 people in 30 teams, these in six departments, these in one company. */
function* company(): Generator<readonly [string, Attributes]> {
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
  for (const at of numbers(300)) yield person(`person${at}`);
  for (const team of numbers(30))
    yield group(
      `team${team}`,
      numbers(10).map((at) => personDn(`person${team * 10 + at}`)),
    );
  for (const at of numbers(6))
    yield group(
      `department${at}`,
      numbers(5).map((team) => groupDn(`team${at * 5 + team}`)),
    );
  yield group(
    'company',
    numbers(6).map((at) => groupDn(`department${at}`)),
  );
}

function mutable(attributes: Attributes): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}
