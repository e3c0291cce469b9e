/**
 * What the virtual host believes about a request's connection. `req.secure` and `req.hostname` follow the
 * `trust proxy` of whichever application is handling the request, and one that is called by host name
 * rather than mounted has a `trust proxy` of its own: where the valve stands decides for all below it (V11).
 */

import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { RequestNotes } from './request-notes.ts';

export interface Connection {
  readonly secure: boolean;
  readonly protocol: string;
  readonly hostname: string | undefined;
  /** The client's address. */
  readonly ip?: string | undefined;
}

/** The connection as the host sees it; without a valve, as the application at hand does. */
export function connectionOf(req: IncomingMessage): Connection {
  const host = RequestNotes.hostOf(req);
  if (host === undefined || host === (req as Partial<Request>).app) return req as Request;
  const { headers, socket } = req;
  return Object.setPrototypeOf({ headers, socket, connection: socket }, (host as { request?: object }).request ?? null);
}
