/** What is sent to the balancer, as bytes. */

import { codedName, codeOfResponseHeader, headerBytes, magic, outgoing } from './tables.ts';

/** Around a piece of a body: header, code, length, and a byte that ends it as if it were a string. */
const chunkOverhead = headerBytes + 4;
/** Around a body packet of the balancer: header and length. */
const bodyOverhead = headerBytes + 2;

export const cpong = packet(Buffer.of(outgoing.cpong));
/** The end of an answer; the connection takes the next request. */
export const endAndReuse = packet(Buffer.of(outgoing.endResponse, 1));
/** The end of an answer, and of the connection. */
export const endAndClose = packet(Buffer.of(outgoing.endResponse, 0));
/** An empty piece of a body: "pass on what you have", as mod_jk, mod_proxy_ajp and Tomcat have it; the protocol knows no other word for it. */
export const flush = packet(Buffer.of(outgoing.sendBodyChunk, 0, 0, 0));

/** Asks for as much of the body as one packet holds. */
export function getBodyChunk(maxPacketSize: number): Buffer {
  const bytes = Math.min(maxPacketSize - bodyOverhead, 0xffff - 2);
  return packet(Buffer.of(outgoing.getBodyChunk, bytes >> 8, bytes & 0xff));
}

/** Names and values in turn. `undefined`: they do not fit into one packet, and the protocol has no second one. */
export function sendHeaders(
  status: number,
  message: string,
  headers: readonly string[],
  maxPacketSize: number,
): Buffer | undefined {
  // mod_jk cannot do without a reason phrase.
  const parts = [Buffer.of(outgoing.sendHeaders), integer(status), text(message === '' ? String(status) : message)];
  parts.push(integer(headers.length / 2));
  for (let i = 0; i < headers.length; i += 2) parts.push(name(headers[i]!), text(headers[i + 1]!));
  const payload = Buffer.concat(parts);
  return payload.length + headerBytes > Math.min(maxPacketSize, 0xffff) ? undefined : packet(payload);
}

/** Pieces of a body, as many packets as it takes. */
export function* bodyChunks(data: Buffer, maxPacketSize: number): Generator<Buffer> {
  const most = Math.min(maxPacketSize, 0xffff) - chunkOverhead;
  for (let at = 0; at < data.length; at += most) {
    const piece = data.subarray(at, at + most);
    const bytes = Buffer.allocUnsafe(piece.length + chunkOverhead);
    bytes.writeUInt16BE(magic.fromNode, 0);
    bytes.writeUInt16BE(piece.length + 4, 2);
    bytes[4] = outgoing.sendBodyChunk;
    bytes.writeUInt16BE(piece.length, 5);
    piece.copy(bytes, 7);
    bytes[7 + piece.length] = 0;
    yield bytes;
  }
}

function packet(payload: Buffer): Buffer {
  return Buffer.concat([integer(magic.fromNode), integer(payload.length), payload]);
}

function name(header: string): Buffer {
  const code = codeOfResponseHeader(header);
  return code === 0 ? text(header) : integer(codedName | code);
}

function integer(value: number): Buffer {
  return Buffer.of((value >> 8) & 0xff, value & 0xff);
}

/** As HTTP has it, a byte for each character. A string longer than its length can say makes the packet too long in any case. */
function text(value: string): Buffer {
  return Buffer.concat([integer(Math.min(value.length, 0xffff)), Buffer.from(value, 'latin1'), Buffer.of(0)]);
}
