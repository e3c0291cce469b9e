/** A hello as it travels over NATS: whether an answer is wanted, where the data for everybody stands, and the hello of all channels. */

import { encodeHello, greetingBytes, type Hello, parseHello } from './hello.ts';

export interface NatsHello {
  /** The sender does not have the receiver up yet, and waits for its hello. */
  readonly answer: boolean;
  /** The number of the sender's next data for everybody. */
  readonly nextOfAll: number;
  readonly hello: Hello;
}

const fixedBytes = 5;

export function encodeNatsHello({ answer, nextOfAll, hello }: NatsHello): Buffer {
  const fixed = Buffer.alloc(fixedBytes);
  fixed[0] = answer ? 1 : 0;
  fixed.writeUInt32BE(nextOfAll, 1);
  return Buffer.concat([fixed, encodeHello(hello)]);
}

/** `undefined`: not a hello. */
export function parseNatsHello(payload: Buffer): NatsHello | undefined {
  if (payload.length < fixedBytes || payload.length > fixedBytes + greetingBytes) return undefined;
  const hello = parseHello(payload.subarray(fixedBytes));
  return hello && { answer: payload[0] === 1, nextOfAll: payload.readUInt32BE(1), hello };
}
