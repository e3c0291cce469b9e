/** The other ends of the bare comparisons: an echo over TCP, TLS that carries bytes, JSON over TCP. Nothing of ours but the keys. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { keyCredentials } from '../../sso/channel/credentials.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { answerCalls } from './child.ts';
import { sharedNow } from './shared-now.ts';
import { stallCalls } from './stalls.ts';

const keys = deriveKeys('Wq6nE1uXb8Yt3Rk9Pz5Lm2Vc7Hs4Jd0G');
const credentials = (node: string) => keyCredentials('bench', node, (one) => keys.mesh('bench', one));
let socket: Socket;
const tlsSockets: TLSSocket[] = [];
let got: Promise<number>;

const framesPerTurn = 256;
/** Entries written as one line of JSON. */
const entriesPerLine = 1_000;

answerCalls({
  ...stallCalls,
  echo: () =>
    new Promise<number>((resolve) => {
      const server = createServer((peer) => peer.setNoDelay(true).pipe(peer)).listen(0, '127.0.0.1', () =>
        resolve((server.address() as AddressInfo).port),
      );
    }),
  connect: (port: number) =>
    new Promise<void>((resolve) => {
      socket = connect(port, '127.0.0.1', () => resolve()).setNoDelay(true);
    }),
  /** One round trip, milliseconds. */
  roundTrip: (bytes: number) =>
    new Promise<number>((resolve) => {
      const begun = sharedNow();
      let left = bytes;
      const hear = (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) return;
        socket.off('data', hear);
        resolve(sharedNow() - begun);
      };
      socket.on('data', hear);
      socket.write(Buffer.alloc(bytes, 97));
    }),
  /** Takes so many bytes over TLS; `taken` tells when. */
  take: (bytes: number) =>
    new Promise<number>((resolve) => {
      const server = createTlsServer(credentials('a').server, (peer) => {
        let left = bytes;
        got = new Promise((taken) => {
          peer.on('data', (chunk: Buffer) => {
            left -= chunk.length;
            if (left <= 0) taken(sharedNow());
          });
        });
        peer.write('here');
      }).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  taken: () => got,
  async connectTls(ports: readonly number[]) {
    for (const port of ports) {
      const peer = connectTls({ port, host: '127.0.0.1', ...credentials('b').client(0) });
      await new Promise((resolve) => peer.once('data', resolve));
      tlsSockets.push(peer);
    }
  },
  /** Writes so many small frames of so many bytes to everybody, one by one, some hundred in a turn of the event loop. Resolves with when that began. */
  async write({ frames, bytes }: { readonly frames: number; readonly bytes: number }) {
    const begun = sharedNow();
    for (let i = 0; i < frames; i++) {
      const frame = Buffer.alloc(bytes, 97);
      let full: TLSSocket | undefined;
      for (const peer of tlsSockets) if (!peer.write(frame)) full = peer;
      if (i % framesPerTurn < framesPerTurn - 1) continue;
      if (full?.writableNeedDrain) await new Promise<void>((resolve) => void full.once('drain', resolve));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return begun;
  },
  /** Holds so many entries and gives them to whoever connects, as lines of JSON. */
  serveEntries(count: number) {
    const entries = new Map(Array.from({ length: count }, (_, i) => [`${i}`.padStart(43, 'k'), entryData(i)]));
    return new Promise<number>((resolve) => {
      const server = createServer(async (peer) => {
        let line: unknown[] = [];
        for (const [key, data] of entries) {
          line.push(key, data);
          if (line.length < 2 * entriesPerLine) continue;
          if (!peer.write(`${JSON.stringify(line)}\n`))
            await new Promise<void>((drained) => void peer.once('drain', drained));
          line = [];
        }
        if (line.length > 0) peer.write(`${JSON.stringify(line)}\n`);
        peer.end();
      }).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  },
  /** Fetches them into a Map. Resolves with the milliseconds. */
  fetchEntries: (port: number) =>
    new Promise<number>((resolve) => {
      const begun = sharedNow();
      const entries = new Map<string, unknown>();
      let text = '';
      const peer = connect(port, '127.0.0.1').setEncoding('utf8');
      peer.on('data', (chunk: string) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const data = JSON.parse(line);
          for (let i = 0; i < data.length; i += 2) entries.set(data[i], data[i + 1]);
        }
      });
      peer.once('close', () => resolve(sharedNow() - begun));
    }),
});

/** As long as what the lattice of entries writes. */
function entryData(i: number): unknown {
  const now = 1_767_225_600_000 + i;
  return ['open', `user-${i}@xyz.com`, ['customer'], 0, 'form', now * 1_024, now, now + 43_200_000, 0, 0, now, now];
}
