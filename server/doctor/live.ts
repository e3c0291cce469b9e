/** The doctor's hands: real requests, each on a connection of its own, to where the person said. */

import { randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { type ProbeOptions, probe, probeTimeoutMs, probeUpgrade, tlsNameOf } from '../probe-client.ts';
import type { Ask, Chance, Header } from './asking.ts';
import type { Plain } from './checks/redirect.ts';
import { portOf } from './exam.ts';

/** Where requests go. */
export interface Place {
  readonly url: URL;
  /** Dialled in place of the URL's host, as `curl --connect-to`. */
  readonly connectTo?: { readonly host: string; readonly port: number } | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
}

export function liveAsk(place: Place, secret: string, path: string): Ask {
  const { url, connectTo, ca } = place;
  return async ({ below = '', cookies = [], headers = [], isUpgrade = false, rest } = {}) => {
    const options: ProbeOptions = {
      ...{ secret, connectTo, ca, rest },
      path: `${path}${below}`,
      headers: [...headers, ...cookies.map((line) => ['Cookie', line] as const)],
    };
    if (!isUpgrade) return probe(url.origin, options);
    const { upgraded, probed } = await probeUpgrade(url.origin, options);
    return { ...probed, upgraded };
  };
}

/** A page as any visitor gets it. */
export type Page =
  | { readonly kind: 'failed'; readonly why: string }
  | {
      readonly kind: 'page';
      readonly status: number;
      /** Names in lower case, as Node joins them. */
      readonly headers: IncomingMessage['headers'];
      readonly setCookies: readonly string[];
    };

export type Visit = (path: string, headers?: readonly Header[]) => Promise<Page>;

export function liveVisit({ url, connectTo, ca }: Place): Visit {
  const isTls = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return (path, headers = []) =>
    answerTo(
      (isTls ? overTls : overHttp)({
        host: connectTo?.host ?? name,
        port: connectTo?.port ?? portOf(url),
        path,
        agent: false,
        setHost: false,
        headers: ['Host', url.host, 'Accept', 'text/html', ...headers.flat()],
        ...(isTls && { ...tlsNameOf(url), ...(ca !== undefined && { ca }) }),
      }),
    );
}

/** The same host by plain http; `undefined` if nobody said where that is. */
export function livePlain(
  { url, connectTo }: Place,
  plainPort: number | undefined,
): ((path: string) => Promise<Plain>) | undefined {
  const port = plainPort ?? (url.port === '' ? 80 : undefined);
  if (port === undefined || url.protocol !== 'https:') return undefined;
  return async (path) => {
    const page = await answerTo(
      overHttp({
        host: connectTo?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
        port,
        path,
        agent: false,
        headers: { Host: port === 80 ? url.hostname : `${url.hostname}:${port}` },
      }),
    );
    if (page.kind === 'failed') return { kind: 'none', why: page.why };
    const { status, headers, setCookies } = page;
    return { kind: 'answer', status, location: headers.location, setsCookies: setCookies.length > 0 };
  };
}

function answerTo(request: ClientRequest): Promise<Page> {
  return new Promise((resolve) => {
    const done = (page: Page) => {
      request.destroy();
      resolve(page);
    };
    request.setTimeout(probeTimeoutMs, () => done({ kind: 'failed', why: `no answer within ${probeTimeoutMs} ms` }));
    request.on('error', (error) => done({ kind: 'failed', why: error.message }));
    request.on('response', ({ statusCode = 0, headers }) =>
      done({ kind: 'page', status: statusCode, headers, setCookies: headers['set-cookie'] ?? [] }),
    );
    request.end();
  });
}

export const systemChance: Chance = () => randomBytes(4).readUInt32BE() / 2 ** 32;
