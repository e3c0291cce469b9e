/** One request, one answer, and what a browser would make of it: cookies kept by name, nothing followed. Instants are of the machine's monotonic clock. */

import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { sharedNow } from '../bench/shared-now.ts';
import { cookieName } from './node-settings.ts';

export interface Ask {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly cookies?: ReadonlyMap<string, string>;
  readonly body?: unknown;
}

export interface Answer {
  /** Before anything was sent. */
  readonly beganAt: number;
  /** After the last byte was received. */
  readonly endedAt: number;
  /** The same beginning by the wall clock, milliseconds since 1970. */
  readonly beganWallAt: number;
  /** `undefined`: the connection failed, or the answer never came. */
  readonly status: number | undefined;
  readonly body: unknown;
  readonly cookies: ReadonlyMap<string, string>;
  /** The sign-on's cookie is to be deleted. */
  readonly deletesSignOn: boolean;
  readonly retryAfter: boolean;
  /** Nothing came for `patienceMs`. */
  readonly hung: boolean;
}

/** A request that takes longer is given up. Longer than any pause of a node. */
const patienceMs = 20_000;

export class Client {
  /** Connections live on, as a balancer's do; a node that stands still gets as many as are asked of it. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'fifo' });

  ask({ port, method, path, cookies, body }: Ask): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const beganWallAt = Date.now();
    const beganAt = sharedNow();
    const answer = (
      status: number | undefined,
      headers: IncomingHttpHeaders = {},
      data = '',
      hung = false,
    ): Answer => ({
      beganAt,
      beganWallAt,
      endedAt: sharedNow(),
      status,
      body: parsed(data),
      ...cookiesIn(headers['set-cookie'] ?? []),
      retryAfter: headers['retry-after'] !== undefined,
      hung,
    });
    return new Promise((resolve) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          agent: this.#agent,
          headers: {
            accept: 'application/json',
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...(cookies === undefined || cookies.size === 0 ? {} : { cookie: cookieHeader(cookies) }),
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.once('error', () => resolve(answer(undefined)));
          incoming.once('end', () =>
            resolve(answer(incoming.statusCode, incoming.headers, Buffer.concat(chunks).toString())),
          );
        },
      );
      const impatience = setTimeout(() => {
        resolve(answer(undefined, {}, '', true));
        outgoing.destroy();
      }, patienceMs);
      outgoing.once('close', () => clearTimeout(impatience));
      outgoing.once('error', () => resolve(answer(undefined)));
      outgoing.end(text);
    });
  }

  end(): void {
    this.#agent.destroy();
  }
}

function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

function cookiesIn(lines: readonly string[]): Pick<Answer, 'cookies' | 'deletesSignOn'> {
  const cookies = new Map<string, string>();
  let deletesSignOn = false;
  for (const line of lines) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
    if (!/max-age=0|expires=thu, 01 jan 1970/i.test(line)) cookies.set(name!, value!);
    else if (name === cookieName) deletesSignOn = true;
  }
  return { cookies, deletesSignOn };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
