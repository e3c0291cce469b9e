/**
 * Connections of the AJP listener against what nobody would send, from a seed. The listener is the real
 * one, its connections stay in the process. What has to hold, for every seed: nothing throws, every
 * connection closes and is counted, what is sent to the balancer is AJP to the last byte, and the
 * application gets no request that HTTP does not know, and none that was not sent.
 */

import type { RequestListener } from 'node:http';
import { Connection } from '../../../sso/ajp/connection.ts';
import { checkAjpOptions } from '../../../sso/ajp/options.ts';
import { End } from '../../../sso/ajp/pair.ts';
import { connectionParts } from '../../../sso/ajp/parts.ts';
import { type Random, seededRandom } from '../../../sso/random.ts';
import { AjpClient } from './client.ts';
import { fuzzBody, fuzzPacket, fuzzSecret } from './fuzz-packets.ts';

export interface Fuzzed {
  readonly packets: number;
  /** Handed to the application. */
  readonly requests: number;
  readonly connections: number;
  readonly counters: Readonly<Record<string, number>>;
  /** What did not hold; empty is good. */
  readonly faults: readonly string[];
}

/** So many connections at a time. */
const lanes = 32;

export class Fuzzer {
  readonly #seed: number;
  readonly #faults: string[] = [];
  readonly #parts;
  #packets = 0;
  #requests = 0;
  #connections = 0;
  #open = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const options = { listen: '127.0.0.1:0', secret: fuzzSecret } as const;
    this.#parts = connectionParts((req, res) => this.#serve(req, res), options, checkAjpOptions(options));
  }

  get sum(): Fuzzed {
    return {
      packets: this.#packets,
      requests: this.#requests,
      connections: this.#connections,
      counters: this.#parts.counters,
      faults: this.#faults,
    };
  }

  /** At least so many packets more. Every connection has a seed of its own: the same seed sends the same. */
  async run(packets: number): Promise<Fuzzed> {
    const until = this.#packets + packets;
    const lane = async () => {
      while (this.#packets < until && this.#faults.length < 10)
        await this.#converse(this.#seed * 1_000_003 + this.#connections++);
    };
    const thrown = (error: unknown) => void this.#faults.push(`thrown: ${(error as Error)?.stack ?? error}`);
    process.on('uncaughtException', thrown);
    process.on('unhandledRejection', thrown);
    await Promise.all(Array.from({ length: lanes }, lane));
    process.off('uncaughtException', thrown);
    process.off('unhandledRejection', thrown);
    if (this.#open !== 0) this.#faults.push(`${this.#open} connections are left`);
    if (this.#parts.counters.connections !== this.#connections) this.#faults.push('connections were not counted');
    return this.sum;
  }

  async #converse(seed: number): Promise<void> {
    const random = seededRandom(seed);
    const [near, far] = [new End(), new End()];
    End.join(near, far);
    this.#open++;
    far.once('close', () => this.#open--);
    new Connection(far, this.#parts);
    const client = new AjpClient(near);
    const reading = this.#read(client, random, seed);
    for (let left = 1 + Math.floor(random.fraction() * 5); left > 0 && !near.destroyed; left--) {
      this.#packets++;
      for (const piece of pieces(fuzzPacket(random), random)) near.write(piece);
      if (random.fraction() < 0.7) await turns(Math.floor(random.fraction() * 12));
    }
    await turns(Math.floor(random.fraction() * 30));
    if (random.fraction() < 0.5) near.end();
    else near.destroy();
    await client.closed;
    await reading;
    await closed(far);
  }

  /** Reads what comes, and answers questions for a body. */
  async #read(client: AjpClient, random: Random, seed: number): Promise<void> {
    try {
      for (;;) if ((await client.next()).kind === 'get-body') client.write(fuzzBody(random));
    } catch (error) {
      if ((error as Error).message !== 'closed') this.#faults.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }

  readonly #serve: RequestListener = (req, res) => {
    this.#requests++;
    if (this.#requests > this.#packets) this.#faults.push('more requests than packets');
    if (!/^(?:\*|\/[^\s#]*)$/.test(req.url ?? '')) this.#faults.push(`a request for ${JSON.stringify(req.url)}`);
    const strange = req.rawHeaders.find((text) => /[\r\n\0]/.test(text));
    if (strange !== undefined) this.#faults.push(`a header ${JSON.stringify(strange)}`);
    res.on('error', () => {});
    req.on('error', () => {});
    (behaviours[req.url?.split('?')[0] ?? ''] ?? behaviours['/']!)(req, res);
  };
}

const behaviours: Readonly<Record<string, RequestListener>> = {
  '/': (_req, res) => void res.end('ok'),
  '/echo': (req, res) => void req.pipe(res),
  '/early': (_req, res) => void res.writeHead(401).end(),
  '/stream': (_req, res) => {
    res.write('a');
    setImmediate(() => res.end('b'));
  },
  '/cut': (req) => void req.socket.destroy(),
  '/silent': () => {},
  '/large': (_req, res) => void res.end(Buffer.alloc(40_000)),
  '/headers': (_req, res) => void res.setHeader('X-Large', 'x'.repeat(9_000)).end(),
};

function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  if (random.fraction() < 0.6) return yield bytes;
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random.fraction() * 100);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function closed(end: End): Promise<void> {
  return end.closed ? Promise.resolve() : new Promise((resolve) => end.once('close', () => resolve()));
}
