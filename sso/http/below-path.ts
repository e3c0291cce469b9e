/** Where a browser sends a cookie to: to its path and what lies below (RFC 6265 5.1.4). */

import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';

/** Whether a cookie of this path comes with such a request, if the browser has it. Without a path: with any, as far as can be said here. */
export function isBelowPath(path: string | null | undefined, req: IncomingMessage): boolean {
  if (path === undefined || path === null || path === '/') return true;
  const url = (req as Partial<Request>).originalUrl ?? req.url ?? '';
  const [requested = ''] = url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1);
  return requested === path || requested.startsWith(path.endsWith('/') ? path : `${path}/`);
}
