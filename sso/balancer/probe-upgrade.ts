/**
 * The probe of an upgrade: shows that a balancer lets WebSockets through. Answered as a WebSocket
 * (RFC 6455): 101, one text frame with what the probe says, a close frame, the end of the connection.
 */

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Probe } from './probe.ts';

/** RFC 6455 1.3. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const keyShape = /^[A-Za-z0-9+/]{22}==$/;

/** `false`: it was no probe, and the socket is untouched. */
export function answerUpgrade(probe: Probe, req: IncomingMessage, socket: Duplex): boolean {
  const { upgrade, 'sec-websocket-key': key } = req.headers;
  if (upgrade?.toLowerCase() !== 'websocket' || key === undefined || !keyShape.test(key)) return false;
  const probed = probe.ask(req);
  if (probed === undefined) return false;
  const text = Buffer.from(JSON.stringify(probed.body));
  // Whoever asked may have gone: nothing is lost with that.
  socket.on('error', () => {});
  if (probed.status !== 200) {
    socket.end(
      `HTTP/1.1 ${probed.status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
    );
    return true;
  }
  const accept = createHash('sha1').update(`${key}${webSocketGuid}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(textFrame(text));
  socket.end(normalClosure);
  return true;
}

/** RFC 6455 5.2: FIN and opcode 1, never masked by a server; the length in 7, 16 or 64 bits. */
function textFrame(text: Buffer): Buffer {
  if (text.length < 126) return Buffer.concat([Buffer.from([0x81, text.length]), text]);
  const head = Buffer.alloc(text.length < 0x1_0000 ? 4 : 10);
  head[0] = 0x81;
  head[1] = head.length === 4 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(text.length, 2);
  else head.writeBigUInt64BE(BigInt(text.length), 2);
  return Buffer.concat([head, text]);
}

/** FIN and opcode 8, status 1000 (RFC 6455 7.4.1). */
const normalClosure = Buffer.from([0x88, 0x02, 0x03, 0xe8]);
