/** The frame that every page of ours stands in. Works without script; one h1, landmarks, a skip link. The script only follows what changes by itself. */

import type { Request, Response } from 'express';
import { iconPath, scriptPath, stylePath } from './assets.ts';
import { type Html, type HtmlValue, html } from './html.ts';
import { english, type Words } from './words/english.ts';

/** What the pages of one application share. */
export interface Frame {
  /** The application's name, at the top of each page and in the title. */
  readonly site: string;
  /** Its colours: a class of the style sheet. */
  readonly theme?: string;
  /** What it speaks. Default English. */
  readonly words?: Words;
  /** Where its logo is; beside the name, so it says nothing of its own. */
  readonly logo?: string;
  /** A style sheet after ours, with the operator's colours. */
  readonly colours?: string;
  /** Pages without any script, except those that follow something. */
  readonly scriptless?: boolean;
  /** The languages to choose from. */
  readonly languages?: readonly (Link & { readonly lang: string })[];
  /** At the foot of every page. */
  readonly help?: HtmlValue;
}

/** A frame that depends on who asks, as a language does. */
export type FrameOf = Frame | ((req: Request) => Frame);

export interface Page extends Frame {
  readonly title: string;
  readonly links?: readonly Link[];
  readonly main: HtmlValue;
  readonly footer?: HtmlValue;
  /** One form in the middle, and little else. */
  readonly narrow?: boolean;
  /** The page shows something that changes by itself. */
  readonly follows?: boolean;
}

export interface Link {
  readonly href: string;
  readonly text: string;
  /** The page that is being shown. */
  readonly current?: boolean;
}

export function sendPage(res: Response, status: number, page: Page): void {
  res.status(status).type('html').send(pageText(page));
}

/** The page alone, for whoever sends the same one to many. */
export function pageText(page: Page): string {
  return document(page).toString();
}

export function frameOf(frame: FrameOf, req: Request): Frame {
  return typeof frame === 'function' ? frame(req) : frame;
}

function document(page: Page): Html {
  const { title, site, theme, links = [], main, words = english, logo, colours } = page;
  const hasScript = page.follows ?? page.scriptless !== true;
  return html`<!doctype html>
<html lang="${words.page.lang}" class="${theme ?? 'plain'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${site}</title>
<link rel="stylesheet" href="${stylePath}">
${colours !== undefined && html`<link rel="stylesheet" href="${colours}">`}
<link rel="icon" href="${iconPath}" type="image/svg+xml">
${hasScript && html`<script src="${scriptPath}" defer></script>`}
</head>
<body${page.narrow === true && html` class="narrow"`}>
<a class="skip" href="#main">${words.page.skip}</a>
<header class="site"><div>
<a class="name" href="/">${logo !== undefined && html`<img src="${logo}" alt="">`}<span>${site}</span></a>
${links.length > 0 && html`<nav aria-label="${words.page.pages}"><ul>${links.map(navigationLink)}</ul></nav>`}
</div></header>
<main id="main">
${main}
</main>
${foot(page, words)}
</body>
</html>
`;
}

function foot({ footer, help, languages = [] }: Page, { page }: Words): HtmlValue {
  if (footer === undefined && help === undefined && languages.length < 2) return undefined;
  return html`<footer class="site"><div>
${footer !== undefined && html`<div>${footer}</div>`}
${help !== undefined && html`<p class="help">${help}</p>`}
${
  languages.length > 1 &&
  html`<nav class="languages" aria-label="${page.languages}"><ul>${languages.map(
    ({ href, text, lang, current }) =>
      html`<li><a href="${href}" lang="${lang}" hreflang="${lang}"${current && html` aria-current="true"`}>${text}</a></li>`,
  )}</ul></nav>`
}
</div></footer>`;
}

function navigationLink({ href, text, current }: Link): Html {
  return html`<li><a href="${href}"${current && html` aria-current="page"`}>${text}</a></li>`;
}

/** A moment, readable without script: the page does not know the reader's time zone. */
export function time(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** The same where the day goes without saying. */
export function timeOfDay(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`;
}

const spans = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;
const relative = new Map<string, Intl.RelativeTimeFormat>();

/** How long ago, in words: right in every time zone. The instant itself is in the element, and in its title. */
export function timeAgo(at: number, now: number, lang: string): Html {
  let format = relative.get(lang);
  if (format === undefined) relative.set(lang, (format = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })));
  const ago = Math.max(0, now - at);
  const [unit, ms] = spans.find(([, length]) => ago >= length) ?? ['second', 1_000_000_000_000_000];
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC">${format.format(-Math.floor(ago / ms), unit)}</time>`;
}
