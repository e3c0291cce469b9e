/**
 * Who asks through a balancer: a browser as far as cookies go, with connections of its own or a new one
 * each time, and no second attempt at anything. What it is told counts, and so does what it is not told.
 */

import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { type Balanced, host } from './balanced.ts';
import type { Who } from './balanced-settings.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Lines of Set-Cookie. */
  readonly setCookies: readonly string[];
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  /** Beside Host and Cookie; a flat list of names and values, so that doubled names stay doubled. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  /** In place of the cookies that the browser holds. */
  readonly cookie?: string;
  /** In place of the name that browsers use. */
  readonly host?: string;
  /** Sends no Cookie header and keeps no cookie of the answer. */
  readonly anonymous?: boolean;
}

export interface VisitorOptions {
  /** By TLS; default as the cluster has it. */
  readonly secure?: boolean;
  /** Keeps a connection, as browsers do. Default false: each request comes on a new one. */
  readonly keepAlive?: boolean;
  /** Another port than the balancer's. */
  readonly port?: number;
}

export class Visitor {
  readonly cookies = new Map<string, string>();
  readonly #port: number;
  readonly #secure: boolean;
  readonly #agent: Agent | PlainAgent | false;

  constructor({ port, installation }: Pick<Balanced, 'port' | 'installation'>, options: VisitorOptions = {}) {
    this.#port = options.port ?? port;
    this.#secure = options.secure ?? installation().tls !== undefined;
    this.#agent = options.keepAlive
      ? new (this.#secure ? Agent : PlainAgent)({ keepAlive: true, maxSockets: 1 })
      : false;
  }

  /** One request, one answer. @throws the socket's error when there is none */
  ask(path: string, asked: Asked = {}): Promise<Answer> {
    const { method = 'GET', headers = [], body, anonymous = false } = asked;
    const cookie = anonymous ? undefined : (asked.cookie ?? this.cookieHeader);
    const all = [
      ...['Host', asked.host ?? this.authority, ...headers],
      ...(cookie ? ['Cookie', cookie] : []),
      ...(body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))]),
    ];
    return new Promise((resolve, reject) => {
      const sent = (this.#secure ? request : plainRequest)(
        {
          ...{ host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, setHost: false },
          ...(this.#secure && { servername: host, rejectUnauthorized: false }),
          headers: all as never,
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const setCookies = answer.headers['set-cookie'] ?? [];
            if (!anonymous) for (const line of setCookies) this.#keep(line);
            resolve({ status: answer.statusCode!, headers: answer.headers, setCookies, text });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async get(path: string, asked: Asked = {}): Promise<Who> {
    const answer = await this.ask(path, asked);
    if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${answer.text}`);
    return JSON.parse(answer.text) as Who;
  }

  /** By the form; the password is the one that the application knows. */
  async signOn(name: string, asked: Asked = {}): Promise<Answer> {
    const answer = await this.ask('/login', {
      method: 'POST',
      headers: ['Content-Type', 'application/x-www-form-urlencoded', 'Accept', 'application/json'],
      body: new URLSearchParams({ username: name, password: `the password of ${name}` }).toString(),
      ...asked,
    });
    if (answer.status !== 200) throw new Error(`${name} was not signed on: ${answer.status} ${answer.text}`);
    return answer;
  }

  signOut(): Promise<Answer> {
    return this.ask('/logout', { method: 'POST', headers: ['Accept', 'application/json'], body: '' });
  }

  /** Resolves with what the application says first, once the socket is open. @throws where there is no WebSocket */
  async webSocket(
    headers: Readonly<Record<string, string>> = {},
    path = '/ws',
  ): Promise<{
    readonly hello: { readonly node: string; readonly user: string };
    readonly socket: WebSocket;
    /** Sends, and resolves with the next message. */
    say(text: string): Promise<string>;
    readonly closed: Promise<number>;
  }> {
    const socket = new WebSocket(`${this.#secure ? 'wss' : 'ws'}://127.0.0.1:${this.#port}${path}`, {
      ...(this.#secure && { servername: host, rejectUnauthorized: false }),
      headers: { Host: this.authority, Cookie: this.cookieHeader, Origin: this.origin, ...headers },
    });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    let failed = 'the WebSocket was closed';
    socket.on('error', (error) => (failed = error.message));
    const waiting: ((message: string) => void)[] = [];
    socket.on('message', (data) => waiting.shift()?.(String(data)));
    const next = () => {
      const message = new Promise<string>((resolve) => void waiting.push(resolve));
      return Promise.race([message, closed.then((code) => Promise.reject(new Error(`${failed} (${code})`)))]);
    };
    const hello = JSON.parse(await next()) as { node: string; user: string };
    return {
      ...{ hello, socket, closed },
      say: (text) => {
        const answer = next();
        socket.send(text);
        return answer;
      },
    };
  }

  /** Bytes as they are; resolves with everything that came until the other side closed, and with how long that took. */
  raw(bytes: string, { afterMs }: { readonly afterMs?: number } = {}): Promise<{ text: string; tookMs: number }> {
    const start = performance.now();
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = this.#connect(() => {
        socket.write(Buffer.from(bytes, 'latin1'));
        if (afterMs !== undefined) setTimeout(() => socket.destroy(), afterMs).unref();
      });
      socket.on('data', (chunk) => void (text += chunk.toString('latin1')));
      socket.on('close', () => resolve({ text, tookMs: performance.now() - start }));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
      });
    });
  }

  get authority(): string {
    return `${host}:${this.#port}`;
  }

  get origin(): string {
    return `${this.#secure ? 'https' : 'http'}://${this.authority}`;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Another browser with the same cookies. */
  copyTo(other: Visitor): Visitor {
    for (const [name, value] of this.cookies) other.cookies.set(name, value);
    return other;
  }

  close(): void {
    if (this.#agent !== false) this.#agent.destroy();
  }

  #connect(connected: () => void): Socket {
    return this.#secure
      ? connect({ host: '127.0.0.1', port: this.#port, servername: host, rejectUnauthorized: false }, connected)
      : connectPlain(this.#port, '127.0.0.1', connected);
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const at = pair.indexOf('=');
    if (attributes.some((one) => /^max-age=0$/i.test(one))) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

/** The value that a line of Set-Cookie gives this name; `undefined`: it is not set. */
export function cookieIn({ setCookies }: Answer, name: string): string | undefined {
  return setCookies
    .map((line) => line.split(';', 1)[0]!)
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
