/**
 * A request and its response without a network: just enough of Node's for middleware to run on, so
 * that a tight loop measures the middleware and little else.
 */

import type { Request, RequestHandler, Response } from 'express';

class BareRequest {
  readonly method = 'GET';
  readonly url = '/orders';
  readonly originalUrl = '/orders';
  readonly path = '/orders';
  readonly baseUrl = '';
  readonly httpVersion = '1.1';
  readonly protocol = 'http';
  readonly secure = false;
  readonly hostname = 'app1.xyz.localhost';
  readonly headers: Readonly<Record<string, string>>;
  readonly socket = { encrypted: false, remoteAddress: '127.0.0.1' };

  constructor(cookie: string) {
    this.headers = { host: 'app1.xyz.localhost', accept: 'text/html', cookie };
  }

  get(name: string): string | undefined {
    return this.headers[name.toLowerCase()];
  }

  on(): this {
    return this;
  }

  once(): this {
    return this;
  }
}

class BareResponse {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  _header: string | null = null;
  readonly locals = {};
  readonly req: BareRequest;
  readonly #headers = new Map<string, unknown>();
  readonly #ended: () => void;

  constructor(req: BareRequest, ended: () => void) {
    this.req = req;
    this.#ended = ended;
  }

  getHeader(name: string): unknown {
    return this.#headers.get(name.toLowerCase());
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  setHeader(name: string, value: unknown): this {
    this.#headers.set(name.toLowerCase(), value);
    return this;
  }

  appendHeader(name: string, value: unknown): this {
    return this.setHeader(name, value);
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  on(): this {
    return this;
  }

  once(): this {
    return this;
  }

  writeHead(status: number): this {
    this.statusCode = status;
    this.headersSent = true;
    this._header = 'HTTP/1.1 200 OK';
    return this;
  }

  _implicitHeader(): void {
    this.writeHead(this.statusCode);
  }

  write(): boolean {
    if (this._header === null) this._implicitHeader();
    return true;
  }

  end(): this {
    if (this._header === null) this._implicitHeader();
    this.writableEnded = true;
    this.#ended();
    return this;
  }
}

/** Sends one request through the middleware and answers it; resolves when the answer has ended. */
export function exchange(
  middleware: readonly RequestHandler[],
  cookie: string,
  read: (req: Request, res: Response) => string | Promise<string>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const req = new BareRequest(cookie);
    const res = new BareResponse(req, () => resolve(text));
    const answer = (got: string) => {
      text = got;
      res.end();
    };
    let next = 0;
    const go = (error?: unknown) => {
      if (error) return reject(error);
      const handler = middleware[next++];
      if (handler !== undefined) return void handler(req as unknown as Request, res as unknown as Response, go);
      try {
        const got = read(req as unknown as Request, res as unknown as Response);
        if (typeof got === 'string') answer(got);
        else got.then(answer).catch(reject);
      } catch (failed) {
        reject(failed);
      }
    };
    go();
  });
}
