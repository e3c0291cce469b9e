/**
 * What a page of `latchkey serve` needs to know of the one who asks: which language to speak, and the
 * frame in the operator's name and colours. Made once for each request, whoever shows the page.
 */

import type { Request, RequestHandler, Response } from 'express';
import { type Language, languages, type SiteConfig } from '../../config/site.ts';
import type { SsoNode } from '../../sso/index.ts';
import { type HtmlValue, html } from '../html.ts';
import { type Frame, type Link, type Page, sendPage } from '../page.ts';
import type { Words } from '../words/english.ts';
import { dictionaries, languageOf } from '../words/language.ts';
import { coloursPath, logoPath } from './branding.ts';
import { hostCookie } from './host-cookie.ts';

export interface Visits {
  /** Before all pages: keeps a language that was chosen. */
  readonly remember: RequestHandler;
  readonly words: (req: Request) => Words;
  readonly frame: (req: Request) => Frame;
  /** Answers with a page that nobody else may be shown. */
  readonly send: (req: Request, res: Response, page: Omit<Page, keyof Frame>, status?: number) => void;
}

const yearS = 31_536_000;
/** What of an address says something that its page shows in another language, too; beside where it leads back to. */
const keptParameters = {
  error: /^(credentials|throttled|busy|unavailable)$/,
  retry_after: /^\d{1,6}$/,
  page: /^\d{1,4}$/,
  receipt: /^[\w-]{1,64}$/,
} as const;

export function visits(sso: SsoNode, site: SiteConfig): Visits {
  const cookie = hostCookie('lang', sso.cookie.secure, yearS);
  const known = new WeakMap<Request, Language>();
  const language = (req: Request): Language => {
    let spoken = known.get(req);
    if (spoken === undefined) {
      const asked = { chosen: req.query['lang'], kept: cookie.read(req), accepted: req.headers['accept-language'] };
      known.set(req, (spoken = languageOf(site.languages, asked)));
    }
    return spoken;
  };
  const words = (req: Request) => dictionaries[language(req)];
  const frame = (req: Request): Frame => ({
    site: site.name,
    words: words(req),
    scriptless: true,
    ...(site.logo !== undefined && { logo: logoPath(site.logo) }),
    ...(site.colours !== undefined && { colours: coloursPath }),
    languages: site.languages.map((lang) => ({
      href: inLanguage(req, lang, sso.returnAddress(req)),
      text: dictionaries[lang].page.language,
      lang,
      current: lang === language(req),
    })),
    help: helpOf(site, words(req)),
  });
  return {
    remember(req, res, next) {
      const chosen = languages.find((lang) => lang === req.query['lang']);
      if (req.method === 'GET' && chosen !== undefined && site.languages.includes(chosen)) cookie.set(res, chosen);
      next();
    },
    words,
    frame,
    send(req, res, page, status = 200) {
      res.vary('Cookie, Accept-Language');
      const links = req.sso.signedIn ? navigation(req, words(req)) : [];
      sendPage(res, status, { ...frame(req), links, ...page });
    },
  };
}

function navigation(req: Request, { nav }: Words): readonly Link[] {
  return [
    { href: '/', text: nav.home },
    { href: '/account', text: nav.signOns },
    { href: '/logout', text: nav.signOut },
  ].map((link) => ({ ...link, current: link.href === req.path }));
}

/** This page in that language; of a posted form the page that shows it. */
function inLanguage(req: Request, lang: Language, returnTo: string | undefined): string {
  const parameters = new URLSearchParams();
  if (returnTo !== undefined) parameters.set('return_to', returnTo);
  for (const [name, shape] of Object.entries(keptParameters)) {
    const value = req.query[name];
    if (typeof value === 'string' && shape.test(value)) parameters.set(name, value);
  }
  parameters.set('lang', lang);
  // A path that begins with two slashes, of either kind, would be another host.
  return `/${req.path.replace(/^[/\\]+/, '')}?${parameters}`;
}

function helpOf({ help }: SiteConfig, { page }: Words): HtmlValue {
  if (help === undefined) return undefined;
  if (help.href === undefined) return help.text;
  return html`<a href="${help.href}">${help.text ?? page.help}</a>`;
}
