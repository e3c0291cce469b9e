/** What a probe answered, from text that may be anybody's: either it has the shape of ours, or it is none. */

import { z } from 'zod';
import { type ProbeAnswer, type ProbeRefusal, routeError } from '../sso/index.ts';

export type Refusal = ProbeRefusal;

const text = z.string();
/** What others write into cookies, headers and files: nothing but what can be the route of a node, and the name of a cookie (RFC 6265 4.1.1). */
const route = z.string().refine((value) => routeError(value) === undefined);
const cookieName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/);
const port = z.int().min(0).max(65_535);
const note = { name: cookieName, path: text };

const answerShape: z.ZodType<ProbeAnswer> = z.object({
  version: z.literal(1),
  nonce: text,
  node: route,
  state: text,
  ready: z.boolean(),
  why: z.array(z.object({ reason: text, waitsFor: text.optional() })),
  now: z.number(),
  members: z.array(z.object({ node: route, state: text, address: text.optional(), reachable: z.boolean() })),
  cookies: z.object({
    sso: z.object({ name: cookieName, domain: text.optional(), secure: z.boolean() }),
    sessions: z.array(z.object({ app: text, ...note, secure: z.boolean() })),
    sticky: z.array(z.object({ ...note, quoted: z.boolean(), routeFrom: z.enum(['node', 'host']) })),
  }),
  saw: z.object({
    method: text,
    url: text,
    httpVersion: text,
    host: text.optional(),
    protocol: text,
    secure: z.boolean(),
    ip: text.optional(),
    remoteAddress: text.optional(),
    localAddress: text.optional(),
    localPort: port.optional(),
    headers: z.array(z.tuple([text, text])),
    headerBytes: z.number(),
    ajp: z.object({ jvmRoute: text.optional(), isSsl: z.boolean() }).optional(),
  }),
});

const refusalShape: z.ZodType<ProbeRefusal> = z.object({
  error: z.enum(['stale', 'used', 'other-node', 'too-many']),
  node: route,
  now: z.number(),
});

export function parseAnswer(json: string): ProbeAnswer | undefined {
  return parsed(answerShape, json);
}

export function parseRefusal(json: string): ProbeRefusal | undefined {
  return parsed(refusalShape, json);
}

function parsed<T>(shape: z.ZodType<T>, json: string): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const result = shape.safeParse(value);
  return result.success ? result.data : undefined;
}
