/** A browser without a screen: keeps cookies by name, follows nothing, and asks as a navigation does. */

import type { RequestListener } from 'node:http';
import supertest, { type Test } from 'supertest';

export interface Visitor {
  get(path: string): Test;
  /** A form, as a page of the same origin posts it. */
  post(path: string, fields?: Readonly<Record<string, string>>): Test;
  /** The hidden token of the page's forms. */
  csrf(path: string): Promise<string>;
  readonly cookies: Map<string, string>;
}

export function visitor(listener: RequestListener, host: string, cookies = new Map<string, string>()): Visitor {
  const send = (test: Test): Test => {
    if (cookies.size > 0) test.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    test
      .set('Host', host)
      .set('Accept', 'text/html')
      .set('Sec-Fetch-Mode', 'navigate')
      .set('Sec-Fetch-Site', 'same-origin')
      .redirects(0);
    test.on('response', ({ headers }: { headers: { 'set-cookie'?: string[] } }) => {
      for (const line of headers['set-cookie'] ?? []) keep(cookies, line);
    });
    return test;
  };
  return {
    cookies,
    get: (path) => send(supertest(listener).get(path)),
    post: (path, fields = {}) =>
      send(supertest(listener).post(path))
        .type('form')
        .send({ ...fields }),
    async csrf(path) {
      const { text } = await send(supertest(listener).get(path));
      const token = /name="csrf" value="([^"]+)"/.exec(text)?.[1];
      if (token === undefined) throw new Error(`no form on ${path}:\n${text}`);
      return token;
    },
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
  if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) cookies.delete(name!);
  else cookies.set(name!, value!);
}
