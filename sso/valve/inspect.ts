/**
 * Who is asking, by a request that is only asked about: a proxy shows it to this node and answers the
 * browser itself (forward authentication). It is read as the valve reads it, and counts as a use. The
 * answer to such a question reaches no browser that could keep a cookie, so none is ever set or
 * deleted; nothing is left on the request, which a valve may judge again.
 */

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { admissionParts, recognise } from './admission.ts';
import { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';
import type { Sso } from './sso.ts';

/**
 * Reads the sign-on of a request by its cookies. What needs an answer with headers (`open`, a visitor's `csrfToken`) fails with
 * ERR_ANSWER_STARTED. A promise only if somebody must be asked.
 */
export function inspector(valveParts: ValveParts): (req: IncomingMessage) => Sso | Promise<Sso> {
  const parts = admissionParts(valveParts);
  const answered = answeredLongAgo();
  return (req) => {
    const sso = new RequestSso(parts, req as Request, answered);
    const waiting = recognise(parts, sso, req as Request);
    return waiting === undefined ? sso : waiting.then(() => sso);
  };
}

/** One for all: its headers are gone, so nothing can be added to it, and whoever tries is told. */
function answeredLongAgo(): Response {
  const answer = new ServerResponse(new IncomingMessage(new Socket()));
  answer.writeHead(200);
  return answer as Response;
}
