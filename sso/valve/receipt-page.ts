/**
 * How a logout stands, for whoever knows the number of its receipt: JSON, at any node, without a sign-on,
 * since the one that it is about has ended. Mounted as `host.use('/receipts', sso.receipts())`, or as the
 * handler of a route whose last segment is the number.
 */

import type { RequestHandler } from 'express';
import { SsoError } from '../errors.ts';
import { retryLater, sendJson } from '../http/reply.ts';
import { isReceiptId, type Receipt } from '../receipt.ts';

/** `undefined`: nobody knows it. @throws SsoError ERR_UNAVAILABLE it is unknown here, and not every node could be asked */
export type FindReceipt = (id: string) => Promise<Receipt | undefined>;

export function receiptPage(find: FindReceipt): RequestHandler {
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return sendJson(res, 405, { error: 'method', message: 'A receipt can be read, and nothing else.' });
    }
    const id = req.path.slice(req.path.lastIndexOf('/') + 1);
    if (!isReceiptId(id))
      return sendJson(res, 400, { error: 'receipt-id', message: 'This is not the number of a receipt.' });
    find(id).then(
      (receipt) =>
        receipt === undefined
          ? sendJson(res, 404, { error: 'receipt-unknown', message: sentences.unknown })
          : sendJson(res, 200, receipt),
      (error: unknown) => {
        if (!(error instanceof SsoError) || error.code !== 'ERR_UNAVAILABLE') return next(error);
        retryLater(res);
        sendJson(res, 503, { error: 'unavailable', message: sentences.unavailable });
      },
    );
  };
}

const sentences = {
  unknown: 'There is no such receipt: it was never issued, or is so old that it has been forgotten.',
  unavailable: 'This node does not know the receipt, and cannot ask every other node at the moment. Please try again.',
} as const;
