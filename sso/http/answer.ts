/**
 * Hooks on an answer: what must happen just before its headers are written (cookies), and what its last
 * byte must wait for (a change that is to be on a second member first). Installed on a response when it is
 * first asked for, once however many callbacks there are; a response that nobody hooks pays nothing.
 *
 * While the end waits, everything but the last byte is on its way already, so waiting costs the client
 * next to nothing. Where a Content-Length announces the end of the body, the last byte is held back until
 * `end()` even if the application wrote it before (`res.sendFile`, pipes); without one it is the closing
 * chunk that waits, and without a body the headers.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerAsTable } from './request-shape.ts';
import { areHeadersGone, hasHeader, isStandIn } from './stand-in.ts';

type Answer = ServerResponse<IncomingMessage>;
type Bytes = Uint8Array<ArrayBufferLike>;
type Done = (error?: Error | null) => void;
type Failed = (error: unknown) => void;

/** A class: literals that hold on to a request may come to outlive it (session-writer.ts, `OpenSession`). */
class Callback<T> {
  readonly run: () => T;
  readonly failed: Failed | undefined;

  constructor(run: () => T, failed: Failed | undefined) {
    this.run = run;
    this.failed = failed;
  }
}

interface Hooks {
  readonly writeHead: (this: Answer, ...args: unknown[]) => Answer;
  readonly write: (this: Answer, ...args: unknown[]) => boolean;
  readonly end: (this: Answer, ...args: unknown[]) => Answer;
  readonly headers: Callback<void>[];
  readonly finish: Callback<Promise<unknown> | undefined>[];
  /** What the end waits for. None of them rejects. */
  readonly pending: Promise<unknown>[];
  phase: 'open' | 'waiting' | 'ended';
  /** Bytes of the body the application wrote, counted where a Content-Length says how many there will be. */
  written: number;
  held: Bytes | undefined;
  /** The body of the answer that took the place of the application's. */
  instead: Bytes | undefined;
  /** While we end the answer: HTTP/2 writes its last bytes by `write`, as layers above may do. */
  isEnding: boolean;
}

const hooksKey = Symbol('latchkey.answer');
type Hooked = Answer & { [hooksKey]: Hooks };

/**
 * Runs `write` just before the headers of `res` are written, once; it may set headers and cookies. No effect once they
 * are sent. What it throws goes to `failed` and nowhere else: the answer goes on.
 */
export function beforeHeaders(res: ServerResponse, write: () => void, failed?: Failed): void {
  if (!areHeadersGone(res)) hooksOf(res).headers.push(new Callback(write, failed));
}

/**
 * Runs `finish` when the application ends the answer, once, before the headers if they are not sent yet. The last byte
 * waits for the promise it returns. What it throws or rejects with goes to `failed` and nowhere else: the answer ends.
 */
export function beforeEnd(res: ServerResponse, finish: () => Promise<unknown> | undefined, failed?: Failed): void {
  if (!res.writableEnded) hooksOf(res).finish.push(new Callback(finish, failed));
}

const cookiesKey = Symbol('latchkey.cookies');

/**
 * Adds a Set-Cookie line, in place of an earlier one of the same name, domain and path that was added here: the last word
 * counts. Lines of the application stay. An answer that sets or clears a cookie of ours is for nobody else: it says
 * `no-store` and `Vary: Cookie`, whatever the application said (check 13).
 * `false`: the headers are sent, nothing was added.
 */
export function appendCookie(res: ServerResponse, line: string): boolean {
  if (areHeadersGone(res)) return false;
  const answer = res as { [cookiesKey]?: Map<string, string> };
  if (answer[cookiesKey] === undefined) beforeHeaders(res, () => keepOutOfCaches(res));
  const ours = (answer[cookiesKey] ??= new Map());
  const key = cookieKey(line);
  const earlier = ours.get(key);
  const before = res.getHeader('Set-Cookie');
  const lines = before === undefined ? [] : Array.isArray(before) ? before : [String(before)];
  res.setHeader('Set-Cookie', [...lines.filter((other) => other !== earlier), line]);
  ours.set(key, line);
  return true;
}

/** Adds a field to `Vary`. No effect once the headers are sent. */
export function vary(res: ServerResponse, field: string): void {
  if (areHeadersGone(res)) return;
  const before = res.getHeader('Vary');
  if (before === undefined) {
    res.setHeader('Vary', field);
    return;
  }
  if (before === field) return;
  const fields = String(before)
    .toLowerCase()
    .split(/\s*,\s*/);
  if (!fields.includes('*') && !fields.includes(field.toLowerCase())) res.setHeader('Vary', `${before}, ${field}`);
}

/** `Cache-Control: no-store`, unless the application chose otherwise. No effect once the headers are sent. */
export function noStore(res: ServerResponse): void {
  if (!areHeadersGone(res) && !hasHeader(res, 'Cache-Control')) res.setHeader('Cache-Control', 'no-store');
}

/** A whole answer. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/**
 * Puts another answer in place of the application's: of what that has written and still writes nothing is sent, nor what it
 * said about it, where it led to, and its cookies. Those of `appendCookie` stay, and all other headers (CORS, a request's
 * number). For what runs before the end, or before the headers of an answer that is written piece by piece: it ends then.
 * `false`: the headers are sent, the application's answer goes on.
 */
export function answerInstead(res: ServerResponse, { status, headers, text }: Answered): boolean {
  if (isStandIn(res) || res.headersSent) return false;
  for (const name of res.getHeaderNames()) if (ofTheBody.test(name)) res.removeHeader(name);
  const ours = [...((res as { [cookiesKey]?: Map<string, string> })[cookiesKey]?.values() ?? [])];
  if (ours.length > 0) res.setHeader('Set-Cookie', ours);
  const body = Buffer.from(text);
  res.statusCode = status;
  // HTTP/2 has none, and warns of whoever sets one.
  if (res.req.httpVersionMajor < 2) res.statusMessage = '';
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Content-Length', body.length);
  const hooks = hooksOf(res);
  hooks.instead = body;
  hooks.held = undefined;
  return true;
}

/** Headers that say what a body is, how long it may be kept, and where to go on, and cookies. A policy is none of the body's. */
const ofTheBody =
  /^(content-(?!security-policy)|set-cookie|location|refresh|link|etag|last-modified|expires|age|accept-ranges|trailer|transfer-encoding|[a-z-]*cache-control$|pragma$)/;

function keepOutOfCaches(res: ServerResponse): void {
  if (!/\bno-store\b/i.test(String(res.getHeader('Cache-Control')))) res.setHeader('Cache-Control', 'no-store');
  vary(res, 'Cookie');
}

function cookieKey(line: string): string {
  const name = line.slice(0, line.indexOf('='));
  const attribute = (of: RegExp) => of.exec(line)?.[1]?.toLowerCase() ?? '';
  return `${name};${attribute(/;\s*domain=([^;]*)/i)};${attribute(/;\s*path=([^;]*)/i)}`;
}

function hooksOf(res: ServerResponse): Hooks {
  const answer = res as Hooked;
  if (answer[hooksKey] !== undefined) return answer[hooksKey];
  const hooks = {
    writeHead: res.writeHead,
    write: res.write,
    end: res.end,
    headers: [],
    finish: [],
    pending: [],
    phase: 'open',
    written: 0,
    held: undefined,
    instead: undefined,
    isEnding: false,
  } as unknown as Hooks;
  answerAsTable(res);
  answer[hooksKey] = hooks;
  // Shared functions rather than closures, and plain assignments: installing them costs next to nothing.
  answer.writeHead = hookedWriteHead as Hooked['writeHead'];
  answer.write = hookedWrite as Hooked['write'];
  answer.end = hookedEnd as Hooked['end'];
  return hooks;
}

/** All ways to the headers end here: explicit, implicit by `write` and `end`, `flushHeaders`. */
function hookedWriteHead(this: Hooked, ...args: unknown[]): Answer {
  const hooks = this[hooksKey];
  const [status, ...rest] = args;
  if (args.length === 0 && isStandIn(this)) {
    runHeaderCallbacks(this, hooks);
    return hooks.writeHead.call(this);
  }
  if (this.headersSent || !(Number(status) >= 100 && Number(status) <= 999)) return hooks.writeHead.apply(this, args);
  this.statusCode = Number(status);
  if (rest.length === 0) {
    runHeaderCallbacks(this, hooks);
    return hooks.writeHead.call(this, this.statusCode);
  }
  const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
  setHeaders(this, reason.length > 0 ? rest[1] : (rest[1] ?? rest[0]));
  runHeaderCallbacks(this, hooks);
  // A callback may have made it another answer; the reason was the first one's.
  if (this.statusCode !== Number(status)) return hooks.writeHead.call(this, this.statusCode);
  return hooks.writeHead.call(this, status, ...reason);
}

function runHeaderCallbacks(res: Hooked, hooks: Hooks): void {
  // By index, since a callback may add another.
  for (let i = 0; i < hooks.headers.length; i++) {
    const { run, failed } = hooks.headers[i]!;
    try {
      run();
    } catch (error) {
      failed?.(error);
    }
  }
  hooks.headers.length = 0;
  // Nothing that the application still writes is waited for: it may be a stream without an end.
  if (hooks.instead !== undefined && hooks.phase === 'open') process.nextTick(() => hookedEnd.call(res));
}

/** What `writeHead` was given goes the way of `setHeader`, where callbacks see it and add to it. */
function setHeaders(res: Answer, headers: unknown): void {
  if (Array.isArray(headers)) {
    const flat: unknown[] = Array.isArray(headers[0]) ? headers.flat() : headers;
    if (flat.length % 2 !== 0) throw new TypeError('headers given as a list need a value for every name');
    for (let i = 0; i < flat.length; i += 2) res.removeHeader(String(flat[i]));
    for (let i = 0; i < flat.length; i += 2) res.appendHeader(String(flat[i]), flat[i + 1] as string | string[]);
  } else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  }
}

function hookedWrite(this: Hooked, ...args: unknown[]): boolean {
  const hooks = this[hooksKey];
  if (hooks.isEnding) return hooks.write.apply(this, args);
  const [chunk, encoding, done] = parseArguments(args);
  if (hooks.instead !== undefined) return passOver(done);
  if (hooks.phase === 'waiting') {
    // Written after end(): the answer is complete, only its last byte is not sent yet.
    if (done !== undefined)
      process.nextTick(done, Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' }));
    return false;
  }
  if (!isChunk(chunk)) return hooks.write.apply(this, args);
  const total = this.getHeader('Content-Length');
  if (hooks.phase === 'ended' || hooks.finish.length === 0 || total === undefined || !mayHaveBody(this))
    return writeOn(this, hooks, args, done);
  const bytes = joined(hooks, toBytes(chunk, encoding));
  hooks.written += bytes.length;
  if (hooks.written !== Number(total) || bytes.length === 0) return writeOn(this, hooks, [bytes, done], done);
  hooks.held = bytes.subarray(-1);
  hooks.written -= 1;
  if (bytes.length > 1) return writeOn(this, hooks, [bytes.subarray(0, -1), done], done);
  if (done !== undefined) process.nextTick(done);
  return true;
}

/** Writes, unless another answer is in the place of this one: that may come to pass when the headers are made, so they come first. */
function writeOn(res: Hooked, hooks: Hooks, args: unknown[], done: Done | undefined): boolean {
  if (hooks.headers.length > 0 && !res.headersSent && !res.writableEnded && !res.destroyed)
    res.writeHead(res.statusCode);
  if (hooks.instead === undefined) return hooks.write.apply(res, args);
  return passOver(done);
}

/** As if it were sent, so that whoever writes goes on to its end. */
function passOver(done: Done | undefined): boolean {
  if (done !== undefined) process.nextTick(done);
  return true;
}

function hookedEnd(this: Hooked, ...args: unknown[]): Answer {
  const hooks = this[hooksKey];
  const [chunk, encoding, done] = parseArguments(args);
  if (hooks.phase === 'waiting' || (hooks.phase === 'ended' && hooks.instead !== undefined)) {
    if (done === undefined) return this;
    if (this.writableFinished) process.nextTick(done);
    else this.once('finish', done);
    return this;
  }
  if (hooks.phase === 'ended' || !(chunk === undefined || isChunk(chunk))) return hooks.end.apply(this, args);
  hooks.phase = 'waiting';
  try {
    runFinishCallbacks(hooks);
    if (hooks.pending.length > 0) {
      const last = sendAllButLast(this, hooks, hooks.instead ?? toBytes(chunk, encoding));
      void Promise.all(hooks.pending).then(() => sendLast(this, hooks, last, done));
      return this;
    }
    hooks.phase = 'ended';
    if (hooks.instead !== undefined) return endWith(this, hooks, [mayHaveBody(this) ? hooks.instead : undefined, done]);
    if (hooks.held === undefined) return endWith(this, hooks, args);
    return endWith(this, hooks, [joined(hooks, toBytes(chunk, encoding)), done]);
  } catch (error) {
    // Node refused (a status or header that is none): the application may try again with another answer.
    hooks.phase = 'open';
    throw error;
  }
}

function endWith(res: Answer, hooks: Hooks, args: unknown[]): Answer {
  hooks.isEnding = true;
  try {
    return hooks.end.apply(res, args);
  } finally {
    hooks.isEnding = false;
  }
}

function runFinishCallbacks(hooks: Hooks): void {
  for (let i = 0; i < hooks.finish.length; i++) {
    const { run, failed } = hooks.finish[i]!;
    try {
      const promise = run();
      if (promise !== undefined) hooks.pending.push(Promise.resolve(promise).catch((error) => failed?.(error)));
    } catch (error) {
      failed?.(error);
    }
  }
  hooks.finish.length = 0;
}

/** Bodies of so many bytes wait as a whole, with their headers. */
const smallBytes = 16_384;

/** Sends the headers and the body but for what the end keeps back, which is returned. */
function sendAllButLast(res: Answer, hooks: Hooks, chunk: Bytes): Bytes | undefined {
  const body = joined(hooks, chunk);
  if (!res.headersSent) {
    // Node would do the same by itself if the body went with the headers.
    if (
      mayHaveBody(res) &&
      !hasHeader(res, 'Content-Length') &&
      !hasHeader(res, 'Transfer-Encoding') &&
      !hasHeader(res, 'Trailer')
    ) {
      res.setHeader('Content-Length', body.length);
    }
    res.writeHead(res.statusCode);
  }
  if (body.length === 0) return undefined;
  // Node may be told to refuse a body where there can be none: the application's own is then its own fault.
  if (!mayHaveBody(res)) return hooks.instead === undefined ? body : undefined;
  // One write in place of two: a small answer is complete with its last byte, and nobody can use a part of it.
  if (body.length <= smallBytes) return body;
  const keep = hasHeader(res, 'Content-Length') ? 1 : 0;
  if (body.length > keep) hooks.write.call(res, body.subarray(0, body.length - keep));
  return keep === 0 ? undefined : body.subarray(-1);
}

function sendLast(res: Answer, hooks: Hooks, last: Bytes | undefined, done: Done | undefined): void {
  hooks.phase = 'ended';
  try {
    endWith(res, hooks, [last, done]);
  } catch (error) {
    res.destroy(error instanceof Error ? error : undefined);
  }
}

/** HEAD, 204 and 304 have none (RFC 9110, 6.4.1). */
function mayHaveBody(res: Answer): boolean {
  return res.req?.method !== 'HEAD' && res.statusCode !== 204 && res.statusCode !== 304;
}

/** Of `(chunk?, encoding?, callback?)` the callback may stand in the place of any. */
function parseArguments(
  args: unknown[],
): [chunk: unknown, encoding: BufferEncoding | undefined, done: Done | undefined] {
  const [chunk, encoding, last] = args;
  const done = typeof chunk === 'function' ? chunk : typeof encoding === 'function' ? encoding : last;
  return [
    typeof chunk === 'function' ? undefined : (chunk ?? undefined),
    typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined,
    typeof done === 'function' ? (done as Done) : undefined,
  ];
}

function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function toBytes(chunk: unknown, encoding: BufferEncoding | undefined): Bytes {
  if (chunk === undefined) return new Uint8Array(0);
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array);
}

/** What was held back and what follows. */
function joined(hooks: Hooks, bytes: Bytes): Bytes {
  if (hooks.held === undefined) return bytes;
  const all = Buffer.concat([hooks.held, bytes]);
  hooks.held = undefined;
  return all;
}
