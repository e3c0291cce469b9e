/**
 * How long a served node takes to say that a name is unknown, and that a password is wrong (check 31): one connection, one
 * question after the other, of both kinds in an order by chance, so that whatever else the machine does falls on both alike.
 * There are as many names of nobody as of people, and each comes as often: to caches and counts they are alike.
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { cookieHeader, personAt } from '../support/person.ts';
import { headerLines } from '../support/pipeline.ts';
import { type ServedCluster, serve } from '../support/served.ts';
import { seededFraction } from './seeded.ts';

export interface Measured {
  /** Milliseconds, in the order of asking. */
  readonly unknownName: readonly number[];
  readonly wrongPassword: readonly number[];
  /** The statuses and bodies that came, without what differs between any two answers: one, if names cannot be told. */
  readonly faces: ReadonlySet<string>;
}

export interface MeasureOptions {
  /** Questions of each kind. */
  readonly each: number;
  readonly seed: number;
  /** KiB that argon2id takes for a password: 19,456 is what `latchkey hash-password` makes, 64 next to nothing. */
  readonly memoryCost: number;
}

const warmUp = 100;
/** A file of people may have a megabyte. */
const peopleAtMost = 4_000;

/** People who are there, and as many names of nobody; both made alike. */
export async function measure({ each, seed, memoryCost }: MeasureOptions): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-distribution-'));
  const count = Math.min(each + warmUp, peopleAtMost);
  const names = Array.from({ length: 2 * count }, () => randomBytes(8).toString('hex'));
  const known = names.slice(0, count);
  const password = await hash(randomBytes(16), { memoryCost, timeCost: memoryCost < 1_000 ? 1 : 2 });
  // One hash for all of them: it is another one's password in no case that is asked here.
  writeFileSync(
    join(directory, 'people.yaml'),
    JSON.stringify({ users: known.map((name) => ({ name, roles: [], password })) }),
  );
  let cluster: ServedCluster | undefined;
  try {
    const many = { failures: 1_000_000 };
    cluster = await serve(1, {
      cookieDomain: 'xyz.test',
      users: join(directory, 'people.yaml'),
      throttle: { account: many, source: many, all: many }, // it counts, and slows nobody
      log: { level: 'error' },
    });
    const fraction = seededFraction(seed);
    const pairs = Array.from({ length: each + warmUp }, (_, i) => {
      const pair = [names[i % count]!, names[count + (i % count)]!];
      return fraction() < 0.5 ? pair : pair.reverse();
    });
    const isKnown = new Set(known);
    const measured = { unknownName: [] as number[], wrongPassword: [] as number[], faces: new Set<string>() };
    const visitor = personAt('sso.xyz.test', cluster.nodes[0]!);
    const csrf = await visitor.token('/login');
    const questions = new Questions(cluster.nodes[0]!.port, csrf, cookieHeader(visitor.cookies));
    for (const [i, name] of pairs.flat().entries()) {
      const { tookMs, face } = await questions.ask(name);
      if (i < 2 * warmUp) continue;
      measured[isKnown.has(name) ? 'wrongPassword' : 'unknownName'].push(tookMs);
      measured.faces.add(face);
    }
    questions.end();
    return measured;
  } finally {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A program that signs on with JSON, over a connection that it keeps. */
class Questions {
  readonly #socket: Socket;
  readonly #csrf: string;
  readonly #cookie: string;
  #text = '';
  #done: (() => void) | undefined;

  constructor(port: number, csrf: string, cookie: string) {
    this.#csrf = csrf;
    this.#cookie = cookie;
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.#socket.setEncoding('latin1').on('data', (chunk) => {
      this.#text += chunk;
      const end = this.#text.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)?.[1] ?? Number.NaN);
      if (end !== -1 && this.#text.length >= end + 4 + length) this.#done?.();
    });
  }

  async ask(username: string): Promise<{ readonly tookMs: number; readonly face: string }> {
    const body = JSON.stringify({ username, password: 'not the password', csrf: this.#csrf });
    const headers = {
      Host: 'sso.xyz.test',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-For': '198.51.100.1',
      Cookie: this.#cookie,
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
    };
    this.#text = '';
    const answered = new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#socket.once('close', () => reject(new Error('the connection ended')));
    });
    const started = performance.now();
    this.#socket.write(`POST /login HTTP/1.1\r\n${headerLines(headers)}\r\n${body}`);
    await answered;
    const tookMs = performance.now() - started;
    this.#socket.removeAllListeners('close');
    return { tookMs, face: this.#text.replace(/\r\n(date|etag|set-cookie): [^\r]*/gi, '') };
  }

  end(): void {
    this.#socket.destroy();
  }
}
