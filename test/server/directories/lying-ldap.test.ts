/** A server that lies, or somebody in between: every answer that is not what was asked for is no answer, and lets nobody in. */

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Directory } from '../../../server/directories/directory.ts';
import { isDisabled } from '../../../server/directories/ldap/entry.ts';
import { comparableDn, escapeFilter, filterFor, isBelow } from '../../../server/directories/ldap/filter.ts';
import { ldapDirectory } from '../../../server/directories/ldap/ldap-directory.ts';
import { type LdapOptions, ldapSettings } from '../../../server/directories/ldap/settings.ts';
import { Authority, hasOpenssl } from '../../channel/certificates.ts';

/** BER, as little of it as answers need (X.690). */
function tlv(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const { length } = value;
  const head = length < 0x80 ? [tag, length] : [tag, 0x84, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)];
  return Buffer.concat([Buffer.from(head), value]);
}
const int = (value: number, tag = 0x02) => tlv(tag, Buffer.from([value]));
const text = (value: string) => tlv(0x04, value);
const result = (tag: number, code: number, more: readonly Buffer[] = []) =>
  tlv(tag, int(code, 0x0a), text(''), text(''), ...more);
const message = (id: number, operation: Buffer) => tlv(0x30, int(id), operation);
const entry = (dn: string, attributes: Readonly<Record<string, readonly string[]>>) =>
  tlv(
    0x64,
    text(dn),
    tlv(
      0x30,
      ...Object.entries(attributes).map(([name, values]) => tlv(0x30, text(name), tlv(0x31, ...values.map(text)))),
    ),
  );

const bind = 0x60;
const search = 0x63;
const extended = 0x77;
const done = result(0x65, 0);
const bound = result(0x61, 0);
const refused = result(0x61, 49);
const alice = entry('uid=alice,dc=xyz', { uid: ['alice'], cn: ['Alice'] });

interface Asked {
  readonly id: number;
  readonly tag: number;
  /** The whole message. */
  readonly bytes: Buffer;
  readonly socket: Socket;
}

type Answer = (asked: Asked) => readonly Buffer[];

class FakeServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  answer: Answer = () => [];
  readonly asked: Asked[] = [];
  connections = 0;

  constructor() {
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket.on('error', () => {}));
      this.listenTo(socket);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `ldap://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Questions are short: each comes in one piece, or several together. */
  listenTo(socket: Socket): void {
    socket.on('data', (data: Buffer) => {
      for (let bytes = data; bytes.length > 2; ) {
        const size = bytes[1]! < 0x80 ? 0 : bytes[1]! & 0x7f;
        const length = 2 + size + (size === 0 ? bytes[1]! : bytes.readUIntBE(2, size));
        const whole = bytes.subarray(0, length);
        bytes = bytes.subarray(length);
        const id = whole[2 + size + 2]!;
        const asked = { id, tag: whole[2 + size + 3]!, bytes: whole, socket };
        this.asked.push(asked);
        for (const operation of this.answer(asked)) socket.write(operation);
      }
    });
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** What an honest server says about alice, whose password is right if `accepts`. */
const honest =
  (accepts: boolean, found: readonly Buffer[] = [alice]): Answer =>
  ({ id, tag, bytes }) => {
    if (tag === bind) return [message(id, accepts ? bound : refused)];
    if (tag !== search) return [];
    const isForPeople = bytes.includes('userControl') || bytes.includes('pwdAccountLockedTime');
    return [...(isForPeople ? found : []).map((one) => message(id, one)), message(id, done)];
  };

const options = (url: string, more: Partial<LdapOptions> = {}): LdapOptions => ({
  name: 'lying',
  servers: [url],
  allowInsecureConnection: true,
  base: 'dc=xyz',
  timeLimitMs: 2_000,
  ...more,
});
const log = { warn: () => {} };

let server: FakeServer;
before(async () => {
  server = await new FakeServer().start();
});
after(() => server.end());

async function asking<T>(answer: Answer, ask: (directory: Directory) => Promise<T>, more: Partial<LdapOptions> = {}) {
  server.answer = answer;
  server.asked.length = 0;
  const directory = ldapDirectory(options(server.url, more), { log });
  try {
    return await ask(directory);
  } finally {
    await directory.close();
  }
}

test('the fake server can tell the truth', async () => {
  const check = await asking(honest(true), (directory) => directory.check('alice', 'x'));
  assert.deepEqual(check, { kind: 'known', person: { name: 'alice', displayName: 'Alice', groups: [] } });
  assert.equal((await asking(honest(false), (directory) => directory.check('alice', 'x'))).kind, 'refused');
});

test('an empty password is refused without a question, since servers call that a success (RFC 4513 5.1.2)', async () => {
  assert.deepEqual(await asking(honest(true), (directory) => directory.check('alice', '')), { kind: 'refused' });
  assert.equal(server.asked.length, 0);
});

test('an entry without a distinguished name, without one name, or from elsewhere lets nobody in', async () => {
  const entries: readonly Buffer[] = [
    entry('', { uid: ['alice'] }),
    entry('uid=alice,dc=other', { uid: ['alice'] }),
    entry('uid=alice,dc=evilxyz', { uid: ['alice'] }),
    entry('uid=alice,dc=xyz', {}),
    entry('uid=alice,dc=xyz', { uid: ['alice', 'admin'] }),
    entry('uid=alice,dc=xyz', { uid: ['a\0b'] }),
    entry('uid=alice,dc=xyz', { uid: ['x'.repeat(300)] }),
    entry('uid=alice,dc=xyz', { uid: ['alice'], dn: ['uid=admin,dc=xyz', 'x'] }),
  ];
  for (const one of entries) {
    const check = await asking(honest(true, [one]), (directory) => directory.check('alice', 'x'));
    assert.equal(check.kind, 'unavailable', JSON.stringify(one.toString('latin1').slice(0, 60)));
  }
});

test('one name is one identity: it is the entry’s, in one form, and not what was typed', async () => {
  const odd = entry('CN=Alice,DC=XYZ', { UID: [' ＡLICE '] });
  const check = await asking(honest(true, [odd]), (directory) => directory.check('alice@corp', 'x'));
  assert.equal(check.kind === 'known' && check.person.name, 'alice');
});

test('referrals are not followed: among entries they count as nothing, in place of an answer as no answer', async () => {
  const elsewhere = tlv(0x73, text('ldap://127.0.0.1:1/dc=xyz'));
  const beside: Answer = (asked) => {
    const answers = honest(true)(asked);
    return asked.tag === search ? [message(asked.id, elsewhere), ...answers] : answers;
  };
  assert.equal((await asking(beside, (directory) => directory.check('alice', 'x'))).kind, 'known');
  const instead =
    (tag: number, operation: number): Answer =>
    (asked) => {
      const referral = result(operation, 10, [tlv(0xa3, text('ldap://127.0.0.1:1/'))]);
      return asked.tag === tag ? [message(asked.id, referral)] : honest(true)(asked);
    };
  for (const answer of [instead(search, 0x65), instead(bind, 0x61)])
    assert.equal((await asking(answer, (directory) => directory.check('alice', 'x'))).kind, 'unavailable');
});

test('result codes: what says no to the account is refused, everything else is unavailable', async () => {
  for (const [code, kind] of [
    [19, 'refused'],
    [32, 'refused'],
    [48, 'refused'],
    [49, 'refused'],
    [53, 'refused'],
    [1, 'unavailable'],
    [2, 'unavailable'],
    [8, 'unavailable'],
    [13, 'unavailable'],
    [14, 'unavailable'],
    [51, 'unavailable'],
    [52, 'unavailable'],
    [80, 'unavailable'],
  ] as const) {
    const answer: Answer = (asked) =>
      asked.tag === bind ? [message(asked.id, result(0x61, code))] : honest(true)(asked);
    assert.equal((await asking(answer, (directory) => directory.check('alice', 'x'))).kind, kind, `${code}`);
  }
});

test('huge answers end: one entry of many megabytes, and entries without end', async () => {
  const huge = entry('uid=alice,dc=xyz', { uid: ['alice'], cn: ['x'.repeat(10 * 1024 * 1024)] });
  assert.equal((await asking(honest(true, [huge]), (directory) => directory.check('alice', 'x'))).kind, 'unavailable');
  const many = Array.from({ length: 2_000 }, (_, at) => entry(`uid=a${at},dc=xyz`, { uid: [`a${at}`] }));
  assert.equal((await asking(honest(true, many), (directory) => directory.check('alice', 'x'))).kind, 'refused');
  assert.equal((await asking(honest(true, many), (directory) => directory.find('alice'))).kind, 'unavailable');
  const groups: Answer = (asked) => {
    const isForPeople = asked.bytes.includes('pwdAccountLockedTime');
    if (asked.tag !== search || isForPeople) return honest(true)(asked);
    if (!asked.bytes.includes('uniqueMember')) return [message(asked.id, done)];
    const list = Array.from({ length: 1_200 }, (_, at) => entry(`cn=g${at},dc=xyz`, { cn: [`g${at}`] }));
    return [...list.map((one) => message(asked.id, one)), message(asked.id, done)];
  };
  assert.equal((await asking(groups, (directory) => directory.check('alice', 'x'))).kind, 'unavailable');
});

test('bytes that are no answer, answers to other questions, silence and a closed connection are no answer', async () => {
  const answers: readonly Answer[] = [
    () => [Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
    () => [Buffer.alloc(64, 0xff)],
    () => [Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff])],
    ({ id }) => [message(id + 40, bound), message(id + 40, done)],
    ({ id }) => [message(id, tlv(0x79, text('')))],
    () => [],
    ({ socket }) => {
      socket.destroy();
      return [];
    },
  ];
  for (const answer of answers) {
    const kinds = await asking(
      answer,
      async (directory) => [(await directory.check('alice', 'x')).kind, (await directory.find('alice')).kind],
      { timeLimitMs: 150 },
    );
    assert.deepEqual(kinds, ['unavailable', 'unavailable'], answer.toString());
  }
});

test('a broken connection is never made again behind our back: what comes after TLS is not asked in the clear', async () => {
  // Whoever connects is cut off after the first answer: a client that connects by itself would go on as nobody.
  const answer: Answer = (asked) => {
    const answers = honest(true)(asked);
    setImmediate(() => asked.socket.destroy());
    return answers;
  };
  const before = server.connections;
  const kind = await asking(answer, async (directory) => (await directory.check('alice', 'x')).kind);
  assert.notEqual(kind, 'known');
  assert.ok(server.connections - before <= 3, `${server.connections - before}`);
});

test('StartTLS: what somebody in between adds before the handshake is not read as if it had come sealed', {
  skip: !hasOpenssl() && 'there is no openssl program',
}, async (t) => {
  const authority = new Authority();
  t.after(() => authority.remove());
  const { cert, key } = authority.issue({ san: 'IP:127.0.0.1' });
  const secureContext = createSecureContext({ cert, key });
  const agreed = (id: number) => message(id, tlv(0x78, int(0, 0x0a), text(''), text('')));
  const upgrade =
    (added: (id: number) => Buffer): Answer =>
    (asked) => {
      if (asked.tag !== extended) return honest(false)(asked);
      asked.socket.removeAllListeners('data');
      asked.socket.write(Buffer.concat([agreed(asked.id), added(asked.id)]));
      server.listenTo(new TLSSocket(asked.socket, { isServer: true, secureContext }).on('error', () => {}));
      return [];
    };
  const more = { startTls: true, allowInsecureConnection: false, ca: authority.ca };
  const ask = (answer: Answer) => asking(answer, (directory) => directory.check('alice', 'x'), more);
  assert.equal((await ask(upgrade(() => Buffer.alloc(0)))).kind, 'refused');
  // A success for the question after next, whole, and one that the first sealed byte (0x30) would complete.
  const forged = (id: number) => message(id + 1, tlv(0x61, int(0, 0x0a), text(''), text('0')));
  for (const added of [forged, (id: number) => forged(id).subarray(0, -1)]) {
    const check = await ask(upgrade(added));
    assert.equal(check.kind, 'unavailable');
    assert.match(check.kind === 'unavailable' ? check.why : '', /before TLS/);
  }
  // No TLS at all: the password is not sent.
  const declined: Answer = ({ id }) => [message(id, tlv(0x78, int(52, 0x0a), text(''), text('')))];
  assert.equal((await ask(declined)).kind, 'unavailable');
  assert.deepEqual(
    server.asked.map(({ tag }) => tag),
    [extended],
  );
});

test('names in filters are escaped as RFC 4515 says, and compared as distinguished names', () => {
  assert.equal(escapeFilter('a*b(c)d\\e\0f'), 'a\\2ab\\28c\\29d\\5ce\\00f');
  assert.equal(filterFor('(|(uid={name})(mail={name}))', "$&$'"), "(|(uid=$&$')(mail=$&$'))");
  assert.equal(comparableDn('UID=Alice , OU=People,DC=xyz'), 'uid=alice,ou=people,dc=xyz');
  assert.equal(comparableDn('cn=M\\C3\\BCller,dc=xyz'), 'cn=müller,dc=xyz');
  assert.ok(isBelow('uid=a,DC=XYZ, dc=com', 'dc=xyz,dc=com'));
  assert.ok(isBelow('uid=a,dc=xyz', ''));
  assert.ok(!isBelow('uid=a,dc=notxyz', 'dc=xyz'));
  assert.ok(!isBelow('uid=a\\,dc=xyz', 'dc=xyz'));
  assert.ok(!isBelow('uid=a\\2Cdc=xyz', 'dc=xyz'));
  assert.ok(!isBelow('', ''));
});

test('marks of disabled accounts: Active Directory’s, OpenLDAP’s, 389’s; a lock after wrong guesses is none', () => {
  const now = Date.UTC(2026, 0, 1);
  const fileTime = (ms: number) => String((ms + 11_644_473_600_000) * 10_000);
  const disabled = (attributes: Record<string, string>) => isDisabled({ dn: 'cn=a', ...attributes }, now);
  assert.ok(disabled({ userAccountControl: '514' }));
  assert.ok(disabled({ useraccountcontrol: '66050' }));
  assert.ok(!disabled({ userAccountControl: '512' }));
  assert.ok(!disabled({ userAccountControl: '66048' }));
  assert.ok(disabled({ accountExpires: fileTime(now - 1_000) }));
  assert.ok(!disabled({ accountExpires: fileTime(now + 1_000) }));
  for (const never of ['0', '9223372036854775807']) assert.ok(!disabled({ accountExpires: never }));
  assert.ok(disabled({ pwdAccountLockedTime: '000001010000Z' }));
  assert.ok(!disabled({ pwdAccountLockedTime: '20260101000000Z' }));
  assert.ok(disabled({ nsAccountLock: 'TRUE' }));
  assert.ok(!disabled({}));
});

test('Active Directory is asked in its own words: one question finds groups in groups, and a name has three forms', async () => {
  const filters: string[] = [];
  const answer: Answer = (asked) => {
    if (asked.tag === search) filters.push(asked.bytes.toString('latin1'));
    if (asked.tag !== search || asked.bytes.includes('userAccountControl'))
      return honest(true, [entry('CN=Alice,DC=xyz', { sAMAccountName: ['Alice'], userAccountControl: ['512'] })])(
        asked,
      );
    const staff = entry('CN=Staff,DC=xyz', { cn: ['Staff'] });
    return [
      ...(asked.bytes.includes('1.2.840.113556.1.4.1941') ? [message(asked.id, staff)] : []),
      message(asked.id, done),
    ];
  };
  const check = await asking(answer, (directory) => directory.check('Alice@corp.xyz.com', 'x'), {
    schema: 'active-directory',
  });
  assert.deepEqual(check, { kind: 'known', person: { name: 'alice', groups: ['Staff'] } });
  assert.ok(filters.some((one) => /sAMAccountName.*userPrincipalName.*distinguishedName/s.test(one)));
  assert.equal(ldapSettings(options('ldap://x', { schema: 'active-directory' })).groups.by, 'matching-rule');
});
