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
import { english, type Words } from './words/english.ts';

export interface ReceiptPages {
  readonly sso: SsoNode;
  /** Answers with a page of the site. */
  readonly show: (req: Request, res: Response, page: ReceiptPage) => void;
  /** What a site has to say below a receipt. */
  readonly below?: (id: string, req: Request) => Html | undefined;
  /** What the site speaks. Default English. */
  readonly wordsOf?: (req: Request) => Words['receipt'];
}

export interface ReceiptPage {
  readonly title: string;
  readonly main: Html;
  readonly status?: number;
  /** It is pending: the page follows it. */
  readonly follows: boolean;
}

/** Where a receipt is found. */
export const receiptPath = (id: string) => `/receipts/${id}`;

export function receipts({ sso, show, below, wordsOf = () => english.receipt }: ReceiptPages): Router {
  const router = Router();
  const forPrograms = sso.receipts();
  router.get('/receipts/:id', async (req, res, next) => {
    res.vary('Accept');
    if (req.accepts(['json', 'html']) !== 'html') return void forPrograms(req, res, next);
    const id = req.params['id'];
    const found = await look(sso, id);
    res.setHeader('Cache-Control', 'no-store');
    if (found === 'unavailable') res.setHeader('Retry-After', '1');
    const words = wordsOf(req);
    if (found === 'unavailable' || found === undefined) {
      const [status, sentence] = found === undefined ? [404, words.absent] : [503, words.unknowable];
      const main = html`<h1>${sentence}</h1><p class="card"><a href="${receiptPath(id)}">${words.lookAgain}</a></p>`;
      show(req, res, { title: words.title, main, status, follows: false });
    } else {
      const main = html`${receiptView(found, pageAddress(req), words)}${below?.(id, req)}`;
      show(req, res, { title: words.headline[found.state], main, follows: found.state === 'pending' });
    }
  });
  return router;
}

/** This page itself, where it leads back to included: a path of ours. */
function pageAddress(req: Request): string {
  const { return_to: returnTo } = req.query;
  const path = receiptPath(String(req.params['id']));
  return typeof returnTo === 'string' ? `${path}?${new URLSearchParams({ return_to: returnTo })}` : path;
}

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
