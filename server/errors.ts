/**
 * What goes wrong, told to whoever asked: a status and a sentence, as a page or as JSON. Never a stack,
 * a version, a node's name or an id (check 50); the log has what an operator needs.
 */

import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { type Log, SsoError } from '../sso/index.ts';
import { html } from './html.ts';
import { type FrameOf, frameOf, sendPage } from './page.ts';
import { english } from './words/english.ts';

export function refuse(req: Request, res: Response, of: FrameOf, status: number, sentence?: string): void {
  const frame = frameOf(of, req);
  const { errors, page } = frame.words ?? english;
  const text = sentence ?? errors.sentences[status] ?? errors.other;
  if (req.accepts(['json', 'html']) === 'html')
    sendPage(res, status, {
      ...frame,
      title: text,
      main: html`<h1>${text}</h1><p class="card"><a href="/">${page.start}</a></p>`,
    });
  else res.status(status).json({ error: text });
}

export function notFound(frame: FrameOf): RequestHandler {
  return (req, res) => refuse(req, res, frame, 404);
}

/** The last handler. Of an error that says so (`expose`) the message is shown, of others the status alone. */
export function failed(frame: FrameOf, log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    const { status = 500, expose = false, message } = error as { status?: number; expose?: boolean; message?: string };
    const code = Number.isInteger(status) && status >= 400 && status < 600 ? status : 500;
    if (code >= 500 && code !== 503) log.error({ err: error, path: req.path }, 'a request failed');
    if (res.headersSent) return next(error);
    // When to come again.
    if (error instanceof SsoError) res.set(error.headers ?? {});
    const own = expose && code !== 400 && code !== 413 && code !== 415 ? message : undefined;
    refuse(req, res, frame, code, own);
  };
}

/** Before a handler that has a password verified: what the queue could not hold is refused here, at once and without a word in the log (T13). */
export function refuseWhenBusy(isBusy: () => boolean): RequestHandler {
  return (_req, res, next) => {
    if (!isBusy()) return next();
    res.setHeader('Retry-After', '1');
    next(
      Object.assign(new Error('Too many people are signing on at this moment. Please try again.'), {
        status: 503,
        expose: true,
      }),
    );
  };
}
