/**
 * `/receipts/<id>`: how a sign-out stands, at any node, until it is complete. Who knows the number may
 * look, and nobody can guess one. A program gets JSON; a page follows it by itself (assets/follow.js),
 * and without script by a link.
 */

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { SsoError, type SsoNode } from '../sso/index.ts';
import { isOwnForm, readForm } from './forms.ts';
import { type Html, html } from './html.ts';
import { receiptView } from './receipt-view.ts';

export interface ReceiptPages {
  readonly sso: SsoNode;
  /** Answers with a page of the site. */
  readonly show: (req: Request, res: Response, page: { title: string; main: Html; status?: number }) => void;
  /** What a site has to say below a receipt. */
  readonly below?: (id: string) => Html;
}

/** Where a receipt is found. */
export const receiptPath = (id: string) => `/receipts/${id}`;

export function receipts({ sso, show, below }: ReceiptPages): Router {
  const router = Router();
  router.get('/receipts/:id', async (req, res) => {
    const id = req.params['id'];
    const found = await look(sso, id);
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Vary', 'Accept');
    if (found === 'unavailable') res.setHeader('Retry-After', '1');
    const status = found === 'unavailable' ? 503 : found === undefined ? 404 : 200;
    if (req.accepts(['json', 'html']) !== 'html') {
      res.status(status).json(status === 200 ? found : { error: sentences[status] });
    } else if (found === 'unavailable' || found === undefined) {
      const main = html`<h1>${sentences[status]}</h1><p class="card"><a href="${receiptPath(id)}">Look again</a></p>`;
      show(req, res, { title: 'Receipt', main, status });
    } else {
      show(req, res, { title: 'Signed out', main: html`${receiptView(found, receiptPath(id))}${below?.(id)}` });
    }
  });
  return router;
}

const sentences: Readonly<Record<number, string>> = {
  404: 'There is no such receipt: it was never issued, or is so old that it has been forgotten.',
  503: 'This node does not know the receipt, and cannot ask every other node at the moment. Please try again.',
};

async function look(sso: SsoNode, id: string) {
  try {
    return await sso.receipt(id);
  } catch (error) {
    if (error instanceof SsoError && error.code === 'ERR_UNAVAILABLE') return 'unavailable';
    throw error;
  }
}

/**
 * A person's sign-out by our own form: ends everything, and leads to the receipt. Whatever else is posted goes on to the
 * library's handler, which answers with JSON or a refusal. Works on a node that is cut off as well: it ends what is known here.
 */
export const signOutByForm: readonly RequestHandler[] = [
  readForm,
  async (req, res, next) => {
    if (!isOwnForm(req) || req.accepts(['json', 'html']) !== 'html') return next();
    try {
      const { id } = await req.sso.logout();
      res.redirect(303, receiptPath(id));
    } catch (error) {
      if (!(error instanceof SsoError) || error.code !== 'ERR_NOT_SIGNED_IN') throw error;
      res.redirect(303, '/');
    }
  },
];
