/**
 * Forms of our own pages. A posted form is believed if no browser marks it as another origin's, and it carries
 * the token that the page was given (bound to the sign-on, or to the visitor's cookie) or comes from no browser at
 * all: what sends neither `Sec-Fetch-Site` nor `Origin` has no cookies that a stranger's page could use (check 36).
 */

import express, { type Request, type RequestHandler } from 'express';
import { type Html, html } from './html.ts';

/** The most a form of ours may hold. */
const formLimit = '16kb';

/** Reads the form into `req.body`; simple fields only. */
export const readForm: RequestHandler = express.urlencoded({ extended: false, limit: formLimit, parameterLimit: 20 });

/** One field of the posted form, if it was sent once. */
export function field(req: Request, name: string): string | undefined {
  const body: unknown = req.body;
  const value =
    typeof body === 'object' && body !== null && Object.hasOwn(body, name)
      ? (body as Record<string, unknown>)[name]
      : undefined;
  return typeof value === 'string' ? value : undefined;
}

export function isOwnForm(req: Request): boolean {
  if (req.sso.isCrossSite()) return false;
  if (req.sso.isCsrfToken(field(req, 'csrf'))) return true;
  return req.headers['sec-fetch-site'] === undefined && req.headers.origin === undefined;
}

/** Lets own forms through, 403 for all others. Goes after `readForm`. */
export const ownFormsOnly: RequestHandler = (req, _res, next) => {
  next(
    isOwnForm(req)
      ? undefined
      : Object.assign(new Error('This form is too old, or came from another site. Please open the page again.'), {
          status: 403,
          expose: true,
        }),
  );
};

export interface FormButton {
  readonly action: string;
  readonly label: string;
  readonly csrf: string;
  readonly style?: 'plain' | 'danger';
  readonly fields?: Readonly<Record<string, string>>;
}

/** A form that is one button. */
export function buttonForm({ action, label, csrf, style, fields = {} }: FormButton): Html {
  const hidden = Object.entries({ csrf, ...fields }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${action}">${hidden}<button${style !== undefined && html` class="${style}"`}>${label}</button></form>`;
}
