/**
 * The pages that balancers and supervisors ask. `livez` says whether the process is of any use, and fails
 * only when restarting it is the cure; `readyz` says whether to send requests here. Neither names the
 * node, its version or anybody (SECURITY.md, check 50).
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { bounded } from '../clock.ts';
import { requireKnown } from '../errors.ts';
import { detailsOf, readiness } from './readiness.ts';
import type { HealthSource } from './snapshot.ts';

export interface ReadyzOptions {
  /**
   * Whether this caller gets the particulars as well: voters' addresses, leases, what a disk said. Default nobody. There is
   * no rule for callers on loopback: behind a proxy on the same machine everybody is one.
   */
  readonly details?: boolean | ((req: IncomingMessage) => boolean);
}

/** A node whose round has not run for so long is stuck, milliseconds. Longer than any pause that passes by itself. */
const stuckMs = 30_000;
/** After a pause of the whole process its timers are late and not lost: they get so long to run, milliseconds. */
const resumeMs = 1_500;

/** 200 as long as the node runs, whatever it waits for; 503 when it has stopped, or its rounds have and do not resume. */
export function livez(source: HealthSource): RequestHandler {
  return (req, res, next) => {
    if (!isReading(req, res)) return;
    isAlive(source).then((alive) => answer(req, res, alive ? 200 : 503, { alive }), next);
  };
}

async function isAlive(source: HealthSource): Promise<boolean> {
  const { clock } = source;
  if (source.snapshot().state === 'stopped') return false;
  const beatAt = source.beatAt();
  if (beatAt === undefined || clock.monotonic() - beatAt < stuckMs) return true;
  await bounded(clock, resumeMs, new Promise<never>(() => {}), undefined);
  return source.beatAt() !== beatAt;
}

/** 200 when this node may be sent requests; 503 with the reasons and Retry-After when not. */
export function readyz(source: HealthSource, options: ReadyzOptions = {}): RequestHandler {
  requireKnown('readyz', options, ['details']);
  const { details = false } = options;
  return (req, res) => {
    if (!isReading(req, res)) return;
    const snapshot = source.snapshot();
    const { ready, why, retryAfterS } = readiness(snapshot);
    if (!ready) res.setHeader('Retry-After', String(retryAfterS));
    const isAsked = typeof details === 'function' ? details(req) === true : details;
    answer(req, res, ready ? 200 : 503, {
      ready,
      whenCutOff: snapshot.finality.mode,
      ...(!ready && { why }),
      ...(isAsked && { details: detailsOf(snapshot) }),
    });
  };
}

/** Answers 405 to what is neither GET nor HEAD. */
export function isReading(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return true;
  res.statusCode = 405;
  res.setHeader('Allow', 'GET, HEAD');
  res.end();
  return false;
}

function answer(req: IncomingMessage, res: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  res.statusCode = status;
  res.removeHeader('X-Powered-By');
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.setHeader('Cache-Control', 'no-store');
  res.end(req.method === 'HEAD' ? undefined : text);
}
