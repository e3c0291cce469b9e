/**
 * Guessing at three central nodes (checks 32, 34 and 35 of SECURITY.md), as people and those who guess at their passwords
 * find it: nodes as processes, known by their addresses alone.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashSync } from '@node-rs/argon2';
import { type Person, personAt } from '../support/person.ts';
import { type Answered, ask, form, header } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';

const host = 'sso.xyz.test';
const json = { Accept: 'application/json', 'Sec-Fetch-Mode': 'cors' } as const;

/** Passwords that some reader on the way might cut, trim, normalize or split. */
const passwords = {
  long: `${'a'.repeat(72)}b${'c'.repeat(400)}`,
  longest: 'x'.repeat(4_096),
  composed: 'Stra\u00dfe \u00fc\u00e9 \u{1f511} \u4e2d\u6587',
  nul: 'before\0after',
  blanks: '  spaces at both ends\t ',
  signs: 'a+b&c=d%41%zz;"\'<>\\',
  lines: 'one\r\ntwo\nthree',
} as const;
type Odd = keyof typeof passwords;

let directory: string;
let cluster: ServedCluster;
let nodes: readonly [Served, Served, Served];
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  const hash = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });
  const people = [
    ...['alice', 'bob', 'carol', 'dave', 'erin'].map((name) => ({ name, password: hash(`password of ${name}`) })),
    ...Object.entries(passwords).map(([name, password]) => ({ name, password: hash(password) })),
  ];
  writeFileSync(
    join(directory, 'people.yaml'),
    JSON.stringify({ users: people.map((one) => ({ ...one, displayName: `${one.name} Example`, roles: [] })) }),
  );
  cluster = await serve(3, {
    cookieDomain: 'xyz.test',
    site: { origin: `https://${host}` },
    users: join(directory, 'people.yaml'),
    throttle: {
      account: { failures: 5, firstWaitMs: 600_000, longestWaitMs: 600_000 },
      source: { failures: 100_000 },
      all: { failures: 100_000 },
    },
  });
  nodes = cluster.nodes as unknown as readonly [Served, Served, Served];
});
after(async () => {
  await cluster?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const isSlowed = (answer: Answered) =>
  answer.status === 429 || /error=throttled/.test(header(answer, 'location') ?? '');
const isIn = (answer: Answered) =>
  (answer.headers.get('set-cookie') ?? []).some((line) => line.startsWith('__Secure-latchkey='));

/** Somebody else's guesses, over all nodes, until the account is slowed. */
async function exhaust(name: string): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const answer = await personAt(host, nodes[i % 3]!).signOn(name, `guess ${i}`, json, nodes[i % 3]!);
    if (isSlowed(answer)) return;
    assert.equal(answer.status, 401);
  }
  assert.fail(`${name} is not slowed`);
}

test('check 32: of a thousand parallel wrong passwords for one account, over three nodes, all but the budget are refused unseen, and the right one among them too', async () => {
  const posts = await Promise.all(
    nodes.map(async (node) => {
      const guesser = personAt(host, node);
      const csrf = await guesser.token('/login');
      const cookie = [...guesser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      return (password: string, i: number) => ({
        method: 'POST',
        target: '/login',
        headers: {
          ...json,
          Host: host,
          'X-Forwarded-Proto': 'https',
          'X-Forwarded-For': `198.51.${i >> 8}.${i & 255}`,
          'Content-Type': 'application/x-www-form-urlencoded',
          Cookie: cookie,
        },
        body: form({ username: 'alice', password, csrf }),
      });
    }),
  );
  const rounds = await Promise.all(
    nodes.map((node, at) =>
      ask(
        node.port,
        Array.from({ length: 334 }, (_, i) => posts[at]!(i === 333 ? 'password of alice' : `guess ${i}`, at * 334 + i)),
      ),
    ),
  );
  const answers = rounds.flat();
  const seen = answers.filter(({ status }) => status === 401).length;
  const slowed = answers.filter(isSlowed);
  // News of a failure takes a moment between nodes: what each lets pass meanwhile is bounded by its own count.
  assert.ok(seen >= 5 && seen <= 15, `${seen} passwords were looked at`);
  // A node that is asked too much at once says so in place of the wait.
  const busy = answers.filter(({ status }) => status === 503).length;
  assert.equal(seen + slowed.length + busy, answers.length, [...new Set(answers.map(({ status }) => status))].join());
  for (const answer of slowed) assert.ok(Number(header(answer, 'retry-after')) > 0);
  assert.equal(answers.filter(isIn).length, 0, 'guessed right too late');
  for (const node of nodes)
    assert.ok(isSlowed(await personAt(host, node).signOn('alice', 'password of alice', json, node)), node.name);
});

test('check 34: who signed on from this browser before gets in while strangers guess, at every node; who did not has to wait', async () => {
  const bob = personAt(host, nodes[0]);
  assert.ok(isIn(await bob.signOn('bob', 'password of bob', json)));
  const csrf = await bob.token('/logout');
  await bob.post('/logout', form({ csrf }));
  assert.equal(await bob.isKnown(), false);
  const kept = new Map(bob.cookies);
  await exhaust('bob');
  for (const node of nodes) {
    const known = personAt(host, node);
    for (const [name, value] of kept) known.cookies.set(name, value);
    assert.ok(isIn(await known.signOn('bob', 'password of bob', json, node)), `${node.name}: the known browser`);
    assert.ok(
      isSlowed(await personAt(host, node).signOn('bob', 'password of bob', json, node)),
      `${node.name}: another`,
    );
  }
});

test('check 34: the mark of a known browser helps nobody but the account it is of, and its own guesses are counted', async () => {
  const mallory = personAt(host, nodes[1]);
  assert.ok(isIn(await mallory.signOn('erin', 'password of erin', json)));
  await mallory.post('/logout', form({ csrf: await mallory.token('/logout') }));
  await exhaust('carol');
  assert.ok(isSlowed(await mallory.signOn('carol', 'password of carol', json)), 'erin’s browser is nothing to carol');
  const kept = new Map(mallory.cookies);
  let looked = 0;
  for (let i = 0; i < 30; i++) {
    const thief = personAt(host, nodes[i % 3]!);
    for (const [name, value] of kept) thief.cookies.set(name, value);
    const answer = await thief.signOn('erin', `guess ${i}`, json, nodes[i % 3]!);
    if (isSlowed(answer)) break;
    looked++;
  }
  assert.ok(looked < 20, `${looked} guesses with a stolen mark`);
});

test('check 34: who is signed on stays signed on, whatever strangers guess', async () => {
  const dave = personAt(host, nodes[2]);
  assert.ok(isIn(await dave.signOn('dave', 'password of dave')));
  await exhaust('dave');
  for (const node of nodes) assert.match((await dave.get('/', {}, node)).body, /dave Example/);
});

/** How often each is tried here is less than the budget of failures. */
const nearly: Readonly<Record<Odd, readonly string[]>> = {
  long: [passwords.long.slice(0, 72), passwords.long.slice(0, -1), `${passwords.long}c`],
  longest: [passwords.longest.slice(1), passwords.longest.slice(0, 72)],
  composed: [
    passwords.composed.normalize('NFD'),
    passwords.composed.toUpperCase(),
    passwords.composed.normalize('NFKC').replace('\u00df', 'ss'),
  ],
  nul: ['before', 'before\0', 'before\0other', 'beforeafter'],
  blanks: [passwords.blanks.trim(), passwords.blanks.trimEnd(), passwords.blanks.trimStart()],
  signs: [decodeURIComponent('a+b&c=d%41'), 'a b&c=dA%zz;"\'<>\\', 'a+b'],
  lines: [passwords.lines.replaceAll('\r\n', '\n'), passwords.lines.split('\r')[0]!],
};

for (const [what, post] of Object.entries({
  form: (person: Person, username: string, password: string, csrf: string) =>
    person.post('/login', form({ username, password, csrf }), json),
  JSON: (person: Person, username: string, password: string, csrf: string) =>
    person.post('/login', JSON.stringify({ username, password, csrf }), {
      ...json,
      'Content-Type': 'application/json',
    }),
}))
  test(`check 35: a password is verified as it was sent, by ${what}: long, in any script, with a NUL, blanks and signs; nothing that is nearly it is let in`, async () => {
    for (const [name, password] of Object.entries(passwords)) {
      const person = personAt(host, nodes[0]);
      const right = await post(person, name, password, await person.token('/login'));
      assert.ok(isIn(right), `${name}: ${right.status} ${right.body}`);
      for (const wrong of nearly[name as Odd].slice(0, 2)) {
        const other = personAt(host, nodes[1]);
        const answer = await post(other, name, wrong, await other.token('/login'));
        assert.equal(answer.status, 401, `${name}: ${JSON.stringify(wrong.slice(0, 80))}`);
      }
    }
  });

test('check 35: a password over the limit is a clean 413 to a program and to a browser, of a megabyte too; nobody is let in by the part of it that fits', async () => {
  for (const length of [20_000, 1_048_576]) {
    const password = passwords.longest + 'x'.repeat(length);
    for (const headers of [json, {}]) {
      const person = personAt(host, nodes[2]);
      const answer = await person.signOn('longest', password, headers);
      assert.equal(answer.status, 413, `${length} ${JSON.stringify(headers)}`);
      assert.ok(!isIn(answer));
      assert.ok(!answer.body.includes('xxxx'));
    }
  }
  const person = personAt(host, nodes[2]);
  assert.ok(isIn(await person.signOn('longest', passwords.longest, json)), 'and everything goes on');
});
