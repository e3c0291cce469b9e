/**
 * The fields of a posted form or JSON object, as text, read within limits before anything believes
 * them. Strict where leniency would change what was typed: a percent sequence or a byte that is not
 * UTF-8 is refused, never replaced, so a password is compared as it was sent (check 35). A name that
 * comes twice, a list or an object is refused rather than interpreted (check 48).
 */

import type { Request } from 'express';
import type { Refusal } from './reply.ts';

/** By field name; without a prototype. */
export type Fields = Readonly<Record<string, string>>;

/** The most a body may hold. */
export const maxBodyBytes = 16 * 1024;
const maxFields = 100;
/** An oversized body is read to its end, so that its sender sees the 413, up to this. */
const maxDrainBytes = 4 * 1024 * 1024;
const dangerousNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

type BodyRefusal = Extract<Refusal, 'body' | 'body-size' | 'body-type'>;
export type Body = { readonly fields: Fields } | { readonly refusal: BodyRefusal };

/** Reads the request's body, or takes what a parser of the application left in `req.body`. No body is no fields. */
export async function readBody(req: Request): Promise<Body> {
  const parsed: unknown = req.body;
  if (isRecord(parsed)) return fieldsOf(Object.entries(parsed));
  if (typeof parsed === 'string') return parseText(req, Buffer.from(parsed));
  if (Buffer.isBuffer(parsed)) return parseText(req, parsed);
  if (req.readableEnded) return { fields: Object.create(null) };
  const bytes = await collect(req);
  return bytes === undefined ? { refusal: 'body-size' } : parseText(req, bytes);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** @throws when the client goes away in the middle */
function collect(req: Request): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    if (req.destroyed) return reject(new Error('the client went away'));
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (bytes: Buffer | undefined) => {
      req.off('data', take).off('end', end).off('error', reject).off('close', gone);
      resolve(bytes);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) return void chunks.push(chunk);
      chunks.length = 0;
      if (size > maxDrainBytes) {
        req.res?.setHeader('Connection', 'close');
        req.pause();
        done(undefined);
      }
    };
    const end = () => done(size > maxBodyBytes ? undefined : Buffer.concat(chunks));
    const gone = () => reject(new Error('the client went away'));
    req.on('data', take).on('end', end).on('error', reject).on('close', gone);
  });
}

function parseText(req: Request, bytes: Buffer): Body {
  if (bytes.length === 0) return { fields: Object.create(null) };
  if (bytes.length > maxBodyBytes) return { refusal: 'body-size' };
  const [type, ...parameters] = (req.headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const encoding = req.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity' || !parameters.every(isUtf8)) return { refusal: 'body-type' };
  const parse = type === undefined ? undefined : parsers.get(type);
  if (parse === undefined) return { refusal: 'body-type' };
  try {
    const pairs = parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return pairs === undefined ? { refusal: 'body' } : fieldsOf(pairs);
  } catch {
    return { refusal: 'body' };
  }
}

function isUtf8(parameter: string): boolean {
  return !parameter.startsWith('charset') || /^charset\s*=\s*"?utf-?8"?$/.test(parameter);
}

type Pairs = readonly (readonly [string, unknown])[];

/** Each may throw on what is malformed; `undefined` is malformed as well. */
const parsers: ReadonlyMap<string, (text: string) => Pairs | undefined> = new Map([
  ['application/x-www-form-urlencoded', parseForm],
  ['application/json', parseJson],
]);

/** URL Standard 5.1, except that a malformed percent sequence is refused. */
function parseForm(text: string): Pairs {
  const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at === -1
        ? ([decode(pair), ''] as const)
        : ([decode(pair.slice(0, at)), decode(pair.slice(at + 1))] as const);
    });
}

function parseJson(text: string): Pairs | undefined {
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? Object.entries(value) : undefined;
}

function fieldsOf(pairs: Pairs): Body {
  if (pairs.length > maxFields) return { refusal: 'body' };
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || dangerousNames.has(name)) continue;
    if (typeof value === 'object' || typeof value === 'function' || name in fields) return { refusal: 'body' };
    fields[name] = String(value);
  }
  return { fields };
}
