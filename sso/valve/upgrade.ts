/**
 * Who is asking by a WebSocket's upgrade, which no middleware sees. Browsers let any page open a socket
 * to any host, with that host's cookies, so an upgrade whose Origin is neither this host's nor a
 * configured one is nobody's (cross-site WebSocket hijacking).
 */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import { parseUrl } from '../http/url.ts';
import { admissionParts, admit } from './admission.ts';
import { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';
import type { Sso } from './sso.ts';

/**
 * Reads the sign-on of an upgrade by its cookies. What needs an answer with headers (`open`, a visitor's `csrfToken`)
 * fails with ERR_ANSWER_STARTED.
 */
export function upgradeReader(valveParts: ValveParts): (req: IncomingMessage) => Promise<Sso> {
  const parts = admissionParts(valveParts);
  return async (req) => {
    const answer = new ServerResponse(req);
    answer.writeHead(101);
    const asked = req as Request;
    if (isForeignPage(req, parts.settings.origins)) asked.sso = new RequestSso(parts, asked, answer as Response);
    else await admit(parts, asked, answer as Response);
    return asked.sso;
  };
}

function isForeignPage({ headers: { origin, host } }: IncomingMessage, origins: readonly string[]): boolean {
  if (origin === undefined || origins.includes(origin)) return false;
  return host === undefined || parseUrl(origin)?.host !== host.toLowerCase();
}
