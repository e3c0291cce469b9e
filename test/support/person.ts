/** Somebody with a browser who knows a cluster of served nodes by its addresses alone: asks in bytes, keeps cookies by name, follows nothing. */

import assert from 'node:assert/strict';
import { type Answered, type Asked, ask, form } from './pipeline.ts';
import type { Served } from './served.ts';

export type Headers = Readonly<Record<string, string>>;

export interface Person {
  readonly cookies: Map<string, string>;
  get(target: string, headers?: Headers, at?: Served): Promise<Answered>;
  post(target: string, body: string, headers?: Headers, at?: Served): Promise<Answered>;
  /** Any method. */
  send(asked: Asked, at?: Served): Promise<Answered>;
  /** The token of the forms of this page. */
  token(target: string, at?: Served): Promise<string>;
  signOn(name?: string, password?: string, headers?: Headers, at?: Served): Promise<Answered>;
  /** What the first page says: the person's name, or nobody. */
  isKnown(at?: Served): Promise<boolean>;
}

/** What a browser sends that navigates on a page of this host, through a proxy that speaks TLS. */
export const navigationOn = (host: string): Headers => ({
  Host: host,
  'X-Forwarded-Proto': 'https',
  Accept: 'text/html',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
});

export const setCookies = ({ headers }: Answered): readonly string[] => headers.get('set-cookie') ?? [];

/** Everything that an answer says, for whoever looks for what must not be there. */
export const everythingOf = ({ headers, body }: Answered): string => `${JSON.stringify([...headers])} ${body}`;

/** The Cookie header of these. */
export const cookieHeader = (cookies: ReadonlyMap<string, string>): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');

let persons = 0;

/** A browser without cookies. Each has an address of its own, so that none pays for the guesses of another. */
export function personAt(host: string, first: Served, headers: Headers = {}): Person {
  const cookies = new Map<string, string>();
  const number = persons++;
  const source = `198.18.${number >> 8}.${number & 255}`;
  const send = async (asked: Asked, at = first): Promise<Answered> => {
    const sent = {
      ...navigationOn(host),
      'X-Forwarded-For': source,
      ...headers,
      ...(cookies.size > 0 && { Cookie: cookieHeader(cookies) }),
      ...asked.headers,
    };
    const [answer] = await ask(at.port, [{ ...asked, headers: sent }]);
    for (const line of setCookies(answer!)) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0/i.test(line)) cookies.delete(name!);
      else cookies.set(name!, value!);
    }
    return answer!;
  };
  const self: Person = {
    cookies,
    send,
    get: (target, headers = {}, at = first) => send({ target, headers }, at),
    post: (target, body, headers = {}, at = first) =>
      send(
        { method: 'POST', target, headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers }, body },
        at,
      ),
    async token(target, at) {
      const { status, body } = await self.get(target, {}, at);
      const token = /name="csrf" value="([^"]+)"/.exec(body)?.[1];
      assert.ok(token !== undefined, `no form on ${target}: ${status}`);
      return token;
    },
    async signOn(username = 'alice', password = 'wonderland', headers = {}, at = first) {
      return self.post('/login', form({ username, password, csrf: await self.token('/login', at) }), headers, at);
    },
    isKnown: async (at) => /(Alice|Bob|Carol|Dave) Example/.test((await self.get('/', {}, at)).body),
  };
  return self;
}
