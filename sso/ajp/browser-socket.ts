/**
 * What an application finds as `req.socket` of a request that came by AJP: the browser's address instead
 * of the balancer's, and TLS where the browser's connection had it. So `req.ip`, `req.secure` and a client
 * certificate are what they would be without a balancer, and `trust proxy` has nothing to add.
 */

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Cancel, Clock } from '../clock.ts';
import type { ForwardRequest } from './forward-request.ts';
import { localAddress, remotePort, sslProtocol } from './known-attributes.ts';
import { End } from './pair.ts';

export class BrowserSocket extends End {
  readonly remoteAddress: string | undefined;
  readonly remoteFamily: 'IPv4' | 'IPv6' | undefined;
  readonly remotePort: number | undefined;
  /** Where the balancer was reached. */
  readonly localAddress: string | undefined;
  readonly localPort: number;
  /** `true`, or not there at all, as of node:net and node:tls. */
  readonly encrypted?: true;
  /** Nobody here has checked the certificate: whether the balancer did is for whoever configured it to know. */
  readonly authorized = false;
  readonly connecting = false;
  readonly pending = false;
  timeout = 0;
  readonly #request: ForwardRequest;
  readonly #clock: Clock;
  #cancel: Cancel = () => {};

  constructor(request: ForwardRequest, clock: Clock) {
    super();
    const { remoteAddress, serverPort, isSsl, attributes } = request;
    const version = isIP(remoteAddress);
    this.#request = request;
    this.#clock = clock;
    this.remoteAddress = version === 0 ? undefined : remoteAddress;
    this.remoteFamily = version === 0 ? undefined : version === 4 ? 'IPv4' : 'IPv6';
    this.remotePort = portOf(attributes.get(remotePort));
    this.localAddress = attributes.get(localAddress);
    this.localPort = serverPort;
    if (isSsl) this.encrypted = true;
  }

  /** As of a TLS socket, in its own form; `{}`: the browser showed none, or the balancer does not pass it on. */
  getPeerCertificate(): object {
    return this.getPeerX509Certificate()?.toLegacyObject() ?? {};
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    const { isSsl, sslCert } = this.#request;
    if (!isSsl || sslCert === undefined) return undefined;
    try {
      return new X509Certificate(sslCert);
    } catch {
      return undefined;
    }
  }

  getCipher(): { readonly name: string; readonly standardName: string; readonly version: string } | undefined {
    const { isSsl, sslCipher: name } = this.#request;
    if (!isSsl || name === undefined) return undefined;
    return { name, standardName: name, version: this.getProtocol() ?? '' };
  }

  /** `TLSv1.3`. */
  getProtocol(): string | null {
    return this.#request.attributes.get(sslProtocol) ?? null;
  }

  address(): object {
    return { address: this.localAddress, port: this.localPort };
  }

  /** As of a socket: `timeout` is told when nothing was read or written for so long; 0 takes it back. */
  readonly setTimeout = (ms: number, told?: () => void): this => {
    this.timeout = ms;
    if (told !== undefined) {
      if (ms === 0) this.off('timeout', told);
      else this.once('timeout', told);
    }
    this.#wait();
    return this;
  };

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Ends, and closes when all was taken. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    this.#wait();
    super._read();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: () => void): void {
    this.#wait();
    super._write(chunk, encoding, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#cancel();
    super._destroy(error, callback);
  }

  #wait(): void {
    this.#cancel();
    if (this.timeout > 0 && !this.destroyed) this.#cancel = this.#clock.after(this.timeout, () => this.emit('timeout'));
  }
}

function portOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}
