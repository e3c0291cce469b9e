/**
 * A sentence for the next page, kept in an ordinary cookie (cookie-parser reads it) and gone once it was
 * shown. Cookies know no ports, so it also reaches the page of another node. It decides nothing: a
 * forged one shows one of these sentences, and nothing else.
 */

import cookieParser from 'cookie-parser';
import type { Request, RequestHandler, Response } from 'express';
import { type Html, html } from '../html.ts';

const cookieName = 'demo-note';
const attributes = { httpOnly: true, sameSite: 'lax', path: '/' } as const;

const notes = {
  killed: (node: string, signedIn: boolean) =>
    html`<p class="note warn" role="status"><strong>${node} was killed</strong>${signedIn ? 'Another node answers, and nothing else has changed: you are signed on.' : 'Another node answers.'}</p>`,
  started: (node: string) =>
    html`<p class="note good" role="status"><strong>${node} is being started</strong>It compares with the others before it serves anybody.</p>`,
  left: () =>
    html`<p class="note good" role="status"><strong>The session of this application has ended</strong>The sign-on goes on: this page began a new one.</p>`,
} as const;

export type Note = keyof typeof notes;

export const readNotes: RequestHandler = cookieParser();

export function leaveNote(res: Response, note: Note, node = ''): void {
  res.cookie(cookieName, `${note}.${node}`, { ...attributes, maxAge: 60_000 });
}

/** The note that was left for this page, if any; it is shown once. */
export function takeNote(req: Request, res: Response): Html | undefined {
  const value: unknown = (req.cookies as Readonly<Record<string, unknown>>)[cookieName];
  if (value === undefined) return undefined;
  res.clearCookie(cookieName, attributes);
  const [, name, node] = (typeof value === 'string' && /^(killed|started|left)\.(node\d)?$/.exec(value)) || [];
  return name === undefined ? undefined : notes[name as Note](node ?? 'A node', req.sso.signedIn);
}
