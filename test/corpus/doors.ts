/**
 * The doors that take a return address, of an application with the library and of `latchkey serve`, as a browser finds them: each
 * is given addresses and says where it would lead. What they all must not do is judged in one place, `escapes()`.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { startNode } from '../../sso/index.ts';
import { type Answered, type Asked, ask, cookiesOf, cut, form, header } from '../support/pipeline.ts';
import { handedOn, origins, wrongIn } from './redirects.ts';

/** Where one address leads: every Location, and every address on the page that was answered. */
export type Leads = readonly string[];

export interface Door {
  readonly name: string;
  /** Where each of the addresses leads; nowhere, if it was refused with a 4xx. */
  try(addresses: readonly string[]): Promise<readonly Leads[]>;
}

export interface Doors {
  readonly doors: readonly Door[];
  stop(): Promise<unknown>;
}

export interface Escape {
  readonly door: string;
  readonly address: string;
  readonly leads: string;
  readonly wrong: string;
}

/** Whatever of these leads off the allowed origins at this door. */
export async function escapes(door: Door, addresses: readonly string[]): Promise<readonly Escape[]> {
  const found: Escape[] = [];
  for (const [i, leads] of (await door.try(addresses)).entries()) {
    for (const lead of leads) {
      const wrong = wrongIn(lead);
      if (wrong !== undefined) found.push({ door: door.name, address: addresses[i]!, leads: lead, wrong });
    }
  }
  return found;
}

/** As a browser behind the TLS proxy, that is on a page of the host. */
const visit = {
  Host: 'sso.xyz.test',
  'X-Forwarded-Proto': 'https',
  Accept: 'text/html',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
} as const;
const post = { ...visit, 'Content-Type': 'application/x-www-form-urlencoded' } as const;

const refusals = [cut, 400, 401, 403, 404, 405, 413, 414, 431];

/** Where an answer leads, with what it hands on to the form. */
function leadsOf(answer: Answered): Leads {
  const location = header(answer, 'location');
  if (location !== undefined) {
    if (answer.status !== 303) throw new Error(`a redirect by ${answer.status}`);
    const next = wrongIn(location) === undefined ? handedOn(location) : undefined;
    return next === undefined || !/^\/login\?error=/.test(location) ? [location] : [location, next];
  }
  if (answer.status === 200 || answer.status === 404) return addressesOn(answer.body);
  if (refusals.includes(answer.status)) return [];
  throw new Error(`unexpected ${answer.status}: ${answer.body.slice(0, 200)}`);
}

/** Every address that a page would lead to: links, forms, and the return address that its form will post. */
function addressesOn(page: string): Leads {
  const addresses = [...page.matchAll(/\b(?:href|action|src|content)="((?:https?:|\/|\\)[^"]*)"/gi)].map(([, text]) =>
    unescaped(text!),
  );
  const hidden = /name="return_to" value="([^"]*)"/.exec(page)?.[1];
  return hidden === undefined ? addresses : [...addresses, unescaped(hidden)];
}

const unescaped = (text: string) =>
  text
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

/** What can stand in a request line as it is; anything else is refused by the server's parser before it comes to a door. */
const isTarget = (text: string) => /^(?:\/|https?:\/\/)[\x21-\x7e]*$/.test(text);
/** What can stand in a query unencoded, so that its percent signs are decoded once. */
const isRaw = (text: string) => /^[\x21-\x7e]*$/.test(text) && !/[#&+]/.test(text);

const queryOf = (address: string) => (isRaw(address) ? `return_to=${address}` : form({ return_to: address }));

/** In portions, so that no user has more sign-ons than the limit at once. */
async function inPortions<T>(
  items: readonly T[],
  work: (portion: readonly T[]) => Promise<readonly Leads[]>,
): Promise<readonly Leads[]> {
  const all: Leads[] = [];
  for (let from = 0; from < items.length; from += 400) all.push(...(await work(items.slice(from, from + 400))));
  return all;
}

const nothing = () => {};

/** An Express application with the library: its form at /login, everything else protected; app1 asks at the host of the form. */
export async function libraryDoors(): Promise<Doors> {
  const sso = await startNode({
    route: 'n1',
    secret: 'c9'.repeat(32),
    cookieDomain: 'xyz.test',
    origins,
    limits: { entriesPerUser: 1_000_000 },
    throttle: false,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const host = express();
  host.set('trust proxy', 'loopback');
  host.use(sso.valve());
  host.post(
    '/login',
    sso.login(({ username, password }) => (password === 'right' ? { name: username, roles: [] } : undefined)),
  );
  host.all('/logout', sso.logout());
  const here = sso.protect();
  const central = sso.protect({ login: 'https://sso.xyz.test/login' });
  host.use((req, res, next) => (req.hostname === 'app1.xyz.test' ? central : here)(req, res, next));
  const server = createServer(host).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;

  const signOn = (fields: Readonly<Record<string, string>>, query = ''): Asked => ({
    method: 'POST',
    target: `/login${query}`,
    headers: post,
    body: form({ username: 'alice', password: 'right', ...fields }),
  });
  const signedOn = async (count: number) =>
    (
      await ask(
        port,
        Array.from({ length: count }, () => signOn({})),
      )
    ).map(cookiesOf);
  /** The challenge of a page whose own address is hostile, and where a sign-on leads that follows it. */
  const challenge = async (addresses: readonly string[], headers: Readonly<Record<string, string>>) => {
    const pages = await ask(
      port,
      addresses.map((address) => ({ target: isTarget(address) ? address : `/x?${queryOf(address)}`, headers })),
    );
    const asked = pages
      .map((page) => header(page, 'location'))
      .map((location) => (location === undefined ? '/' : (handedOn(location) ?? '/')));
    const after = await ask(
      port,
      asked.map((address) => signOn({ return_to: address })),
    );
    return pages.map((page, i) => [...leadsOf(page), asked[i]!, ...leadsOf(after[i]!)]);
  };
  const doors: readonly Door[] = [
    {
      name: 'login(): the field of the form',
      try: async (addresses) =>
        (
          await ask(
            port,
            addresses.map((address) => signOn({ return_to: address })),
          )
        ).map(leadsOf),
    },
    {
      name: 'login(): the query',
      try: async (addresses) =>
        (
          await ask(
            port,
            addresses.map((address) => signOn({}, `?${queryOf(address)}`)),
          )
        ).map(leadsOf),
    },
    {
      name: 'login(): a refused sign-on',
      try: async (addresses) =>
        (
          await ask(
            port,
            addresses.map((address, i) => signOn({ username: `user${i}`, password: 'wrong', return_to: address })),
          )
        ).map(leadsOf),
    },
    { name: 'protect(): the challenge', try: (addresses) => challenge(addresses, visit) },
    {
      name: 'protect({ login }): the challenge at another host',
      try: (addresses) => challenge(addresses, { ...visit, Host: 'app1.xyz.test' }),
    },
    {
      name: 'logout(): the field of the form',
      try: (addresses) =>
        inPortions(addresses, async (portion) => {
          const cookies = await signedOn(portion.length);
          const requests = portion.map((address, i): Asked => {
            const headers = { ...post, Cookie: cookies[i]! };
            return { method: 'POST', target: '/logout', headers, body: form({ return_to: address }) };
          });
          return (await ask(port, requests)).map(leadsOf);
        }),
    },
    {
      name: 'logout(): the query',
      try: (addresses) =>
        inPortions(addresses, async (portion) => {
          const cookies = await signedOn(portion.length);
          const requests = portion.map((address, i): Asked => {
            return {
              method: 'POST',
              target: `/logout?${queryOf(address)}`,
              headers: { ...post, Cookie: cookies[i]! },
              body: '',
            };
          });
          return (await ask(port, requests)).map(leadsOf);
        }),
    },
    {
      name: 'logout(): the page that asks',
      try: async (addresses) => {
        const [Cookie] = await signedOn(1);
        return (
          await ask(
            port,
            addresses.map((address) => ({
              target: `/logout?${queryOf(address)}`,
              headers: { ...visit, Cookie: Cookie! },
            })),
          )
        ).map(leadsOf);
      },
    },
  ];
  return {
    doors,
    stop: async () => {
      await sso.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The same of a node of `latchkey serve` that listens here and knows alice. */
export function servedDoors(port: number): readonly Door[] {
  const page = (target: string): Asked => ({ target, headers: visit });
  const tokenOf = ({ body }: Answered) => /name="csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
  /** Each in a browser of its own, with the page that it has just got. */
  const submit = async (
    pages: readonly Answered[],
    target: (i: number) => string,
    fields: (i: number) => Readonly<Record<string, string>>,
  ) =>
    ask(
      port,
      pages.map((answer, i): Asked => {
        const body = form({ username: 'alice', password: 'wonderland', csrf: tokenOf(answer), ...fields(i) });
        return { method: 'POST', target: target(i), headers: { ...post, Cookie: cookiesOf(answer) }, body };
      }),
    );
  const signedOn = async (count: number) => {
    const pages = await ask(
      port,
      Array.from({ length: count }, () => page('/login')),
    );
    return (
      await submit(
        pages,
        () => '/login',
        () => ({}),
      )
    ).map(cookiesOf);
  };
  return [
    {
      name: 'the login page, and its form',
      try: (addresses) =>
        inPortions(addresses, async (portion) => {
          const pages = await ask(
            port,
            portion.map((address) => page(`/login?${queryOf(address)}`)),
          );
          const answers = await submit(
            pages,
            () => '/login',
            (i) => ({ return_to: portion[i]! }),
          );
          return answers.map((answer, i) => [...leadsOf(pages[i]!), ...leadsOf(answer)]);
        }),
    },
    {
      name: 'the query that a form is posted to',
      try: (addresses) =>
        inPortions(addresses, async (portion) => {
          const pages = await ask(
            port,
            portion.map(() => page('/login')),
          );
          return (
            await submit(
              pages,
              (i) => `/login?${queryOf(portion[i]!)}`,
              () => ({}),
            )
          ).map(leadsOf);
        }),
    },
    {
      name: 'the login page while signed on',
      try: async (addresses) => {
        const [Cookie] = await signedOn(1);
        return (
          await ask(
            port,
            addresses.map((address) => ({
              target: `/login?${queryOf(address)}`,
              headers: { ...visit, Cookie: Cookie! },
            })),
          )
        ).map(leadsOf);
      },
    },
    {
      name: 'the logout page, and its form',
      try: (addresses) =>
        inPortions(addresses, async (portion) => {
          const cookies = await signedOn(portion.length);
          const pages = await ask(
            port,
            portion.map((address, i) => ({
              target: `/logout?${queryOf(address)}`,
              headers: { ...visit, Cookie: cookies[i]! },
            })),
          );
          const requests = portion.map((address, i): Asked => {
            const headers = {
              ...post,
              Cookie: [cookies[i]!, cookiesOf(pages[i]!)].filter((one) => one !== '').join('; '),
            };
            return {
              method: 'POST',
              target: '/logout',
              headers,
              body: form({ csrf: tokenOf(pages[i]!), return_to: address }),
            };
          });
          const answers = await ask(port, requests);
          return answers.map((answer, i) => [...leadsOf(pages[i]!), ...leadsOf(answer)]);
        }),
    },
    {
      name: 'any other address of the site',
      try: async (addresses) => {
        // A browser makes a slash of a backslash before it asks.
        const targets = addresses.map((address) =>
          isTarget(address) ? address.replaceAll('\\', '/') : `/nowhere?${queryOf(address)}`,
        );
        return (await ask(port, targets.map(page))).map(leadsOf);
      },
    },
  ];
}
