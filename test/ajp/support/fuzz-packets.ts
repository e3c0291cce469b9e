/** Packets for the fuzzer: what balancers send, the same with something changed, and noise. */

import { pick, type Random } from '../../../sso/random.ts';
import { bodyPacket, cping, type Forwarded, forward, forwardPayload, packet } from './packets.ts';

export const fuzzSecret = 'known to the fuzzer, too';

const methods = ['GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'MKACTIVITY', 'FOO'];
const paths = ['/', '/echo', '/echo', '/early', '/stream', '/cut', '/silent', '/large', '/headers', '*', '/a b', ''];
const names = [
  'host',
  'cookie',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'x-a',
  'x\r\ny',
  '',
];
const values = [
  'a',
  '',
  '0',
  '5',
  '12',
  '99999',
  'chunked',
  'websocket',
  'close',
  '100-continue',
  'a\r\nb',
  'x'.repeat(300),
];
const attributes = ['AJP_REMOTE_PORT', 'AJP_LOCAL_ADDR', 'JK_LB_ACTIVATION', 'STRANGE', '__proto__'];

const below = (random: Random, count: number): number => Math.floor(random.fraction() * count);
const one = <T>(random: Random, items: readonly T[]): T => pick(random, items)!;
const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: below(random, most + 1) }, make);

/** One packet, or what pretends to be one. */
export function fuzzPacket(random: Random): Buffer {
  const kind = random.fraction();
  if (kind < 0.3) return forward(request(random));
  if (kind < 0.7) return mutated(random, forward(request(random)));
  if (kind < 0.78) return fuzzBody(random);
  if (kind < 0.82) return cping;
  if (kind < 0.9) return packet(Buffer.from(random.bytes(below(random, 200))));
  if (kind < 0.95) return packet(Buffer.concat([Buffer.of(2), Buffer.from(random.bytes(below(random, 400)))]));
  return Buffer.from(random.bytes(below(random, 60)));
}

/** What answers a question for more of a body: mostly some, sometimes nothing, sometimes a lie. */
export function fuzzBody(random: Random): Buffer {
  const body = bodyPacket(Buffer.from(random.bytes(below(random, 40))));
  return random.fraction() < 0.8 ? body : mutated(random, body);
}

function request(random: Random): Forwarded {
  const isPlain = random.fraction() < 0.5;
  const headers = isPlain ? [] : some(random, 4, () => [one(random, names), one(random, values)] as const);
  return {
    method: one(random, methods),
    uri: one(random, isPlain ? paths.slice(0, 9) : paths),
    headers: [['host', 'a'], ...headers],
    secret: random.fraction() < 0.9 ? fuzzSecret : one(random, ['', 'another', null]),
    ...(random.fraction() < 0.3 && { query: one(random, ['a=1', '', 'a b', '\xff', '#']) }),
    ...(random.fraction() < 0.2 && { route: 'node1', user: 'alice', keySize: below(random, 65_536) }),
    ...(random.fraction() < 0.2 && { cert: one(random, ['', 'no certificate', 'x'.repeat(9_000)]) }),
    named:
      random.fraction() < 0.8 ? [] : some(random, 3, () => [one(random, attributes), one(random, values)] as const),
    isSsl: random.fraction() < 0.5,
  };
}

function mutated(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = () => below(random, copy.length);
  const mutations: readonly (() => Buffer)[] = [
    () => {
      copy[at()] = below(random, 256);
      return copy;
    },
    () => {
      for (let i = below(random, 8); i >= 0; i--) copy[at()] = below(random, 256);
      return copy;
    },
    () => copy.subarray(0, at()),
    () => Buffer.concat([copy, Buffer.from(random.bytes(below(random, 20)))]),
    () => {
      const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
      return Buffer.concat([copy.subarray(0, from), copy.subarray(to)]);
    },
    () => {
      const from = at();
      return Buffer.concat([copy.subarray(0, from), copy.subarray(at())]);
    },
    () => {
      // A number that lies: lengths, counts and codes are two bytes each.
      if (copy.length > 1)
        copy.writeUInt16BE(one(random, [0, 1, 0x7fff, 0x8000, 0xa000, 0xfffe, 0xffff]), below(random, copy.length - 1));
      return copy;
    },
    // As long as it says, and cut within.
    () => packet(copy.subarray(4, 4 + at())),
    () => packet(Buffer.concat([copy.subarray(4), forwardPayload({})])),
  ];
  return one(random, mutations)();
}
