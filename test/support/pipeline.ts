/**
 * Thousands of requests to one address in a short time: written one behind the other on a few connections (RFC 9112, 9.3.2), as
 * bytes, so that what no client library would send can be sent. A connection that the server ends is opened anew, and what was not
 * answered on it is sent again.
 */

import { connect, type Socket } from 'node:net';

export interface Asked {
  readonly method?: string;
  /** The request target as it goes over the wire. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  /** By lower-case name, in order; Set-Cookie has several. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** The status of what was answered by the end of the connection. */
export const cut = 0;

const connections = 4;
const window = 16;

/** The first value of a header. */
export const header = ({ headers }: Answered, name: string): string | undefined => headers.get(name)?.[0];

/** The `name=value` of all cookies that an answer sets. */
export const cookiesOf = ({ headers }: Answered): string =>
  (headers.get('set-cookie') ?? [])
    .filter((line) => !/max-age=0/i.test(line))
    .map((line) => line.split(';', 1)[0])
    .join('; ');

/** Fields as a form posts them. */
export const form = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString();

/** Headers as they go over the wire; those without a value are left out. */
export const headerLines = (headers: Readonly<Record<string, string | undefined>>): string =>
  Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

/** Sends bytes as they are and gives what came until the server ended the connection. To end it ourselves would abort a request that is still worked on. */
export function rawly(port: number, text: string, from = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () =>
      socket.write(Buffer.from(text, 'latin1')),
    );
    socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

/** All answers, in the order of what was asked. */
export async function ask(port: number, requests: readonly Asked[]): Promise<readonly Answered[]> {
  const answers = new Array<Answered>(requests.length);
  const lanes = Array.from({ length: connections }, (_, lane) =>
    requests.map((_, i) => i).filter((i) => i % connections === lane),
  );
  await Promise.all(lanes.map((lane) => askInOrder(port, requests, lane, answers)));
  return answers;
}

async function askInOrder(port: number, requests: readonly Asked[], lane: readonly number[], answers: Answered[]) {
  for (let next = 0, tries = 0; next < lane.length; ) {
    const answered = await converse(port, lane.slice(next), requests, answers);
    tries = answered === 0 ? tries + 1 : 0;
    next += answered;
    // A server that refuses while more is coming may cut the connection before its answer could be read.
    if (tries === 2) answers[lane[next++]!] = { status: cut, headers: new Map(), body: '' };
  }
}

/** One connection; resolves, when it is over, with how many requests it has answered. */
function converse(
  port: number,
  lane: readonly number[],
  requests: readonly Asked[],
  answers: Answered[],
): Promise<number> {
  return new Promise((resolve) => {
    let sent = 0;
    let answered = 0;
    let over = false;
    let rest: Buffer = Buffer.alloc(0);
    const socket: Socket = connect(port, '127.0.0.1');
    const finish = () => {
      over = true;
      socket.destroy();
      resolve(answered);
    };
    const write = () => {
      for (; sent < lane.length && sent - answered < window; sent++) socket.write(bytesOf(requests[lane[sent]!]!));
    };
    socket.once('connect', write);
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let parsed = parse(rest); !over && parsed !== undefined; parsed = parse(rest)) {
        rest = rest.subarray(parsed.length);
        answers[lane[answered++]!] = parsed.answer;
        if (answered === lane.length || header(parsed.answer, 'connection') === 'close') return finish();
      }
      write();
    });
    socket.once('error', () => over || finish());
    socket.once('close', () => over || finish());
  });
}

function bytesOf({ method = 'GET', target, headers = {}, body }: Asked): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`);
}

/** The answer at the front of these bytes, or `undefined` while it is not whole. */
function parse(bytes: Buffer): { readonly answer: Answered; readonly length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line)!;
    const key = name!.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value!]);
  }
  const status = Number(first!.split(' ')[1]);
  const body =
    headers.get('transfer-encoding')?.[0] === 'chunked'
      ? chunked(bytes, end + 4)
      : whole(bytes, end + 4, Number(headers.get('content-length')?.[0] ?? 0));
  return body && { answer: { status, headers, body: body.text }, length: body.end };
}

function whole(bytes: Buffer, from: number, length: number) {
  const end = from + length;
  return bytes.length < end ? undefined : { text: bytes.toString('utf8', from, end), end };
}

function chunked(bytes: Buffer, from: number) {
  let text = '';
  for (let at = from; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const end = line + 2 + length + 2;
    if (bytes.length < end) return undefined;
    if (length === 0) return { text, end };
    text += bytes.toString('utf8', line + 2, end - 2);
    at = end;
  }
}
