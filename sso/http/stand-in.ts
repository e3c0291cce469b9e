/**
 * What is handed to a middleware that is run over an upgrade request in the place of an answer: `{}` in the README of ws; of Engine.IO
 * (socket.io) something that takes headers until the upgrade is answered, and says so by a `writeHead()` without anything. Nobody is answered
 * by either. What holds of both kinds is asked here.
 */

import type { ServerResponse } from 'node:http';

export function isStandIn(res: ServerResponse): boolean {
  return (res as { headersSent?: boolean }).headersSent === undefined;
}

/** Whether nothing can be added to the headers any more. A stand-in does not say so, and is tried. */
export function areHeadersGone(res: ServerResponse): boolean {
  if (!isStandIn(res)) return res.headersSent;
  try {
    res.getHeader('Vary');
    return false;
  } catch {
    return true;
  }
}

/** As `res.hasHeader`, which a stand-in has not. For while headers can be added. */
export const hasHeader = (res: ServerResponse, name: string): boolean => res.getHeader(name) !== undefined;
