/**
 * A browser in front of the cluster: it keeps cookies for any number of hosts, and a test says which
 * node answers, as a balancer would. `get`, `post` and the others are supertest's, one request each;
 * `visit` and `submit` do what a person does: they send what a browser says of itself, follow
 * redirects, and remember the page.
 */

import request, { type Response, type Test } from 'supertest';
import type { Cookie } from 'tough-cookie';
import { getPublicSuffix } from 'tough-cookie';
import type { Principal } from '../index.ts';
import { Jar } from './jar.ts';
import { asPrincipal, signInPath } from './sign-in.ts';

export interface At {
  /** The node that answers. Default: the one that answered last, as sticky balancing has it, or else the first that is up. */
  readonly at?: string;
}

export interface SignInOptions extends At {
  /** The host to sign on at. Default: the browser's own. */
  readonly host?: string;
  /** The way of authentication. Default `testing`. */
  readonly how?: string;
}

/** What a browser needs of the cluster. */
export interface Doors {
  now(): number;
  /** The door of this node, or of any; `undefined` if none is up. */
  door(node: string | undefined, secure: boolean): { readonly node: string; readonly address: string } | undefined;
}

type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options';

const redirectsAtMost = 10;

export class Browser {
  readonly jar: Jar;
  readonly #doors: Doors;
  #location: URL;
  #node: string | undefined;

  constructor(doors: Doors, origin: string) {
    this.#doors = doors;
    this.#location = new URL(origin);
    this.jar = new Jar(() => doors.now());
  }

  /** The page that was visited last; addresses are taken relative to it. */
  get location(): string {
    return this.#location.href;
  }

  get(url: string, options?: At): Test {
    return this.#request('get', url, options);
  }

  head(url: string, options?: At): Test {
    return this.#request('head', url, options);
  }

  post(url: string, options?: At): Test {
    return this.#request('post', url, options);
  }

  put(url: string, options?: At): Test {
    return this.#request('put', url, options);
  }

  patch(url: string, options?: At): Test {
    return this.#request('patch', url, options);
  }

  delete(url: string, options?: At): Test {
    return this.#request('delete', url, options);
  }

  options(url: string, options?: At): Test {
    return this.#request('options', url, options);
  }

  /** Goes to a page, as by the address bar, and follows redirects. */
  async visit(url: string, options?: At): Promise<Response> {
    const test = this.#request('get', url, options).set(navigation('none'));
    return this.#follow(this.#resolve(url), test, options);
  }

  /** Posts a form of the page that was visited last, and follows redirects. */
  async submit(url: string, fields: Readonly<Record<string, string>>, options?: At): Promise<Response> {
    const target = this.#resolve(url);
    const test = this.#request('post', url, options)
      .type('form')
      .set(navigation(siteOf(this.#location, target)))
      .set('Origin', this.#location.origin);
    return this.#follow(target, test.send({ ...fields }), options);
  }

  /** Signs on without a password, as whoever is named; a name alone has no roles. The cookies are real. */
  async signIn(who: string | Principal, options: SignInOptions = {}): Promise<void> {
    const { host, how = 'testing' } = options;
    const url = new URL(signInPath, this.#location);
    if (host !== undefined) url.host = host;
    const response = await this.post(url.href, options).send({ principal: asPrincipal(who), how });
    if (response.status !== 204) throw new Error(`signing on was answered ${response.status}: ${response.text}`);
    this.#location = new URL('/', url);
  }

  /** The cookies that would go to this address (default: the page visited last). */
  cookies(url = ''): readonly Cookie[] {
    return this.jar.all(this.#resolve(url));
  }

  /** One cookie's value, or `undefined`. */
  cookie(name: string, url = ''): string | undefined {
    return this.cookies(url).find((cookie) => cookie.key === name)?.value;
  }

  #request(method: Method, url: string, options: At = {}): Test {
    const target = this.#resolve(url);
    const door =
      this.#doors.door(options.at ?? this.#node, target.protocol === 'https:') ??
      this.#doors.door(options.at, target.protocol === 'https:');
    if (door === undefined) throw new Error(options.at === undefined ? 'no node is up' : `${options.at} is not up`);
    this.#node = door.node;
    const test = request(door.address)
      [method](target.pathname + target.search)
      .set('Host', target.host);
    const cookies = this.jar.header(target);
    if (cookies !== undefined) test.set('Cookie', cookies);
    test.on('response', (response: Response) => this.jar.take(target, response.get('Set-Cookie') ?? []));
    return test;
  }

  async #follow(from: URL, first: Test, options: At | undefined): Promise<Response> {
    let url = from;
    let response = await first;
    for (let redirects = 0; isRedirect(response); redirects++) {
      if (redirects === redirectsAtMost)
        throw new Error(`more than ${redirectsAtMost} redirects, the last to ${url.href}`);
      const next = new URL(response.get('Location')!, url);
      const test = this.#request('get', next.href, options).set(navigation(siteOf(url, next)));
      url = next;
      response = await test;
    }
    this.#location = url;
    return response;
  }

  #resolve(url: string): URL {
    return new URL(url, this.#location);
  }
}

function isRedirect(response: Response): boolean {
  return [301, 302, 303].includes(response.status) && response.get('Location') !== undefined;
}

type Site = 'none' | 'same-origin' | 'same-site' | 'cross-site';

/** What a browser says of a navigation (Fetch Metadata). */
function navigation(site: Site): Record<string, string> {
  return { Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', 'Sec-Fetch-Site': site };
}

function siteOf(from: URL, to: URL): Site {
  if (from.origin === to.origin) return 'same-origin';
  const [mine, theirs] = [from, to].map(({ hostname }) => getPublicSuffix(hostname, { allowSpecialUseDomain: true }));
  return mine !== undefined && mine === theirs && from.protocol === to.protocol ? 'same-site' : 'cross-site';
}
