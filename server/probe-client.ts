/**
 * Asks a node by its probe, through a balancer or directly: one request, as it is told, with nothing done
 * behind its back. No redirect is followed, no cookie is kept, no certificate is waved through. What comes
 * back is judged by its shape before anybody reads it: between us and the node stands what is examined.
 */

import { randomBytes } from 'node:crypto';
import { type Agent, type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity } from 'node:tls';
import { type ProbeAnswer, type ProbeAsk, probeHeader, probePath, signProbe } from '../sso/index.ts';
import { parseAnswer, parseRefusal, type Refusal } from './probe-parse.ts';

export interface ProbeOptions {
  /** The cluster's; of several the first. It never leaves this process. */
  readonly secret: string | readonly string[];
  /** Where the probe is mounted, on the origin that is asked; it may have a path parameter or a query of its own. Default `/latchkey-probe`. */
  readonly path?: string | undefined;
  /** Further headers, in this order; a name may come twice. `Host` takes the place of the origin's. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** To use a connection again; default: one of its own. */
  readonly agent?: Agent | undefined;
  /** Dials this address in place of the origin's, as `curl --connect-to` does; name and certificate stay the origin's. */
  readonly connectTo?: { readonly host: string; readonly port: number } | undefined;
  /** PEM: certificates that are believed in place of the system's. */
  readonly ca?: string | undefined;
  /** For the whole answer, milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** `readyz` of this node says no for so long, up to 60,000 ms; 0: no longer. Taken by that node alone. */
  readonly rest?: { readonly node: string; readonly ms: number } | undefined;
  /** Own wall clock; for tests. */
  readonly now?: (() => number) | undefined;
}

interface Came {
  readonly status: number;
  /** By name in lower case, as Node joins them. */
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly setCookies: readonly string[];
  /** From the first byte sent to the last one received, milliseconds. */
  readonly tookMs: number;
}

/** What a question came to. Expected outcomes are values; only a wrong option throws. */
export type Probed =
  /** `clockOffsetMs`: how far the node's clock is ahead of ours, within half of `tookMs`. `isCopy`: the answer belongs to another question, so something has kept it. */
  | (Came & {
      readonly kind: 'answered';
      readonly answer: ProbeAnswer;
      readonly clockOffsetMs: number;
      readonly isCopy: boolean;
    })
  /** The pass is right, and was not taken: the clocks differ however often it is made anew, or the act is for another node. */
  | (Came & { readonly kind: 'refused'; readonly refusal: Refusal })
  /** Somebody else answered: another secret, no probe at this path, a balancer's own page, a redirect. `text`: its beginning. */
  | (Came & { readonly kind: 'other'; readonly text: string })
  /** Nobody answered. `code` as Node has it (`ECONNREFUSED`), or `TIMEOUT`. */
  | { readonly kind: 'failed'; readonly code: string; readonly why: string; readonly tookMs: number };

export const probeTimeoutMs = 10_000;
/** Longer ones are none of ours. */
const bytesAtMost = 262_144;
const textAtMost = 2_000;
/** One balancer may lead to as many nodes with as many clocks. */
const attemptsAtMost = 4;

/** Asks once; a node with another clock is asked again, by its own. @throws SsoError, TypeError an option is wrong */
export async function probe(origin: string, options: ProbeOptions): Promise<Probed> {
  return asked(options, (offsetMs) => ask(origin, options, offsetMs));
}

/** Asks by a WebSocket's upgrade. `upgraded`: whether the connection became a WebSocket; the answer may come without that. */
export async function probeUpgrade(
  origin: string,
  options: Omit<ProbeOptions, 'rest'>,
): Promise<{ readonly upgraded: boolean; readonly probed: Probed }> {
  let upgraded = false;
  const probed = await asked(options, (offsetMs) => {
    upgraded = false;
    return ask(origin, options, offsetMs, () => (upgraded = true));
  });
  return { upgraded, probed };
}

async function asked(
  { now = Date.now }: Pick<ProbeOptions, 'now'>,
  once: (offsetMs: number) => Promise<Probed>,
): Promise<Probed> {
  let probed = await once(0);
  for (let tries = 1; tries < attemptsAtMost; tries++) {
    if (probed.kind !== 'refused' || probed.refusal.error !== 'stale') break;
    probed = await once(probed.refusal.now - now());
  }
  return probed;
}

function ask(origin: string, options: ProbeOptions, offsetMs: number, onUpgrade?: () => void): Promise<Probed> {
  const { now = Date.now, timeoutMs = probeTimeoutMs } = options;
  const nonce = randomBytes(16).toString('base64url');
  const request = requestOf(origin, options, { at: Math.round(now() + offsetMs), nonce }, onUpgrade !== undefined);
  const started = performance.now();
  const tookMs = () => performance.now() - started;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const done = (probed: Probed) => {
      clearTimeout(timer);
      request.destroy();
      resolve(probed);
    };
    const fail = (error: NodeJS.ErrnoException) =>
      done({ kind: 'failed', code: error.code ?? 'FAILED', why: error.message || String(error), tookMs: tookMs() });
    const read = (came: IncomingMessage, stream: Duplex | IncomingMessage, head: Buffer, decode: Decode) => {
      const chunks = [head];
      let length = head.length;
      stream.on('error', fail);
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > bytesAtMost) fail(new Error(`the answer is longer than ${bytesAtMost} bytes`));
      });
      stream.on('end', () =>
        // An agent's connection is free again once the answer is whole: only now may it be let go.
        settle(judged(came, decode(Buffer.concat(chunks)), nonce, tookMs(), now())),
      );
    };
    const settle = (probed: Probed) => {
      clearTimeout(timer);
      resolve(probed);
    };
    timer = setTimeout(
      () => fail(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'TIMEOUT' })),
      timeoutMs,
    );
    request.on('error', fail);
    request.on('response', (came) => read(came, came, Buffer.alloc(0), String));
    request.on('upgrade', (came, socket, head) => {
      onUpgrade?.();
      read(came, socket, head, webSocketText);
      socket.on('end', () => socket.destroy());
    });
    request.end();
  });
}

type Decode = (bytes: Buffer) => string;

function requestOf(
  origin: string,
  options: ProbeOptions,
  pass: { readonly at: number; readonly nonce: string },
  isUpgrade: boolean,
): ClientRequest {
  const { path = probePath, headers = [], secret, rest, agent, connectTo, ca } = options;
  const url = new URL(path, origin);
  const ask: ProbeAsk = {
    method: rest === undefined ? 'GET' : 'POST',
    act: rest === undefined ? '' : 'rest',
    node: rest?.node ?? '',
    ms: rest === undefined ? '' : String(rest.ms),
  };
  if (rest !== undefined) {
    url.searchParams.set('act', 'rest');
    url.searchParams.set('node', rest.node);
    url.searchParams.set('ms', ask.ms);
  }
  const has = (name: string) => headers.some(([other]) => other.toLowerCase() === name);
  const all: (readonly [string, string])[] = [
    ...(has('host') ? [] : [['Host', url.host] as const]),
    ...headers,
    [probeHeader, signProbe(secret, ask, pass)],
    ...(rest === undefined ? [] : [['Content-Length', '0'] as const]),
    ...(isUpgrade
      ? ([
          ['Connection', 'Upgrade'],
          ['Upgrade', 'websocket'],
          ['Sec-WebSocket-Version', '13'],
          ['Sec-WebSocket-Key', randomBytes(16).toString('base64')],
        ] as const)
      : []),
  ];
  const isTls = url.protocol === 'https:';
  const request: RequestOptions = {
    method: ask.method,
    host: connectTo?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
    port: connectTo?.port ?? (url.port === '' ? (isTls ? 443 : 80) : Number(url.port)),
    path: `${url.pathname}${url.search}`,
    headers: all.flat(),
    agent: agent ?? false,
    ...(isTls && { ...tlsNameOf(url), ...(ca !== undefined && { ca }) }),
  };
  return isTls ? overTls(request) : overHttp(request);
}

/** For whom the certificate has to be. An address is no name that TLS may send (RFC 6066 3), but is checked all the same, whatever is dialled. */
export function tlsNameOf({ hostname }: URL): Pick<RequestOptions, 'servername' | 'checkServerIdentity'> {
  const name = hostname.replace(/^\[|\]$/g, '');
  if (isIP(name) === 0) return { servername: name };
  return { servername: '', checkServerIdentity: (_dialled, certificate) => checkServerIdentity(name, certificate) };
}

function judged(came: IncomingMessage, text: string, nonce: string, tookMs: number, now: number): Probed {
  const { statusCode: status = 0, headers, rawHeaders } = came;
  const all = { status, headers, rawHeaders, setCookies: headers['set-cookie'] ?? [], tookMs };
  const answer = parseAnswer(text);
  if (answer !== undefined) {
    const clockOffsetMs = answer.now - (now - tookMs / 2);
    return { ...all, kind: 'answered', answer, clockOffsetMs, isCopy: answer.nonce !== nonce };
  }
  const refusal = parseRefusal(text);
  return refusal === undefined
    ? { ...all, kind: 'other', text: text.slice(0, textAtMost) }
    : { ...all, kind: 'refused', refusal };
}

/** The first text frame of a server (RFC 6455 5.2): all that the probe sends, before it closes. */
function webSocketText(bytes: Buffer): string {
  if (bytes.length < 2 || bytes[0] !== 0x81) return '';
  const short = bytes[1]!;
  if (short < 126) return bytes.toString('utf8', 2, 2 + short);
  if (short === 126 && bytes.length >= 4) return bytes.toString('utf8', 4, 4 + bytes.readUInt16BE(2));
  if (short === 127 && bytes.length >= 10) return bytes.toString('utf8', 10, 10 + Number(bytes.readBigUInt64BE(2)));
  return '';
}
