/** A request as it arrived here: what a balancer made of what was sent. */

import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { connectionOf } from '../http/connection.ts';
import type { ProbedRequest } from './probe-answer.ts';

/** What balancers add, change and drop, and what cookies and upgrades travel in. */
const shown =
  /^(host|forwarded|via|x-forwarded-.*|x-real-ip|x-client-.*|x-cluster-client-ip|true-client-ip|x-original-.*|x-rewrite-.*|x-scheme|x-url-scheme|front-end-https|connection|upgrade|origin|sec-websocket-.*|cookie)$/i;
/** The shapes of a session id and of a token: they are nobody's business, not even in an answer to whoever sent them. */
const secretShape = /(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]{65}|[A-Za-z0-9_-]{70})(?![A-Za-z0-9_-])/g;

/** What AJP said of a request beyond HTTP; `undefined` where it did not come by it. */
export type AjpView = (
  req: IncomingMessage,
) => { readonly jvmRoute?: string | undefined; readonly isSsl: boolean } | undefined;

export function requestSeen(req: IncomingMessage, ajpOf?: AjpView): ProbedRequest {
  const { socket, rawHeaders } = req;
  const believed = connectionOf(req);
  const encrypted = (socket as { readonly encrypted?: boolean }).encrypted === true;
  const ajp = ajpOf?.(req);
  return {
    method: req.method ?? '',
    url: (req as Partial<Request>).originalUrl ?? req.url ?? '',
    httpVersion: req.httpVersion,
    host: req.headers.host,
    // Outside Express there is nobody who believes anything but the socket.
    protocol: believed.protocol ?? (encrypted ? 'https' : 'http'),
    secure: believed.secure ?? encrypted,
    ip: believed.protocol === undefined ? socket.remoteAddress : believed.ip,
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    headers: headersSeen(rawHeaders),
    headerBytes: rawHeaders.reduce((sum, text) => sum + text.length, 0),
    ...(ajp !== undefined && { ajp: { jvmRoute: ajp.jvmRoute, isSsl: ajp.isSsl } }),
  };
}

function headersSeen(raw: readonly string[]): readonly (readonly [string, string])[] {
  const seen: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    if (!shown.test(name)) continue;
    seen.push([name, /^cookie$/i.test(name) ? raw[i + 1]!.replace(secretShape, '…') : raw[i + 1]!]);
  }
  return seen;
}
