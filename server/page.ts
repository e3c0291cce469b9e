/** The frame that every page of ours stands in. Works without script; one h1, landmarks, a skip link. The script only follows what changes by itself. */

import type { Response } from 'express';
import { iconPath, scriptPath, stylePath } from './assets.ts';
import { type Html, type HtmlValue, html } from './html.ts';

/** What the pages of one application share. */
export interface Frame {
  /** The application's name, at the top of each page and in the title. */
  readonly site: string;
  /** Its colours: a class of the style sheet. */
  readonly theme?: string;
}

export interface Page extends Frame {
  readonly title: string;
  readonly links?: readonly Link[];
  readonly main: HtmlValue;
  readonly footer?: HtmlValue;
}

export interface Link {
  readonly href: string;
  readonly text: string;
  /** The page that is being shown. */
  readonly current?: boolean;
}

export function sendPage(res: Response, status: number, page: Page): void {
  res.status(status).type('html').send(document(page).toString());
}

function document({ title, site, theme, links = [], main, footer }: Page): Html {
  return html`<!doctype html>
<html lang="en" class="${theme ?? 'plain'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${site}</title>
<link rel="stylesheet" href="${stylePath}">
<link rel="icon" href="${iconPath}" type="image/svg+xml">
<script src="${scriptPath}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="site"><div>
<a class="name" href="/">${site}</a>
${links.length > 0 && html`<nav aria-label="Pages"><ul>${links.map(navigationLink)}</ul></nav>`}
</div></header>
<main id="main">
${main}
</main>
${footer !== undefined && html`<footer class="site">${footer}</footer>`}
</body>
</html>
`;
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
