/**
 * `/account`: a user's own sign-ons, to look at and to end (checks 28, 44). Whatever ends something is a form with
 * the page's token, and is answered by the page as it is afterwards, with what the receipt says and no more. A
 * user sees and ends nobody else's: every look-up is among the entries of the one who is signed on.
 */

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type EntryView, type Receipt, SsoError, type SsoNode } from '../../sso/index.ts';
import { field, isOwnForm, readForm } from '../forms.ts';
import type { Visits } from '../login/visits.ts';
import { receiptPath } from '../receipts.ts';
import { findByHandle } from './handle.ts';
import { accountView, type Note } from './view.ts';

export interface AccountParts {
  readonly sso: SsoNode;
  readonly visits: Visits;
}

/** Sign-ons ended at the same moment: each waits for the other nodes. */
const endsAtOnce = 32;

export function account({ sso, visits }: AccountParts): Router {
  const router = Router();
  const own: RequestHandler = (req, res, next) => {
    if (req.sso.principal !== undefined) return next();
    res.redirect(303, '/login?return_to=%2Faccount');
  };
  const ownForm: RequestHandler = (req, _res, next) => {
    if (isOwnForm(req)) return next();
    const { foreignForm } = visits.words(req).errors;
    next(Object.assign(new Error(foreignForm), { status: 403, expose: true }));
  };

  router.get('/account', own, async (req, res) => {
    const { name } = req.sso.principal!;
    const words = visits.words(req);
    const view = accountView({
      user: name,
      entries: newestFirst(sso.entries(name)),
      current: req.sso.entryId,
      page: pageOf(req.query['page']),
      csrf: req.sso.csrfToken(),
      now: Date.now(),
      note: await noteOf(sso, req),
      words,
    });
    visits.send(req, res, { title: words.account.title, main: view });
  });

  router.post('/account/end', readForm, ownForm, own, async (req, res) => {
    const { name } = req.sso.principal!;
    const entry = findByHandle(name, sso.entries(name), field(req, 'sign_on'));
    if (entry === undefined) return res.redirect(303, '/account?receipt=none');
    if (entry.id === req.sso.entryId) return res.redirect(303, receiptPath((await req.sso.logout()).id));
    back(res, [await sso.endEntry(entry.id, { cause: 'logout', by: name })]);
  });

  router.post('/account/end-others', readForm, ownForm, own, async (req, res) => {
    const { name } = req.sso.principal!;
    const others = sso.entries(name).filter(({ id }) => id !== req.sso.entryId);
    const ended: Receipt[] = [];
    for (let from = 0; from < others.length; from += endsAtOnce) {
      const some = others.slice(from, from + endsAtOnce);
      ended.push(...(await Promise.all(some.map(({ id }) => sso.endEntry(id, { cause: 'logout', by: name })))));
    }
    back(res, ended);
  });

  router.post('/account/end-all', readForm, ownForm, own, async (req, res) => {
    const { name } = req.sso.principal!;
    const { id } = await sso.endSubject(name, { by: name });
    // Takes the cookie of this browser away as well; the sign-on itself has ended by now.
    await req.sso.logout();
    res.redirect(303, receiptPath(id));
  });
  return router;
}

/** To the page, with the receipt that says least: one that is pending, if there is one. */
function back(res: Response, receipts: readonly Receipt[]): void {
  const shown = receipts.find(({ state }) => state === 'pending') ?? receipts.at(-1);
  res.redirect(303, `/account?receipt=${shown === undefined ? 'none' : encodeURIComponent(shown.id)}`);
}

/** What the page says of what was just done: read from the receipt, so an address can claim nothing. */
async function noteOf(sso: SsoNode, req: Request): Promise<Note | undefined> {
  const id = req.query['receipt'];
  if (typeof id !== 'string') return undefined;
  if (id === 'none') return { kind: 'gone' };
  try {
    const receipt = await sso.receipt(id);
    return (
      receipt && { kind: receipt.state === 'complete' ? 'ended' : 'endedPending', receipt: receiptPath(receipt.id) }
    );
  } catch (error) {
    if (error instanceof SsoError) return undefined;
    throw error;
  }
}

function newestFirst(entries: readonly EntryView[]): readonly EntryView[] {
  return entries.toSorted((a, b) => b.openedAt - a.openedAt);
}

function pageOf(text: unknown): number {
  return typeof text === 'string' && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 1;
}
