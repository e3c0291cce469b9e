/** A peer that has the right key and keeps no rule: it can send any bytes once the handshake is done. */

import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { identityOf, protocolOf, tls13 } from '../../sso/channel/credentials.ts';
import { type FrameKind, FrameReader, wireFrame } from '../../sso/channel/frame.ts';
import { encodeHello, type Hello } from '../../sso/channel/hello.ts';
import type { MeshKey } from '../../sso/keys.ts';
import { meshKeys } from './mesh-network.ts';
import { Happenings } from './recording.ts';

export interface RawOptions {
  readonly port: number;
  /** The name in its identity. */
  readonly node: string;
  readonly cluster?: string;
  readonly key?: MeshKey;
  readonly tls?: ConnectionOptions;
}

/** How a member with a key dials. */
export function keyOptions({
  port,
  node,
  cluster = 'latchkey',
  key = meshKeys()(node)[0]!,
  tls,
}: RawOptions): ConnectionOptions {
  return {
    ...tls13,
    host: '127.0.0.1',
    port,
    ca: [],
    ALPNProtocols: [protocolOf(cluster)],
    pskCallback: () => ({ psk: key.key, identity: identityOf(cluster, node, key.keyId) }),
    checkServerIdentity: () => new Error('a certificate'),
    ...tls,
  };
}

export class RawMember extends Happenings {
  readonly socket: TLSSocket;
  readonly heard: { readonly kind: FrameKind; readonly payload: Buffer }[] = [];
  /** Resolves with the error that ended it, or `undefined`. */
  readonly closed: Promise<Error | undefined>;
  secured = false;
  sequence = 0;

  constructor(options: RawOptions) {
    super();
    this.socket = connect(keyOptions(options));
    const reader = new FrameReader(1 << 20);
    let failure: Error | undefined;
    this.socket.on('secureConnect', () => {
      this.secured = true;
      this.happened();
    });
    this.socket.on('data', (chunk: Buffer) => {
      reader.read(chunk, (kind, _sequence, payload) => this.heard.push({ kind, payload: Buffer.from(payload) }) > 0);
      this.happened();
    });
    this.socket.on('error', (error) => {
      failure = error;
    });
    this.closed = new Promise((resolve) => void this.socket.once('close', () => resolve(failure)));
  }

  send(kind: FrameKind, payload: Uint8Array = new Uint8Array(0)): void {
    this.socket.write(wireFrame(kind, this.sequence++, payload));
  }

  sayHello(change: Partial<Hello> & { readonly node: string }): void {
    this.send('hello', encodeHello({ ...plainHello, ...change }));
  }

  hears(kind: FrameKind): Promise<void> {
    return this.until(() => this.heard.some((frame) => frame.kind === kind));
  }

  /** As a member whose name is greater than the listener's: hello, hello, accept. */
  async join(node: string): Promise<this> {
    await this.hears('hello');
    this.sayHello({ node });
    await this.hears('accept');
    return this;
  }
}

const plainHello: Hello = {
  node: '',
  incarnation: 1,
  cluster: 'latchkey',
  address: '',
  versions: [1, 1],
  fingerprint: 'as all',
};
